import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Environment, type User, user, userOf } from '../support/cli.ts';
import { errorOf } from '../support/lost.ts';
import { bin } from '../support/program.ts';
import { at, listAt } from '../support/sandbox.ts';
import { recordedSandbox, silence } from '../support/servers.ts';

const secret = 'mk_thrown_0123456789abcdef';
const message = `no ${secret} at\\nPASSWORD=correct horse battery\\nhttps://ada:lovelace@proxy.test`;

/** Returns an environment in which `ci` first loads a script that throws where no command awaits it. */
function throwing(me: User, script: string): Environment {
  const file = path.join(me.home, 'throwing.cjs');
  writeFileSync(file, script);
  return { NODE_OPTIONS: `--require ${file}` };
}

const ways = [
  ['exception', `setImmediate(() => { throw new Error('${message}') });`],
  ['rejection', `setImmediate(() => { Promise.reject(new Error('${message}')) });`],
  ['exception that is not an Error', `setImmediate(() => { throw '${message}' });`],
] as const;

describe.each(ways)('an unhandled %s', (_what, script) => {
  // The API never responds, so it isn't the command that ends.
  const waiting = async () => {
    const api = await recordedSandbox({ instead: () => silence });
    return userOf(api);
  };

  test('is reported in one line without a secret, with exit code 1', async () => {
    const me = await waiting();
    const { code, stdout, stderr } = await me.process('pools list', { env: throwing(me, script) });
    expect([code, stdout, stderr]).toEqual([
      1,
      '',
      'ci: Internal error: no mk_…cdef at PASSWORD=… https://…@proxy.test. Please report it, with the command and the output of --debug.\n',
    ]);
  });

  test('is reported as a JSON error with --json', async () => {
    const me = await waiting();
    const { code, stdout, stderr } = await me.process('pools list --json', { env: throwing(me, script) });
    expect([code, stdout]).toEqual([1, '']);
    expect(at(JSON.parse(stderr), 'error')).toEqual({
      code: 'internal',
      message: 'Internal error: no mk_…cdef at\nPASSWORD=…\nhttps://…@proxy.test',
      hint: 'Please report it, with the command and the output of --debug.',
      status: null,
      retryable: false,
      outcome: null,
    });
  });
});

test('prints the stack of a crash with --debug, without a secret', async () => {
  const api = await recordedSandbox({ instead: () => silence });
  const me = userOf(api);
  const { code, stderr } = await me.process('pools list --debug', { env: throwing(me, ways[0][1]) });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^Error: no mk_…cdef at$/m);
  expect(stderr).toMatch(/^ +at .*throwing\.cjs:1:/m);
  expect(stderr).toMatch(/^ci: Internal error: .*\n$/m);
  expect(stderr).not.toMatch(/thrown_0123|horse|lovelace/);
});

test('leaves the outcome of a change unknown, and says so', async () => {
  const api = await recordedSandbox({ instead: ({ method }) => (method === 'POST' ? silence : undefined) });
  const me = userOf(api);
  const env = throwing(me, `process.on('SIGUSR2', () => { throw new Error('boom') });`);
  const running = me.start('pools subscribe kimi26 --blocks europe --yes --json', { env });
  await api.got('POST');
  running.kill('SIGUSR2');
  const { code, stdout, stderr } = await running.ended;
  expect([code, stdout]).toEqual([1, '']);
  expect(errorOf({ stderr })).toMatchObject({
    code: 'internal',
    message: 'Internal error: boom',
    outcome: 'unknown',
  });
});

test('reports an error after the command is done', async () => {
  const api = await recordedSandbox();
  const me = userOf(api);
  const env = throwing(me, `process.on('exit', () => { throw new Error('late') });`);
  const { code, stdout, stderr } = await me.process('pools list --json', { env });
  expect([code, listAt(JSON.parse(stdout)).length > 0]).toEqual([1, true]);
  expect(at(JSON.parse(stderr), 'error')).toMatchObject({ code: 'internal', message: 'Internal error: late' });
});

test('reports an incomplete installation in one line', async () => {
  const me = user();
  const { code, stdout, stderr } = await me.sh(
    `mkdir -p part/bin && cp ${bin} part/bin/ && ${process.execPath} part/bin/ci.js pools list`,
  );
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toBe("ci: The installation is incomplete: Cannot find module '../dist/main.js'. Install it again.\n");
});
