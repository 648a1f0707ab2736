// Loaded before the program, which it ends as a loss of power would: when DIES_AFTER steps were taken with a dotenv file
// or what lies beside it.
const fs = require('node:fs');
const promises = require('node:fs/promises');

let left = Number(process.env.DIES_AFTER);

function step() {
  if (left === 0) process.kill(process.pid, 'SIGKILL');
  left -= 1;
}

function counted(object, name, isMeant) {
  const original = object[name];
  object[name] = function (...args) {
    if (isMeant(...args)) step();
    return original.apply(this, args);
  };
}

const isBesideDotenv = (file) => String(file).includes('.env');
const always = () => true;

for (const name of ['openSync', 'rmSync']) counted(fs, name, isBesideDotenv);
for (const name of ['rename', 'rm']) counted(promises, name, isBesideDotenv);

const { open } = promises;
promises.open = async (file, ...args) => {
  if (!isBesideDotenv(file)) return open(file, ...args);
  step();
  const handle = await open(file, ...args);
  for (const name of ['readFile', 'truncate', 'sync', 'chmod', 'close']) counted(handle, name, always);
  const write = handle.write.bind(handle);
  handle.write = async (buffer, offset, length, position) => {
    step();
    const half = Math.floor(length / 2);
    await write(buffer, offset, half, position);
    step();
    await write(buffer, offset + half, length - half, position + half);
    return { bytesWritten: length, buffer };
  };
  return handle;
};
