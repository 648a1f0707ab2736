// Lets a benchmark call functions in child processes, so that each part of a measurement has a processor to itself.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The environment of child processes: without NODE_EXTRA_CA_CERTS, which slows down the start. */
const childEnv = { PATH: process.env.PATH, HOME: process.env.HOME };

/**
 * Starts a script next to this file.
 *
 * @returns a function that calls one of the script's functions by its name, and the process
 */
export function startScript(name, args) {
  const child = fork(fileURLToPath(new URL(name, import.meta.url)), args, { env: childEnv });
  const open = new Map();
  let last = 0;
  child.on('message', ({ id, value, problem }) => {
    const { resolve, reject } = open.get(id);
    open.delete(id);
    if (problem === undefined) resolve(value);
    else reject(new Error(problem));
  });
  child.on('exit', (code) => {
    for (const { reject } of open.values()) reject(new Error(`${name} exited with code ${code}`));
  });
  const call = (fn, ...values) =>
    new Promise((resolve, reject) => {
      open.set(++last, { resolve, reject });
      child.send({ id: last, fn, values });
    });
  return { call, child };
}

/** Answers the calls of the process that started this one, and ends with it. */
export function answerCalls(functions) {
  process.on('disconnect', () => process.exit());
  process.on('message', async ({ id, fn, values }) => {
    try {
      process.send({ id, value: await functions[fn](...values) });
    } catch (error) {
      process.send({ id, problem: error.stack });
    }
  });
}
