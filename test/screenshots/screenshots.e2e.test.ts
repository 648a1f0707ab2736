import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { type User, user } from '../support/cli.ts';
import { enter, onTerminal } from '../support/terminal.ts';
import { picture } from './picture.ts';

// The pictures of the README and the guides, from real runs on the sandbox. `npm run screenshots` makes them anew; here they are compared with
// what the program shows now.

const columns = 80;

/** Somebody in Berlin with a sandbox of their own, at one moment that stays. */
function someone(env: Record<string, string> = {}): User {
  return user({
    TZ: 'Europe/Berlin',
    CHEAPESTINFERENCE_SANDBOX: '1',
    NODE_OPTIONS: `--require "${path.resolve('test/screenshots/still.cjs')}"`,
    ...env,
  });
}

/** Compares what a command leaves on the screen with its picture. */
async function expectPicture(
  me: User,
  line: string,
  name: string,
  answers: readonly (readonly [string, string])[] = [],
) {
  const session = onTerminal(me, line, { columns, pty: true });
  for (const [question, keys] of answers) {
    await session.shows(question);
    session.type(keys);
  }
  expect(await session.exit).toBe(0);
  await expect(picture(`ci ${line}`.trim(), session.cells, columns)).toMatchFileSnapshot(`${name}.svg`);
  const pages = ['README.md', 'docs/commands.md'].map((page) => readFileSync(page, 'utf8')).join('');
  expect(pages).toContain(`test/screenshots/${name}.svg)`);
}

test('the start page', () => expectPicture(someone({ CHEAPESTINFERENCE_SANDBOX: '' }), '', 'start'));

test('pools list', () => expectPicture(someone(), 'pools list', 'pools-list'));

test('pools view', () => expectPicture(someone(), 'pools view minimax-m3', 'pools-view'));

test('pools subscribe', () =>
  expectPicture(someone(), 'pools subscribe kimi26 --blocks europe', 'pools-subscribe', [
    ['Charge $49.00 now?', `y${enter}`],
  ]));

test('status', async () => {
  const me = someone();
  await me.process('pools subscribe kimi26 --blocks asia,europe --create-key my-app --yes');
  await me.process('pools subscribe minimax-m3 --blocks asia --yes');
  await me.process('pools cancel minimax-m3 --yes');
  await expectPicture(me, 'status', 'status');
});
