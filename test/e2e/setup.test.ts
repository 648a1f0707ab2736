import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { listAt, textAt } from '../sandbox/harness.ts';
import { json, managementKey, oneLine, secret, type User, user, userOf } from './cli.ts';
import { answer, recordedSandbox } from './servers.ts';
import { ctrlC, down, enter, onTerminal, type Session } from './terminal.ts';

const escapeKey = '\x1b';
const space = ' ';

/** Answers questions, each once it is on the screen. */
async function answers(session: Session, steps: readonly (readonly [shown: string | RegExp, keys: string])[]) {
  for (const [shown, keys] of steps) {
    await session.shows(shown);
    session.type(keys);
  }
}

const cold: readonly (readonly [string | RegExp, string])[] = [
  ['Management key (mk_…), or s for the sandbox:', `s${enter}`],
  ['Which pool?', enter],
  ['When do you work', `9-17${enter}`],
  ['Which blocks?', enter],
  ['How many seats?', enter],
  ['Billed how?', enter],
  ['Charge $49.00 now?', `y${enter}`],
  ['What shall the key be called?', enter],
  ['Where shall the key go?', enter],
];

/** From the pool to the consent, with what is suggested. */
const toConsent = cold.slice(1, 6);
const named = [`What shall the key be called?`, enter] as const;

/** Somebody signed in at a sandbox that keeps every request; the local clock is UTC. */
async function signedIn(setting: Parameters<typeof recordedSandbox>[0] = {}) {
  const api = await recordedSandbox(setting);
  return { api, me: userOf(api) };
}

/** What a screen says, wherever its lines are broken. */
function unbroken(text: string): string {
  return text.replace(/\s+/g, '');
}

/** The key in a dotenv file. */
function keyIn(me: User, file = '.env'): string {
  return /^CHEAPESTINFERENCE_API_KEY=(\S+)$/m.exec(readFileSync(path.join(me.home, file), 'utf8'))?.[1] ?? '';
}

describe('from nothing', () => {
  test.each([60, 80, 200])('to a working key on the sandbox, in nine answers, at %i columns', async (columns) => {
    const me = user();
    const session = onTerminal(me, 'setup', { columns });
    await answers(session, cold);
    expect(await session.exit).toBe(0);
    const text = unbroken(session.screen);
    for (const fact of [
      'The key works. kimi-k2.6 says:',
      'Pool kimi26 europe',
      'Saved to .env',
      'the sandbox: no money moves',
      'ci --sandbox pools subscribe kimi26 --blocks europe --max-price 49.00 --ensure --yes',
      '--pool kimi26 --ensure --save .env',
    ]) {
      expect(text).toContain(unbroken(fact));
    }
    expect(keyIn(me)).toMatch(secret);
    expect(session.written).not.toContain(keyIn(me));
    expect(statSync(path.join(me.home, '.env')).mode & 0o777).toBe(0o600);
    expect(json(await me.ci('--sandbox pools subscriptions --json'))).toMatchObject([{ poolSlug: 'kimi26' }]);
  });

  test('with a key: one that is none and one that is refused are asked for again, and the right one is saved', async () => {
    const api = await recordedSandbox();
    const me = user({ CHEAPESTINFERENCE_API_URL: api.url });
    const session = onTerminal(me, 'setup');
    await answers(session, [
      ['Management key (mk_…)', `nonsense${enter}`],
      [/that is no management key.*\? Management key/s, `mk_invalid_1${enter}`],
      [/Invalid management key.*\? Management key/s, `${managementKey}${enter}`],
      ['Signed in to', ''],
      ...toConsent,
      ['Charge $49.00 now?', enter],
    ]);
    expect(await session.exit).toBe(1);
    expect(session.written).not.toContain(managementKey);
    expect(unbroken(session.screen)).toContain(
      unbroken('declined: nothing was changed. Done so far: signed in as profile "default"'),
    );
    expect(api.changes).toEqual([]);
    expect((await me.ci('auth status')).code).toBe(0);
  });

  test('without a terminal it is exit 2, with what does the same', async () => {
    const { api, me } = await signedIn();
    const { code, stdout, stderr } = await me.ci('setup');
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toMatch(/ci pools subscribe.*ci keys create/);
  });
});

describe('what is chosen', () => {
  test('shows each block by the local clock, its price, its seats and what is live now', async () => {
    const { me } = await signedIn();
    const session = onTerminal(me, 'setup', { env: { TZ: 'America/New_York' }, columns: 100 });
    await answers(session, [
      ['Which pool?', enter],
      ['When do you work', `9-17${enter}`],
    ]);
    await session.shows(/americas [^\n]*6 free\n.*submit/s);
    expect(session.screen).toContain('Suggested: europe (3 of your 8 hours) and americas (5 of your 8 hours).');
    expect(session.screen).toMatch(/◯ asia {6}00:00–08:00 UTC {2}20:00–04:00 local {2}\$39\.00 {2}7 free\n/);
    expect(session.screen).toMatch(
      /◉ europe {4}08:00–16:00 UTC {2}04:00–12:00 local {2}\$49\.00 {2}8 free {2}live now\n/,
    );
    expect(session.screen).toMatch(/◉ americas {2}16:00–24:00 UTC {2}12:00–20:00 local {2}\$45\.00 {2}6 free\n/);
    session.type(ctrlC);
    expect(await session.exit).toBe(130);
  });

  test('the year says what it saves, and is what is charged', async () => {
    const { api, me } = await signedIn();
    const session = onTerminal(me, 'setup');
    await answers(session, [
      ...toConsent.slice(0, 4),
      ['by the year: $499.80 today, saves $88.20 a year', `${down}${enter}`],
      ['Charge $499.80 now?', `y${enter}`],
      named,
      ['Where shall the key go?', enter],
    ]);
    expect(await session.exit).toBe(0);
    expect(listAt(await api.box.seen(), 'charges')).toMatchObject([{ amount: '499.80' }]);
    expect(unbroken(session.screen)).toContain(unbroken('--billing-cycle year --max-price 499.80'));
  });

  test('two seats are two keys, in two variables', async () => {
    const { api, me } = await signedIn();
    const session = onTerminal(me, 'setup');
    await answers(session, [
      ...toConsent.slice(0, 3),
      ['How many seats?', `2${enter}`],
      ['Billed how?', enter],
      ['Charge $98.00 now?', `y${enter}`],
      ['What shall the key be called?', `team${enter}`],
      ['Where shall the key go?', enter],
    ]);
    expect(await session.exit).toBe(0);
    expect(listAt(await api.box.seen(), 'keys')).toMatchObject([{ name: 'team-1' }, { name: 'team-2' }]);
    const saved = readFileSync(path.join(me.home, '.env'), 'utf8');
    expect(saved).toMatch(/^CHEAPESTINFERENCE_API_KEY=sk_live_\S+\nCHEAPESTINFERENCE_API_KEY_2=sk_live_\S+\n$/);
  });

  test('what is no answer is said, and asked again', async () => {
    const { me } = await signedIn();
    const session = onTerminal(me, 'setup');
    await answers(session, [
      ['Which pool?', enter],
      ['When do you work', `all day${enter}`],
      ['"all day" are no working hours', `${'\x7f'.repeat(7)}9-17${enter}`],
      ['Which blocks?', enter],
      ['How many seats?', `21${enter}`],
      ['"21" is no number of seats', ctrlC],
    ]);
    expect(await session.exit).toBe(130);
  });
});

describe('Esc', () => {
  test('goes back a step, and what is chosen then counts', async () => {
    const { api, me } = await signedIn();
    const session = onTerminal(me, 'setup');
    await answers(session, [
      ['Which pool?', enter],
      ['When do you work', `9-17${enter}`],
      ['Which blocks?', escapeKey],
      [/Back\.\n\? When do you work/, `1-8${enter}`],
      [/Suggested: asia[^\n]*\n.*Which blocks\?/s, enter],
      ['How many seats?', enter],
      ['Billed how?', enter],
      ['Charge $39.00 now?', escapeKey],
      [/Charge \$39\.00 now\?.*Back\.\n\? Billed how\?/s, enter],
      [/Back\.\n[✓✔] Billed how\?.*\? Charge \$39\.00 now\?/s, `y${enter}`],
      named,
      ['Where shall the key go?', enter],
    ]);
    expect(await session.exit).toBe(0);
    expect(listAt(await api.box.seen(), 'charges')).toMatchObject([{ amount: '39.00' }]);
    expect(unbroken(session.screen)).toContain(
      unbroken('The key answers from 00:00 local time, in 15 hours, when asia begins'),
    );
  });

  test('does not go back over what was bought', async () => {
    const { api, me } = await signedIn();
    const session = onTerminal(me, 'setup');
    await answers(session, [
      ...toConsent,
      ['Charge $49.00 now?', `y${enter}`],
      ['What shall the key be called?', escapeKey],
      [/Back\.\n.*What shall the key be called\?/s, `again${enter}`],
      ['Where shall the key go?', enter],
    ]);
    expect(await session.exit).toBe(0);
    expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
    expect(listAt(await api.box.seen(), 'keys')).toMatchObject([{ name: 'again' }]);
  });
});

describe('Ctrl-C', () => {
  test('before anything was done leaves all as it was', async () => {
    const { api, me } = await signedIn();
    const session = onTerminal(me, 'setup');
    await answers(session, [...toConsent, ['Charge $49.00 now?', ctrlC]]);
    expect(await session.exit).toBe(130);
    expect(unbroken(session.screen)).toContain(unbroken('interrupted. Nothing was changed. `ci setup` begins again.'));
    expect(api.changes).toEqual([]);
  });

  test('after the purchase says what was done, and the next run goes on from there', async () => {
    const { api, me } = await signedIn();
    const session = onTerminal(me, 'setup');
    await answers(session, [
      ...toConsent,
      ['Charge $49.00 now?', `y${enter}`],
      ['What shall the key be called?', ctrlC],
    ]);
    expect(await session.exit).toBe(130);
    expect(unbroken(session.screen)).toContain(
      unbroken('interrupted. Done so far: reserved europe of kimi26 for $49.00. `ci setup` goes on from there.'),
    );
    const again = onTerminal(me, 'setup');
    await answers(again, [
      [/You hold 1 subscription already.*make a key for kimi26 {2}europe {2}live now/s, enter],
      named,
      ['Where shall the key go?', enter],
    ]);
    expect(await again.exit).toBe(0);
    expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
    expect(keyIn(me)).toMatch(secret);
  });
});

describe('what can be in the way', () => {
  test('no card on file: says how to add one, waits, and tries again', async () => {
    const { api, me } = await signedIn({ card: false });
    const session = onTerminal(me, 'setup');
    await answers(session, [...toConsent, ['Charge $49.00 now?', `y${enter}`]]);
    await session.shows('The card is saved?');
    const [page = ''] =
      /http:\/\/127\.0\.0\.1:\d+\/sandbox\/card\/[\w-]+/.exec(session.screen.replace(/\n/g, '')) ?? [];
    await fetch(page, { method: 'POST', body: new URLSearchParams({ card: 'good' }) });
    session.type(enter);
    await answers(session, [named, ['Where shall the key go?', enter]]);
    expect(await session.exit).toBe(0);
    expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
  });

  test('no card on file, and no wish to add one: exit 8, nothing charged', async () => {
    const { api, me } = await signedIn({ card: false });
    const session = onTerminal(me, 'setup');
    await answers(session, [
      ...toConsent,
      ['Charge $49.00 now?', `y${enter}`],
      ['The card is saved?', `${down}${down}${enter}`],
    ]);
    expect(await session.exit).toBe(8);
    expect(listAt(await api.box.seen(), 'charges')).toEqual([]);
  });

  test('sold out a moment before: other blocks', async () => {
    let refused = false;
    const { api, me } = await signedIn({
      instead: ({ method, path: where }) => {
        if (method !== 'POST' || !where.endsWith('/subscribe') || refused) return undefined;
        refused = true;
        return answer(409, { success: false, error: 'Not enough seats: europe is sold out' });
      },
    });
    const session = onTerminal(me, 'setup');
    await answers(session, [
      ...toConsent,
      ['Charge $49.00 now?', `y${enter}`],
      [/Not enough seats: europe is sold out.*What now\?/s, enter],
      [/What now\?.*Which blocks\?/s, `${space}${down}${space}${enter}`],
      [/Which blocks\? asia\n.*How many seats\?/s, enter],
      [/asia\n.*Billed how\?/s, enter],
      ['Charge $39.00 now?', `y${enter}`],
      named,
      ['Where shall the key go?', enter],
    ]);
    expect(await session.exit).toBe(0);
    expect(listAt(await api.box.seen(), 'charges')).toMatchObject([{ amount: '39.00' }]);
  });

  test('sold out a moment before, and no wish for another: exit 6 with the command that shows what is open', async () => {
    const { me } = await signedIn({
      instead: ({ method }) => (method === 'POST' ? answer(409, { success: false, error: 'sold out' }) : undefined),
    });
    const session = onTerminal(me, 'setup');
    await answers(session, [
      ...toConsent,
      ['Charge $49.00 now?', `y${enter}`],
      ['What now?', `${down}${down}${enter}`],
    ]);
    expect(await session.exit).toBe(6);
    expect(unbroken(session.screen)).toContain(unbroken('`ci pools list --available` shows what is open'));
  });

  test('a key that comes by mail: says so, and asks nothing about a key', async () => {
    const { api, me } = await signedIn();
    const session = onTerminal(me, 'setup');
    await answers(session, [
      ['Which pool?', `${down}${down}${enter}`],
      ['When do you work', `9-17${enter}`],
      ['Which blocks?', enter],
      ['How many seats?', enter],
      ['Billed how?', enter],
      ['Charge $59.00 now?', `y${enter}`],
    ]);
    expect(await session.exit).toBe(0);
    expect(unbroken(session.screen)).toContain(unbroken('sent by mail, usually within hours, always within 24 hours'));
    expect(listAt(await api.box.seen(), 'keys')).toEqual([]);
  });

  test('a file that cannot be written: nothing is made, and the next run goes on', async () => {
    const { api, me } = await signedIn();
    const session = onTerminal(me, 'setup');
    await answers(session, [
      ...toConsent,
      ['Charge $49.00 now?', `y${enter}`],
      named,
      ['Where shall the key go?', `${down}${enter}`],
      ['Which file?', `none/.env${enter}`],
    ]);
    expect(await session.exit).toBe(1);
    expect(unbroken(session.screen)).toContain(unbroken('Done so far: reserved europe of kimi26'));
    expect(listAt(await api.box.seen(), 'keys')).toEqual([]);
  });
});

describe('where the key goes', () => {
  const toDestination = [...toConsent, ['Charge $49.00 now?', `y${enter}`] as const, named];

  test('every new shell: the secret is in a file of its own, which the shell loads', async () => {
    const { me } = await signedIn();
    const bashrc = path.join(me.home, '.bashrc');
    writeFileSync(bashrc, 'alias ll="ls -l"');
    const session = onTerminal(me, 'setup', { env: { SHELL: '/bin/bash' } });
    await answers(session, [...toDestination, ['Where shall the key go?', `${down}${down}${enter}`]]);
    expect(await session.exit).toBe(0);
    const profile = readFileSync(bashrc, 'utf8');
    expect(profile).toMatch(/^alias ll="ls -l"\n# >>> CheapestInference API key >>>\n/);
    expect(profile).not.toMatch(/sk_/);
    const { stdout } = await me.sh('bash -c \'. ~/.bashrc; sh -c "echo \\$CHEAPESTINFERENCE_API_KEY"\'');
    expect(stdout.trim()).toMatch(secret);
    const [, file = ''] = /\[ -r '([^']+)' \]/.exec(profile) ?? [];
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('the clipboard: the secret goes through a pipe, and nowhere else', async () => {
    const { me } = await signedIn();
    const program = path.join(me.home, 'bin', 'xclip');
    writeFileSync(program, '#!/bin/sh\nprintf "%s\\n" "$*" > "$HOME/arguments"\ncat > "$HOME/clipboard"\n');
    chmodSync(program, 0o755);
    const session = onTerminal(me, 'setup', { env: { DISPLAY: ':0' } });
    await answers(session, [...toDestination, ['Where shall the key go?', `${down}${down}${enter}`]]);
    expect(await session.exit).toBe(0);
    const copied = readFileSync(path.join(me.home, 'clipboard'), 'utf8');
    expect(copied).toMatch(new RegExp(`^${secret.source}$`));
    expect(readFileSync(path.join(me.home, 'arguments'), 'utf8')).toBe('-selection clipboard\n');
    expect(session.written).not.toContain(copied);
  });

  test('the screen, once, alone on its line', async () => {
    const { api, me } = await signedIn();
    const session = onTerminal(me, 'setup');
    await answers(session, [...toDestination, ['Where shall the key go?', `${down}${down}${enter}`]]);
    expect(await session.exit).toBe(0);
    const shown = session.screen.split('\n').filter((line) => secret.test(line));
    expect(shown).toEqual([expect.stringMatching(new RegExp(`^${secret.source}$`))]);
    expect(textAt(await api.box.seen(), 'keys', 0, 'name')).toBe(path.basename(me.home));
  });
});

test('with --json the result is one object, the secret masked', async () => {
  const { me } = await signedIn();
  const session = onTerminal(me, 'setup --json', { columns: 200 });
  await answers(session, [
    ...toConsent,
    ['Charge $49.00 now?', `y${enter}`],
    named,
    ['Where shall the key go?', enter],
  ]);
  expect(await session.exit).toBe(0);
  const printed: unknown = JSON.parse(/^\{\n[\s\S]*^\}$/m.exec(session.screen)?.[0] ?? '');
  expect(printed).toMatchObject({
    pool: 'kimi26',
    keys: [{ apiKey: expect.stringMatching(/^sk_live_…/) }],
    savedTo: '.env',
  });
});
