import { expect, test } from 'vitest';
import { user, userOf } from '../../support/cli.ts';
import { recordedSandbox } from '../../support/servers.ts';
import { enter, onTerminal, shown } from '../../support/terminal.ts';

test.each([
  ['deepseek-v4 --blocks europe', 'ci: deepseek-v4 is not open yet (funding). Nothing was charged.'],
  ['deepseek-v4', 'ci: deepseek-v4 is not open yet (funding). Nothing was charged.'],
  ['qwen35', 'ci: qwen35 is paused. Nothing was charged.'],
  ['minimax-m3 --blocks americas', 'ci: minimax-m3 is sold out in americas. Nothing was charged.'],
])('refuses ci pools subscribe %s before it asks anything', async (args, message) => {
  const api = await recordedSandbox();
  const { code, screen } = await shown(userOf(api), `pools subscribe ${args}`);
  expect([code, api.changes]).toEqual([6, []]);
  expect(screen).toMatch(new RegExp(`^${message.replaceAll(/[().]/g, '\\$&')}`));
  expect(screen).not.toMatch(/Charge|Blocks:/);
});

test('dims the pools that are not available in the picker of pools subscribe', async () => {
  const api = await recordedSandbox();
  const session = onTerminal(userOf(api), 'pools subscribe --blocks europe');
  await session.shows(/qwen35 .* paused$/m);
  expect(session.written).toMatch(/\x1b\[2m[^\n]*qwen35[^\n]*paused/);
  expect(session.screen).toMatch(/^\W{0,2}deepseek-v4 .*not open yet \(funding\)$/m);
  session.type(`qwen35${enter}`);
  await session.shows(/qwen35/);
  expect(api.changes).toEqual([]);
});

test('offers every pool to pools watch, with the reason why it is not available', async () => {
  const api = await recordedSandbox();
  const session = onTerminal(userOf(api), 'pools watch --blocks europe');
  await session.shows(/◯ qwen35 .* paused$/m);
  expect(session.screen).toMatch(/◯ deepseek-v4 .*not open yet \(funding\)$/m);
});

test('shows a command that is too long for a line so that it can be pasted', async () => {
  const api = await recordedSandbox();
  const me = user({
    CHEAPESTINFERENCE_API_URL: api.url,
    CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_of_the_tests_0123456789abcdef',
  });
  const line = 'pools subscribe minimax-m3 --blocks americas --max-price 45 --create-key prod --save .env';
  const { code, rows } = await shown(me, line, { columns: 60 });
  expect(code).toBe(6);
  expect(rows.slice(0, 7)).toEqual([
    'To buy as soon as seats are available, run:',
    '  ci pools watch minimax-m3 --blocks americas --subscribe \\',
    '    --max-price 45.00 --create-key prod --save .env',
    'ci: minimax-m3 is sold out in americas. Nothing was charged.',
    ...rows.slice(4, 7),
  ]);
  const pasted = rows.slice(1, 3).join('\n').replaceAll('\\\n', '').trim();
  const watch = onTerminal(me, pasted.replace(/^ci /, '').replaceAll(/ +/g, ' '));
  await watch.shows('Charge up to $45.00 as soon as a seat opens? (y/N)');
  expect(watch.screen).toMatch(/^Key +prod$/m);
});
