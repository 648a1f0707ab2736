import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { requireProgram, runCommand } from '../../src/programs/run-command.ts';
import { spawnProgram } from '../../src/programs/spawn-program.ts';

vi.mock('../../src/programs/spawn-program.ts', { spy: true });

const env = { PATH: process.env.PATH };

test('waits for a command that this user may not signal', async () => {
  const { spawnProgram: spawn } = await vi.importActual<typeof import('../../src/programs/spawn-program.ts')>(
    '../../src/programs/spawn-program.ts',
  );
  vi.mocked(spawnProgram).mockImplementationOnce(async (...args) => {
    const child = await spawn(...args);
    // As Node.js does if the command is `sudo`, which runs as another user.
    child.kill = () => {
      child.emit('error', Object.assign(new Error('kill EPERM'), { code: 'EPERM', syscall: 'kill' }));
      return false;
    };
    return child;
  });
  const ended = await runCommand(['sh', '-c', 'sleep 0.05; exit 3'], {
    env,
    passSignals(receive) {
      receive('SIGWINCH');
      receive('SIGTERM');
      return () => {};
    },
  });
  expect(ended).toEqual({ exitCode: 3, isInterrupted: false });
  expect(vi.mocked(spawnProgram)).toHaveBeenCalledOnce();
});

test.each([
  ['arguments that are too long', ['true', 'x'.repeat(200_000)], 'Can\'t execute "true": argument list too long'],
  [
    'a path below a file',
    [path.resolve('package.json/x')],
    `Can't execute "${path.resolve('package.json/x')}": not a directory`,
  ],
])("says why it can't start a command with %s", async (_what, words, message) => {
  const failure = runCommand(words, { env, passSignals: () => () => {} });
  await expect(failure).rejects.toMatchObject({ code: 'command_not_executable', message });
});

test('finds a program without PATH, as the system does', async () => {
  expect(() => requireProgram('true', { env: {}, cwd: '/' })).not.toThrow();
  expect(() => requireProgram('no-such-program', { env: {}, cwd: '/' })).toThrow(`Can't find "no-such-program"`);
  const ended = await runCommand(['true'], { env: {}, passSignals: () => () => {} });
  expect(ended.exitCode).toBe(0);
});
