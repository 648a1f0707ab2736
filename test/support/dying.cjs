// Loaded before the program, which it ends as a power failure would: after DIES_AFTER steps with files whose paths match DIES_AT, by
// default a dotenv file or files next to it. With COPIES_TO, it copies those files to a numbered folder before each step instead.
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const promises = require('node:fs/promises');

const { DIES_AFTER, DIES_AT = '\\.env', COPIES_TO } = process.env;
const pattern = new RegExp(DIES_AT);
let steps = 0;
/** The open descriptors of such files. */
const open = new Set();

function step() {
  if (steps === Number(DIES_AFTER)) process.kill(process.pid, 'SIGKILL');
  if (COPIES_TO !== undefined) {
    const folder = `${COPIES_TO}/${steps}`;
    fs.mkdirSync(folder);
    execFileSync('cp', ['-a', ...fs.readdirSync('.').filter(isMeant), folder]);
  }
  steps += 1;
}

function counted(object, name, counts) {
  const original = object[name];
  object[name] = function (...args) {
    if (counts(...args)) step();
    return original.apply(this, args);
  };
}

const isMeant = (file) => pattern.test(String(file));
const isOpen = (handle) => open.has(handle);
const always = () => true;

for (const name of ['rmSync', 'renameSync', 'mkdirSync', 'rmdirSync']) counted(fs, name, isMeant);
for (const name of ['fchmodSync', 'ftruncateSync', 'fsyncSync']) counted(fs, name, isOpen);

const { openSync, closeSync, writeSync } = fs;
fs.openSync = (file, ...args) => {
  if (!isMeant(file)) return openSync(file, ...args);
  step();
  const handle = openSync(file, ...args);
  open.add(handle);
  return handle;
};
fs.closeSync = (handle) => {
  if (isOpen(handle)) step();
  open.delete(handle);
  closeSync(handle);
};
fs.writeSync = (handle, buffer, offset, length, position) => {
  if (!isOpen(handle)) return writeSync(handle, buffer, offset, length, position);
  step();
  const half = Math.floor(length / 2);
  writeSync(handle, buffer, offset, half, position);
  step();
  writeSync(handle, buffer, offset + half, length - half, position + half);
  return length;
};

const { open: openLater } = promises;
promises.open = async (file, ...args) => {
  if (!isMeant(file)) return openLater(file, ...args);
  step();
  const handle = await openLater(file, ...args);
  for (const name of ['readFile', 'close']) counted(handle, name, always);
  return handle;
};
