import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { lines, secret, type User, userOf } from '../../support/cli.ts';
import { dropping } from '../../support/drops.ts';
import { errorOf, isChange, stateFiles, undeliveredIn } from '../../support/lost.ts';
import { listAt, textAt } from '../../support/sandbox.ts';
import { type Received, recordedSandbox } from '../../support/servers.ts';
import { enter, onTerminal } from '../../support/terminal.ts';

const inProduction = 'sk_live_0123456789abcdefghijQluZ';
const before = `A=1\nCHEAPESTINFERENCE_API_KEY=${inProduction} # prod\n`;

/** Returns a user with a subscription to a pool, and a key in `.env`. */
async function holder(content = before, onChange: (request: Received, me: User) => void = () => {}) {
  const api = await recordedSandbox({
    instead: (request) => {
      if (isChange(request)) onChange(request, me);
      return undefined;
    },
  });
  const me: User = userOf(api);
  await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
  const file = path.join(me.home, '.env');
  writeFileSync(file, content);
  const keys = async () => listAt(await api.box.data('GET', '/api/keys')).map((key) => textAt(key, 'apiKey'));
  return { api, me, keys, env: () => readFileSync(file, 'utf8') };
}

const commands = [
  'keys create prod --save .env',
  'keys create prod --ensure --save .env',
  'pools subscribe minimax-m3 --blocks europe --create-key prod --save .env --yes',
  'pools watch minimax-m3 --blocks europe --subscribe --max-price 99 --create-key prod --save .env --yes',
];

describe.each(commands)('ci %s, with another key in the file', (line) => {
  test('exits with code 2 without a terminal, and changes nothing', async () => {
    const { api, me, env } = await holder();
    const { code, stdout, stderr } = await me.ci(`${line} --json`);
    expect([code, stdout, env(), api.changes, stateFiles(me)]).toEqual([2, '', before, [], expect.any(Array)]);
    expect(errorOf({ stderr })).toEqual({
      code: 'confirmation_required',
      message: '.env already has a value for CHEAPESTINFERENCE_API_KEY (sk_live_…QluZ)',
      hint: 'Nothing was changed. Pass --force to replace it, or --var to use another variable.',
      status: null,
      retryable: false,
      outcome: 'not_applied',
    });
    expect(stderr).not.toContain(inProduction);
  });

  test('replaces it with --force, and keeps the other lines', async () => {
    const { me, env, keys } = await holder();
    const { code } = await me.ci(`${line} --force`);
    const [created] = await keys();
    expect([code, env()]).toEqual([0, before.replace(inProduction, created ?? '')]);
  });

  test('asks on a terminal, --yes or not, and Enter answers No', async () => {
    const { api, me, env } = await holder();
    const session = onTerminal(me, line);
    await session.shows('Replace sk_live_…QluZ in .env? (y/N)');
    session.type(enter);
    expect([await session.exit, env(), api.changes]).toEqual([1, before, []]);
    expect(session.written).not.toContain(inProduction);
    expect(session.screen).toMatch(/\nci: Declined\. Nothing was changed\.$/);
  });

  test('replaces it if the answer is Yes', async () => {
    const { me, env, keys } = await holder();
    const session = onTerminal(me, line);
    await session.shows('Replace sk_live_…QluZ in .env?');
    session.type(`y${enter}`);
    expect(await session.exit).toBe(0);
    expect(env()).toBe(before.replace(inProduction, (await keys())[0] ?? ''));
  });

  test('keeps a value that was written to the file after the check, and the new secret in another file', async () => {
    const meanwhile = before.replace(inProduction, 'sk_live_of_somebody_else_0123456789');
    const { me, env, keys } = await holder('A=1\n', (_request, { home }) =>
      writeFileSync(path.join(home, '.env'), meanwhile),
    );
    const { code, stderr } = await me.ci(line);
    expect([code, env()]).toEqual([1, meanwhile]);
    const [message = ''] = lines(stderr).slice(-1);
    const file = undeliveredIn(message);
    expect(message).toBe(
      `ci: ${me.home}/.env was changed in the meantime: CHEAPESTINFERENCE_API_KEY now has another value. The key was created. Its secret is in ${file}.`,
    );
    expect(readFileSync(file, 'utf8')).toBe(`${(await keys())[0]}\n`);
  });
});

test('asks once for the keys of several seats, and names each value that would be replaced', async () => {
  const content = `K=${inProduction}\nK_3=changeme\n`;
  const { api, me, env } = await holder(content);
  const line = 'pools subscribe minimax-m3 --blocks europe --quantity 3 --create-key team --save .env --var K';
  const { code, stderr } = await me.ci(`${line} --yes`);
  expect([code, api.changes, env()]).toEqual([2, [], content]);
  expect(stderr).toBe(
    'ci: .env already has values for K (sk_live_…QluZ) and K_3. Nothing was changed. Pass --force to replace them, or --var to use another variable.\n',
  );
  const session = onTerminal(me, `${line} --yes`);
  await session.shows('K    sk_live_…QluZ\nK_3  another value\n? Replace these 2 values in .env? (y/N)');
  session.type(`y${enter}`);
  expect(await session.exit).toBe(0);
  expect(env()).toMatch(/^K=sk_sandbox_\S+\nK_3=sk_sandbox_\S+\nK_2=sk_sandbox_\S+\n$/);
  expect(session.written).not.toContain('changeme');
});

test('shows nothing of a value that is not a key', async () => {
  const { me } = await holder('CHEAPESTINFERENCE_API_KEY="correct horse battery staple"\n');
  const session = onTerminal(me, 'keys create prod --save .env');
  await session.shows('Replace the value of CHEAPESTINFERENCE_API_KEY in .env?');
  session.type(enter);
  expect([await session.exit, session.written]).toEqual([1, expect.not.stringMatching(/correct|staple/)]);
});

test.each([
  ['has no value', 'CHEAPESTINFERENCE_API_KEY=\n'],
  ['is only in a comment', `# CHEAPESTINFERENCE_API_KEY=${inProduction}\n`],
  ['is another one', `OTHER_KEY=${inProduction}\n`],
])('replaces without asking if the variable %s', async (_what, content) => {
  const { me } = await holder(content);
  expect((await me.ci('keys create prod --save .env')).code).toBe(0);
});

describe('a repetition with --ensure', () => {
  test('asks nothing if the file has the key already', async () => {
    const { me, env, keys } = await holder('A=1\n');
    const line = 'keys create prod --ensure --save .env';
    await me.ci(line);
    const saved = `A=1\nCHEAPESTINFERENCE_API_KEY=${(await keys())[0]}\n`;
    expect([(await me.ci(line)).code, env()]).toEqual([0, saved]);
    const session = onTerminal(me, line);
    expect([await session.exit, env()]).toEqual([0, saved]);
    expect(session.written).not.toContain('Replace');
  });

  test('asks nothing if it buys nothing, whatever the file has', async () => {
    const { api, me, env } = await holder();
    for (const line of [
      'pools subscribe kimi26 --blocks europe --create-key prod --save .env --ensure',
      'pools watch kimi26 --blocks europe --subscribe --max-price 99 --create-key prod --save .env --ensure',
    ]) {
      const { code, stdout } = await me.ci(line);
      expect([line, code, env(), api.changes]).toEqual([line, 0, before, []]);
      expect(stdout).not.toMatch(secret);
    }
  });

  test('asks before it writes the secret of the existing key over another one', async () => {
    const { me, env, keys } = await holder();
    await me.ci('keys create prod');
    const line = 'keys create prod --ensure --save .env';
    expect([(await me.ci(line)).code, env()]).toEqual([2, before]);
    expect((await me.ci(`${line} --force`)).code).toBe(0);
    expect(env()).toBe(before.replace(inProduction, (await keys())[0] ?? ''));
  });
});

test('asks before a watch, and not again when a seat opens', async () => {
  const me = userOf(await dropping({ at: [3] }));
  const file = path.join(me.home, '.env');
  writeFileSync(file, before);
  const line = 'pools watch minimax-m3 --blocks americas --interval 50ms --subscribe --max-price 45 --yes';
  const session = onTerminal(me, `${line} --create-key prod --save .env`);
  await session.shows('Replace sk_live_…QluZ in .env? (y/N)');
  session.type(`y${enter}`);
  expect(await session.exit).toBe(0);
  expect(stripVTControlCharacters(session.written).match(/in \.env\? Yes/g)).toHaveLength(1);
  expect(readFileSync(file, 'utf8')).toMatch(/^A=1\nCHEAPESTINFERENCE_API_KEY=sk_sandbox_\S+ # prod\n$/);
});

test('refuses --force without --save', async () => {
  const { api, me } = await holder();
  for (const [line = '', needed] of [
    ['keys create prod --force', '--save or --to'],
    ['pools subscribe kimi26 --blocks asia --create-key k --force --yes', '--save'],
  ]) {
    const { code, stderr } = await me.ci(line);
    expect([code, stderr, api.changes]).toEqual([
      2,
      `ci: --force needs ${needed}. Add ${needed}, or leave out --force.\n`,
      [],
    ]);
  }
});
