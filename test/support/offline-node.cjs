// Is loaded before a program of Node.js and those that it starts. Keeps them on this machine, and records where they tried to
// connect to, and a secret in their arguments or environment.
const fs = require('node:fs');
const { Socket } = require('node:net');

const record = process.env.OFFLINE_NODE_RECORD;
const note = (event) => fs.appendFileSync(record, `${event}\n`);

const secret = /sk_[A-Za-z0-9_-]{20,}/;
if (secret.test(process.argv.join(' '))) note(`a secret in the arguments of ${process.argv[1]}`);
if (secret.test(Object.values(process.env).join(' '))) note(`a secret in the environment of ${process.argv[1]}`);

// A program may exit before it has written all of its log. Here, it never does.
for (const name of ['mkdir', 'appendFile']) fs.promises[name] = async (...args) => fs[`${name}Sync`](...args);

const { connect } = Socket.prototype;
Socket.prototype.connect = function connectHere(...args) {
  // Functions of node:net pass a list with the options first.
  const [options] = Array.isArray(args[0]) ? args[0] : args;
  if (options?.path || options?.host === '127.0.0.1') return connect.apply(this, args);
  note(`a connection to ${options?.host}`);
  process.nextTick(() => this.destroy(new Error('This program is offline.')));
  return this;
};
