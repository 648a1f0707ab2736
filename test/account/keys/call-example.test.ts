import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { callCommand } from '../../../src/account/keys/call-example.ts';
import { createContext } from '../../../src/context/create.ts';
import { Buffered } from '../../support/buffer.ts';
import { emptyFolder } from '../../support/folder.ts';
import { Line } from '../../support/person.ts';
import { worldWith } from '../../support/world.ts';

/** Returns the command for a new key in a file, without the line above it. */
function commandFor(shell: string, width: number, model = 'kimi-k2.6'): string {
  const folder = emptyFolder();
  const env = { SHELL: shell, HOME: folder, CHEAPESTINFERENCE_SANDBOX: '1' };
  const world = worldWith({ stdout: new Buffered(false), stderr: new Line(false), env });
  const context = createContext(world, () => ({ input: true, color: false }));
  const saved = { count: 1, words: 'in .env', variables: ['CHEAPESTINFERENCE_API_KEY'], dotenvFile: '.env' };
  return callCommand(context, { saved, model }, width).replace(/.*:\n/, '');
}

describe.each(['/bin/bash', '/usr/bin/fish'])('the command to call the API with a new key in %s', (shell) => {
  test.each(['kimi-k2.6', 'MiniMax-M3', 'deepseek-v4'])('fits 80 columns with the model %s', (model) => {
    expect(
      commandFor(shell, 80, model)
        .split('\n')
        .filter((line) => line.length > 80),
    ).toEqual([]);
  });

  test.each([40, 60, 80, 120])('means the same at %d columns', (width) => {
    const command = commandFor(shell, width).replace('. .env && curl', 'printf "%s|"');
    expect(execFileSync('sh', ['-c', command], { encoding: 'utf8', env: { CHEAPESTINFERENCE_API_KEY: 'KEY' } })).toBe(
      [
        'http://127.0.0.1:8787/v1/chat/completions',
        '--header',
        'Authorization: Bearer KEY',
        '--header',
        'Content-Type: application/json',
        '--data',
        '{"model":"kimi-k2.6","messages":[{"role":"user","content":"Hi"}]}',
        '',
      ].join('|'),
    );
  });
});
