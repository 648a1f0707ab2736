import { expect, test } from 'vitest';
import connect from '../../../src/commands/connect/index.ts';
import { parsed } from '../../support/parsing.ts';

test.each([
  ['', { tool: undefined }],
  ['opencode', { tool: 'opencode' }],
  ['claude-code --key prod --project', { tool: 'claude-code', key: 'prod', project: true }],
  ['pi --pool kimi26 --model kimi-k2.6', { tool: 'pi', pool: 'kimi26', model: 'kimi-k2.6' }],
  ['zed --context-window 262144 --dry-run', { tool: 'zed', contextWindow: 262_144, dryRun: true }],
  ['codex --undo --dry-run', { tool: 'codex', undo: true, dryRun: true }],
])('reads `ci connect %s`', async (words, options) => {
  expect(await parsed(connect, words)).toEqual(options);
});

test.each([
  ['vim', '"vim" is not a tool that can be connected', 'Run `ci connect` to list the tools.'],
  ['opencode --context-window 0', '"0" is not a valid value for --context-window', undefined],
  ['opencode --context-window 1.5', '"1.5" is not a valid value for --context-window', undefined],
  ['opencode --context-window 128k', '"128k" is not a valid value for --context-window', undefined],
  ['opencode --model', 'Missing value: --model <id>', undefined],
  ['opencode codex', undefined, undefined],
])('refuses `ci connect %s`', async (words, message, hint) => {
  await expect(parsed(connect, words)).rejects.toMatchObject({
    code: 'usage',
    ...(message !== undefined && { message }),
    ...(hint !== undefined && { hint }),
  });
});
