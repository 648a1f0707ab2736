import { describe, expect, test } from 'vitest';
import { userOf } from '../support/cli.ts';
import { heldResponse } from '../support/lost.ts';
import { withResolvers } from '../support/resolvers.ts';
import { type Behavior, data, recordedSandbox, reset, server } from '../support/servers.ts';
import { ctrlC, enter, onPty } from '../support/terminal.ts';

const frame = '[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]';

/** Creates an API that lists pools once it is released. */
async function slow() {
  const { promise: mayAnswer, resolve: goOn } = withResolvers();
  const behavior: Behavior = async (request, response) => {
    await mayAnswer;
    return data([{ id: 'p1', slug: 'kimi26', modelName: 'Kimi K2.6', status: 'active' }])(request, response);
  };
  return { me: userOf(await server(behavior)), goOn };
}

/** Creates an API that takes long enough for the spinner to appear. */
async function late() {
  const answer = data([]);
  return userOf(await server((request, response) => void setTimeout(() => answer(request, response), 600)));
}

test('shows what the command waits for in a spinner, which leaves nothing behind', async () => {
  const { me, goOn } = await slow();
  const session = onPty(me, 'pools list');
  await session.shows(new RegExp(`^${frame} Fetching pools…$`));
  goOn();
  expect(await session.exit).toBe(0);
  expect(session.screen).toMatch(/^POOL +MODEL .*\nkimi26 /);
  expect(session.screen).not.toMatch(/Fetching|…/);
});

test('draws the spinner in ASCII without UTF-8', async () => {
  const { me, goOn } = await slow();
  const session = onPty(me, 'pools list', { env: { LANG: 'C' } });
  await session.shows(/^[|/\\-] Fetching pools\.\.\.$/);
  goOn();
  expect(await session.exit).toBe(0);
  expect(session.screen).toMatch(/^POOL/);
});

test('removes the spinner at Ctrl-C', async () => {
  const { me } = await slow();
  const session = onPty(me, 'pools list');
  await session.shows('Fetching pools…');
  session.type(ctrlC);
  expect(await session.exit).toBe(130);
  expect(session.screen.replace(/^\^C/, '')).toMatch(/^\s*ci: Interrupted\.$/);
});

test('shows no spinner after Ctrl-C, because a second Ctrl-C would leave it there', async () => {
  let left = false;
  const held = heldResponse();
  const api = await recordedSandbox({
    instead: ({ method }) => {
      if (method === 'POST') return held.respond;
      // Long enough for the spinner to appear.
      return left ? (_request, response) => void setTimeout(() => response.destroy(), 400) : undefined;
    },
  });
  const session = onPty(userOf(api), 'pools subscribe kimi26 --blocks europe --yes');
  await session.shows('Waiting for the response…');
  left = true;
  const { length } = session.written;
  session.type(ctrlC);
  await session.shows('Interrupted. Waiting up to 10 seconds for the response');
  await held.release(reset);
  await session.shows('Interrupted. Checking whether the change went through…');
  expect(await session.exit).toBe(130);
  expect(session.written.slice(length)).not.toMatch(new RegExp(frame));
});

test('hides the spinner during a question', async () => {
  const api = await recordedSandbox();
  const session = onPty(userOf(api), 'pools subscribe kimi26 --blocks europe');
  await session.shows('Charge $49.00 now?');
  const { length } = session.written;
  session.type('n');
  await session.shows('Charge $49.00 now? n');
  session.type(enter);
  expect(await session.exit).toBe(1);
  expect(session.written.slice(length)).not.toMatch(new RegExp(frame));
});

describe('a slow command', () => {
  test.each([
    ['with --debug', 'pools list --debug', {}],
    ['with --json', 'pools list --json', {}],
    ['with --no-input', 'pools list --no-input', {}],
    ['if CI is set', 'pools list', { CI: 'true' }],
    ['on a dumb terminal', 'pools list', { TERM: 'dumb' }],
  ])('shows only the result %s', async (_where, line, env) => {
    const session = onPty(await late(), line, { env });
    expect(await session.exit).toBe(0);
    expect(session.written).not.toMatch(/\x1b\[K|Fetching/);
  });

  test('shows only the result if stderr is not a terminal', async () => {
    const { code, stderr } = await (await late()).ci('pools list -o table');
    expect([code, stderr]).toEqual([0, 'No pools match.\n']);
  });
});
