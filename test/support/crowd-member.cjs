// A process that runs command lines of the shipped bundle, one after the other, as the process that started it tells it to.
const { Readable, Writable } = require('node:stream');
const { setTimeout } = require('node:timers/promises');
const { run } = require('../../dist/main.js');
const { version } = require('../../package.json');

/** Collects what is written. */
function collect() {
  let text = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  return { stream, text: () => text };
}

/** Waits, or until the signal is aborted. */
const sleep = (milliseconds, signal) => setTimeout(milliseconds, undefined, { signal }).catch(() => {});

process.on('message', async ({ args, cwd, env, stdin }) => {
  const [stdout, stderr] = [collect(), collect()];
  const code = await run(args, {
    stdin: Readable.from(stdin === '' ? [] : [Buffer.from(stdin)]),
    stdout: stdout.stream,
    stderr: stderr.stream,
    cwd,
    env,
    now: Date.now,
    monotonic: () => performance.now(),
    sleep,
    timeZone: 'UTC',
    version,
    interrupt: new AbortController().signal,
  });
  process.send({ code, signal: null, stdout: stdout.text(), stderr: stderr.text() });
});
