import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { type User, user } from '../support/cli.ts';
import { enter, onTerminal } from '../support/terminal.ts';
import { picture } from './picture.ts';

// Compares the pictures in the README and the guides with real runs in the sandbox. `npm run screenshots` updates them.

const columns = 80;

/** Returns a user in Berlin, with a new sandbox and a clock that stands still. */
function userInBerlin(env: Record<string, string> = {}): User {
  return user({
    TZ: 'Europe/Berlin',
    CHEAPESTINFERENCE_SANDBOX: '1',
    NODE_OPTIONS: `--require "${path.resolve('test/screenshots/fixed-clock.cjs')}"`,
    ...env,
  });
}

/** Compares the screen after a command with its picture, and checks that a page shows the picture. */
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

test('shows the start page', () => expectPicture(userInBerlin({ CHEAPESTINFERENCE_SANDBOX: '' }), '', 'start'));

test('shows pools list', () => expectPicture(userInBerlin(), 'pools list', 'pools-list'));

test('shows pools view', () => expectPicture(userInBerlin(), 'pools view minimax-m3', 'pools-view'));

test('shows pools subscribe', () =>
  expectPicture(userInBerlin(), 'pools subscribe kimi26 --blocks europe', 'pools-subscribe', [
    ['Charge $49.00 now?', `y${enter}`],
  ]));

test('shows status', async () => {
  const me = userInBerlin();
  await me.process('pools subscribe kimi26 --blocks asia,europe --create-key my-app --yes');
  await me.process('pools subscribe minimax-m3 --blocks asia --yes');
  await me.process('pools cancel minimax-m3 --yes');
  await me.process('pools subscribe kimi26 --blocks americas --yes');
  await expectPicture(me, 'status', 'status');
});
