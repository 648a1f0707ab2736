import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { browser } from '../../support/browser.ts';
import { json, managementKey, oneLine, secret, type User, user, userOf } from '../../support/cli.ts';
import { heldResponse, outcomesOf, recordOf } from '../../support/lost.ts';
import { at, listAt, textAt } from '../../support/sandbox.ts';
import { answer, carriedOut, data, recordedSandbox, reset } from '../../support/servers.ts';
import { ctrlC, down, enter, onTerminal, type Session } from '../../support/terminal.ts';

const escapeKey = '\x1b';
const backspace = '\x7f';
const space = ' ';

/** A question, the last that is on the screen, or something else that is there; and what is typed then. */
type Answer = readonly [question: string | RegExp, keys: string];

const asksKey = 'Management key (mk_…), or s for the sandbox:';
const asksPool = 'Which pool?';
const asksHours = 'Working hours';
const asksBlocks = 'Which blocks?';
const asksSeats = 'How many seats?';
const asksCycle = 'Billing cycle:';
const asksName = 'Key name:';
const asksPlace = 'Save the key to:';
const asksFile = 'File:';

/** From the pool to the consent, with what is suggested. */
const toConsent: readonly Answer[] = [
  [asksPool, enter],
  [asksHours, `9-17${enter}`],
  [asksBlocks, enter],
  [asksSeats, enter],
  [asksCycle, enter],
];
const toName: readonly Answer[] = [...toConsent, ['Charge $49.00 now?', `y${enter}`]];
const toPlace: readonly Answer[] = [...toName, [asksName, enter]];
const toEnd: readonly Answer[] = [...toPlace, [asksPlace, enter]];
const cold: readonly Answer[] = [[asksKey, `s${enter}`], ...toEnd];

/** Finds a pool by what is typed. */
function finding(text: string, slug: string): readonly Answer[] {
  return [
    [asksPool, text],
    [new RegExp(`\\? Which pool\\? ${text}\\n❯ ${slug} [^\\n]*\\n\\n`), enter],
  ];
}

/** A question that waits for its answer: the last one, and none that was gone back from. */
function waiting(question: string): RegExp {
  const text = question.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(' ', '\\s+');
  return new RegExp(`(?:^|\\n)\\? ${text}(?![\\s\\S]*\\n(?:\\? |Back\\.\\n))`);
}

/** Answers questions, each once it is on the screen; what the screen shows by then is whole words. */
async function answers(session: Session, steps: readonly Answer[]): Promise<void> {
  for (const [question, keys] of steps) {
    await session.shows(typeof question === 'string' ? waiting(question) : question);
    expect(session.cuts).toEqual([]);
    session.type(keys);
  }
}

/** Waits for the end. @returns what is on the screen, its lines unbroken, and the exit code */
async function ended(session: Session): Promise<{ code: number; text: string }> {
  const code = await session.exit;
  expect(session.cuts).toEqual([]);
  return { code, text: flowing(session.screen) };
}

/** What a screen says, wherever its lines are broken between words. */
function flowing(screen: string): string {
  return screen.replace(/\s+/g, ' ');
}

/** The commands at the end, as they are copied. */
function commandsOn({ screen }: Session): string {
  const [, commands = ''] = screen.split('The same in a script:\n');
  return commands;
}

/** Somebody signed in at a sandbox that keeps every request; the local clock is UTC. */
async function signedIn(setting: Parameters<typeof recordedSandbox>[0] = {}) {
  const api = await recordedSandbox(setting);
  return { api, me: userOf(api) };
}

/** A sandbox that refuses the first purchase. */
function refusing(error: string) {
  let refused = false;
  return signedIn({
    instead: ({ method, path: where }) => {
      if (method !== 'POST' || !where.endsWith('/subscribe') || refused) return undefined;
      refused = true;
      return answer(409, { success: false, error });
    },
  });
}

/** The key in a dotenv file. */
function keyIn(me: User, file = '.env'): string {
  return /^CHEAPESTINFERENCE_API_KEY=(\S+)$/m.exec(readFileSync(path.join(me.home, file), 'utf8'))?.[1] ?? '';
}

describe.each([60, 80, 200])('on a terminal of %i columns', (columns) => {
  const setup = (me: User, env: Readonly<Record<string, string>> = {}) => onTerminal(me, 'setup', { columns, env });

  describe('from nothing', () => {
    test('to a working key on the sandbox in under ten answers; the commands shown do the same elsewhere', async () => {
      expect(cold.length).toBeLessThan(10);
      const me = user();
      const session = setup(me);
      await answers(session, cold);
      const { code, text } = await ended(session);
      expect(code).toBe(0);
      for (const fact of [
        "You won't be charged until you confirm. Esc: back a step. Ctrl-C: quit (completed steps are kept).",
        'Create a management key in the dashboard (Management Keys): https://cheapestinference.com/dashboard No account yet',
        '✓ How many seats? Each answers one request at a time. 1 ✓ Billing cycle:',
        '✓ Subscribed to europe of kimi26: $49.00 charged.',
        '✓ The key works. kimi-k2.6 says: This is the CheapestInference sandbox speaking',
        'Done. Pool kimi26 europe Subscription ',
        'Saved to .env Variable CHEAPESTINFERENCE_API_KEY Account the sandbox: no money moves',
      ]) {
        expect(text).toContain(fact);
      }
      expect(keyIn(me)).toMatch(secret);
      expect(session.written).not.toContain(keyIn(me));
      expect(statSync(path.join(me.home, '.env')).mode & 0o777).toBe(0o600);
      expect(json(await me.ci('--sandbox pools subscriptions --json'))).toMatchObject([{ poolSlug: 'kimi26' }]);

      const other = user();
      const ran = await other.sh(`set -e\n${commandsOn(session)}`);
      expect([ran.code, ran.stderr]).toEqual([0, expect.stringMatching(/^(?:Sandbox: no money moves[^\n]*\n)+$/)]);
      expect(keyIn(other)).toMatch(secret);
      const [, name = ''] = /keys create (\S+)/.exec(commandsOn(session)) ?? [];
      expect(json(await other.ci('--sandbox keys list --json'))).toMatchObject([{ name }]);
    });

    test('with a key: one that is none and one that is refused are asked for again, the right one is saved', async () => {
      const api = await recordedSandbox();
      const me = user({ CHEAPESTINFERENCE_API_URL: api.url });
      const session = setup(me);
      await answers(session, [
        [asksKey, `nonsense${enter}`],
        [/that\s+is\s+no\s+management\s+key[\s\S]*\? Management key/, `mk_invalid_1${enter}`],
        [
          /✗ Invalid management key\. Paste\s+the\s+whole\s+key,\s+or\s+create\s+another\.[\s\S]*\? Management key/,
          managementKey,
        ],
        [/•{9}/, enter],
        [/✓ Signed in to 127\.0\.0\.1:\d+ as profile "default"\./, ''],
        ...toConsent,
        ['Charge $49.00 now?', enter],
      ]);
      const { code, text } = await ended(session);
      expect(code).toBe(1);
      expect(session.written).not.toContain(managementKey);
      expect(text).toContain('declined: nothing was charged. Done so far: signed in as profile "default" with mk_…');
      expect(api.changes).toEqual([]);
      expect((await me.ci('auth status')).code).toBe(0);
    });

    test('with a key at hand that is refused, another is asked for', async () => {
      const api = await recordedSandbox();
      const session = setup(userOf(api, { CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_invalid_1' }));
      await answers(session, [[asksKey, ctrlC]]);
      const { code, text } = await ended(session);
      expect(text).toContain('The API refused your management key: Invalid management key.');
      expect(code).toBe(130);
    });
  });

  describe('what is chosen', () => {
    test('a pool by what it is, found by typing', async () => {
      const { me } = await signedIn();
      const session = setup(me);
      await session.shows(/all blocks free\n[\s\S]*type to search[^\n]*select$/);
      const model = columns === 60 ? '' : 'MiniMax M3 {2}';
      expect(session.screen).toMatch(
        new RegExp(`\\n {2}minimax-m3 {2}${model}active {2}from \\$39\\.00 {2}free: asia, europe\\n`),
      );
      session.type('EUROPE mini');
      await answers(session, [
        [/\? Which pool\? EUROPE mini\n❯ minimax-m3 .*\n\n/, enter],
        [/✓ Which pool\? minimax-m3\n[\s\S]*\? Working hours/, ctrlC],
      ]);
      expect((await ended(session)).code).toBe(130);
    });

    test('blocks by the local clock, with price, seats, what is live now and what fits the working hours', async () => {
      const { me } = await signedIn();
      const session = setup(me, { TZ: 'America/New_York' });
      await answers(session, [
        [asksPool, enter],
        [asksHours, `9-17${enter}`],
        [/americas [^\n]*6 free\n[\s\S]*submit$/, ''],
      ]);
      expect(flowing(session.screen)).toContain(
        'Suggested: europe (3 of your 8 hours) and americas (5 of your 8 hours).',
      );
      const [asia = '', europe = '', americas = ''] =
        columns === 60 ? [] : ['00:00–08:00 UTC  ', '08:00–16:00 UTC  ', '16:00–24:00 UTC  '];
      expect(session.screen).toContain(
        [
          '',
          `❯◯ asia      ${asia}20:00–04:00 local  $39.00  7 free`,
          ` ◉ europe    ${europe}04:00–12:00 local  $49.00  8 free  live now`,
          ` ◉ americas  ${americas}12:00–20:00 local  $45.00  6 free`,
          '',
        ].join('\n'),
      );
      session.type(ctrlC);
      expect((await ended(session)).code).toBe(130);
    });

    test('no working hours: nothing is suggested, and at least one block is asked for', async () => {
      const { me } = await signedIn();
      const session = setup(me);
      await answers(session, [
        [asksPool, enter],
        [asksHours, enter],
        [/◯ asia[\s\S]*◯ europe[\s\S]*◯ americas[\s\S]*submit$/, enter],
        [/! At least one choice must be selected/, ctrlC],
      ]);
      const { code, text } = await ended(session);
      expect([code, text]).toEqual([130, expect.not.stringContaining('Suggested')]);
    });

    test('what is no answer is said, and asked again', async () => {
      const { me } = await signedIn();
      const session = setup(me);
      await answers(session, [
        [asksPool, enter],
        [asksHours, `all day${enter}`],
        [/! "all day" are no working hours\.\s+Write\s+them/, `${backspace.repeat(7)}9-17${enter}`],
        [asksBlocks, enter],
        [asksSeats, `21${enter}`],
        [/! Enter a number from 1 to 20\./, `${backspace.repeat(2)}9${enter}`],
        [/! 8 seats are free\./, `${backspace}8${enter}`],
        [asksCycle, ctrlC],
      ]);
      expect((await ended(session)).code).toBe(130);
    });

    test('the year says what it saves, and is what is charged', async () => {
      const { api, me } = await signedIn();
      const session = setup(me);
      await answers(session, [
        ...toConsent.slice(0, 4),
        [/Monthly: \$49\.00 today, then every month\n {2}Yearly: \$499\.80 today, saves \$88\.20 per year\n/, down],
        [/❯ Yearly/, enter],
        ['Charge $499.80 now?', `y${enter}`],
        [asksName, enter],
        [asksPlace, enter],
      ]);
      const { code, text } = await ended(session);
      expect(code).toBe(0);
      expect(text).toContain(
        'Price $49.00 a month Charged today $499.80, to the saved card Renews every year, until canceled',
      );
      expect(listAt(await api.box.seen(), 'charges')).toMatchObject([{ amount: '499.80' }]);
      const again = await me.sh(`set -e\n${commandsOn(session)}`);
      expect([again.code, again.stderr]).toEqual([0, expect.stringContaining('Already covered')]);
      expect(commandsOn(session).replace(/ \\\n */g, ' ')).toContain(
        '--blocks europe --billing-cycle year --max-price 499.80 --ensure --yes\n',
      );
    });

    test('the consent has all facts, and No leaves all as it was', async () => {
      const { api, me } = await signedIn();
      const session = setup(me, { TZ: 'Asia/Kolkata' });
      await answers(session, [...toConsent, ['Charge $88.00 now?', enter]]);
      const { code, text } = await ended(session);
      expect(text).toContain(
        [
          'Pool kimi26 (Kimi K2.6)',
          'Blocks asia $39.00 00:00–08:00 UTC, 05:30–13:30 local, 7 free',
          'europe $49.00 08:00–16:00 UTC, 13:30–21:30 local, 8 free',
          'Seats 1 in each block Price $88.00 a month Charged today $88.00, to the saved card',
          'Renews every month, until canceled Account mk_…cdef (CHEAPESTINFERENCE_MANAGEMENT_KEY) at 127.0.0.1:',
        ].join(' '),
      );
      expect([code, text]).toEqual([1, expect.stringMatching(/ci: declined: nothing was changed\b/)]);
      expect(api.changes).toEqual([]);
    });

    test('two seats are two keys, in two variables; the commands shown make two elsewhere', async () => {
      const { api, me } = await signedIn();
      const session = setup(me);
      await answers(session, [
        ...toConsent.slice(0, 3),
        [asksSeats, `2${enter}`],
        [asksCycle, enter],
        ['Charge $98.00 now?', `y${enter}`],
        [asksName, `the team's${enter}`],
        [asksPlace, enter],
      ]);
      const { code, text } = await ended(session);
      expect(code).toBe(0);
      expect(listAt(await api.box.seen(), 'keys')).toMatchObject([{ name: "the team's-1" }, { name: "the team's-2" }]);
      expect(text).toContain('Variable CHEAPESTINFERENCE_API_KEY, CHEAPESTINFERENCE_API_KEY_2 Account');
      expect(readFileSync(path.join(me.home, '.env'), 'utf8')).toMatch(
        /^CHEAPESTINFERENCE_API_KEY=sk_live_\S+\nCHEAPESTINFERENCE_API_KEY_2=sk_live_\S+\n$/,
      );

      const { api: elsewhere, me: other } = await signedIn();
      const ran = await other.sh(`set -e\n${commandsOn(session)}`);
      expect([ran.code, ran.stdout]).toEqual([0, expect.not.stringMatching(secret)]);
      expect(readFileSync(path.join(other.home, '.env'), 'utf8')).toMatch(
        /^CHEAPESTINFERENCE_API_KEY=sk_live_\S+\nCHEAPESTINFERENCE_API_KEY_2=sk_live_\S+\n$/,
      );
      expect(listAt(await elsewhere.box.seen(), 'keys')).toMatchObject([
        { name: "the team's-1" },
        { name: "the team's-2" },
      ]);
    });
  });

  describe('Esc', () => {
    test('goes back a step from every question, and what is chosen then counts', async () => {
      const { api, me } = await signedIn();
      const session = setup(me);
      const asked: readonly Answer[] = [...toConsent, ['Charge $49.00 now?', `y${enter}`]];
      await answers(session, [
        [asksPool, escapeKey],
        [/This is the first step\.\n\? Which pool\?/, ''],
      ]);
      for (const [at, [question]] of asked.entries()) {
        const before = asked[at - 1];
        if (before) await answers(session, [before, [question, escapeKey], before]);
      }
      await answers(session, [
        ['Charge $49.00 now?', escapeKey],
        [asksCycle, escapeKey],
        [asksSeats, escapeKey],
        [asksBlocks, `${space}${down}${space}${enter}`],
        [asksSeats, enter],
        [asksCycle, enter],
        ['Charge $39.00 now?', `y${enter}`],
        [asksName, enter],
        [asksPlace, escapeKey],
        [asksName, enter],
        [asksPlace, `${down}${enter}`],
        [asksFile, escapeKey],
        [asksPlace, enter],
      ]);
      const { code, text } = await ended(session);
      expect(code).toBe(0);
      expect(listAt(await api.box.seen(), 'charges')).toMatchObject([{ amount: '39.00' }]);
      expect(text.match(/ Back\. [?✓] /g)).toHaveLength(asked.length - 1 + 5);
      expect(text).toContain('✓ Which blocks? asia');
      expect(text).toContain('The key answers from 00:00 local time, in 15 hours, when asia begins.');
      expect(keyIn(me)).toMatch(secret);
    });

    test('does not go back over what was bought', async () => {
      const { api, me } = await signedIn();
      const session = setup(me);
      await answers(session, [
        ...toName,
        [asksName, escapeKey],
        [/This is the first step\.\n\? Key name:/, `again${enter}`],
        [asksPlace, enter],
      ]);
      expect((await ended(session)).code).toBe(0);
      expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
      expect(listAt(await api.box.seen(), 'keys')).toMatchObject([{ name: 'again' }]);
    });
  });

  describe('Ctrl-C', () => {
    test.each(toName.map(([question], at) => [question, at] as const))(
      'at "%s" leaves all as it was',
      async (question, at) => {
        const { api, me } = await signedIn();
        const session = setup(me);
        await answers(session, [...toName.slice(0, at), [question, ctrlC]]);
        const { code, text } = await ended(session);
        expect([code, text]).toEqual([
          130,
          expect.stringMatching(/ ci: interrupted\. Nothing was changed\. Run `ci setup` to start again\.$/),
        ]);
        expect(api.changes).toEqual([]);
      },
    );

    test('at the key leaves all as it was', async () => {
      const me = user();
      const session = setup(me);
      await answers(session, [[asksKey, `mk_half${ctrlC}`]]);
      const { code, text } = await ended(session);
      expect([code, text]).toEqual([130, expect.stringMatching(/ ci: interrupted\. Nothing was changed\. [^.]*\.$/)]);
      expect(existsSync(path.join(me.home, 'config'))).toBe(false);
    });

    test.each([
      [asksName, toName],
      [asksPlace, toPlace],
      [asksFile, [...toPlace, [asksPlace, `${down}${enter}`]] satisfies Answer[]],
    ])('at "%s" says what was bought, and the next run goes on from there', async (question, before) => {
      const { api, me } = await signedIn();
      const session = setup(me);
      await answers(session, [...before, [question, ctrlC]]);
      const { code, text } = await ended(session);
      expect([code, text]).toEqual([
        130,
        expect.stringMatching(
          / ci: interrupted\. Done so far: reserved europe of kimi26 for \$49\.00\. Run `ci setup` to continue\.$/,
        ),
      ]);
      expect(listAt(await api.box.seen(), 'keys')).toEqual([]);
      expect(existsSync(path.join(me.home, '.env'))).toBe(false);

      const again = setup(me);
      await answers(again, [
        [/You have 1 subscription\. What next\?\n❯ Create a key for kimi26 {2}europe {2}live now/, enter],
        [asksName, `second${enter}`],
        [asksPlace, enter],
      ]);
      expect((await ended(again)).code).toBe(0);
      expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
      expect(keyIn(me)).toMatch(secret);
      const shown = await me.sh(`set -e\n${commandsOn(again)}`);
      expect([shown.code, shown.stderr]).toEqual([0, expect.stringContaining('Key "second" already exists')]);
    });
  });

  describe('run again', () => {
    test('more can be reserved', async () => {
      const { api, me } = await signedIn();
      expect((await me.ci('pools subscribe kimi26 --blocks europe --yes')).code).toBe(0);
      const session = setup(me);
      await answers(session, [
        ['You have 1 subscription. What next?', `${down}${enter}`],
        [asksPool, enter],
        [asksHours, `1-8${enter}`],
        [asksBlocks, enter],
        [asksSeats, enter],
        [asksCycle, enter],
        ['Charge $39.00 now?', `y${enter}`],
        [asksName, enter],
        [asksPlace, enter],
      ]);
      expect((await ended(session)).code).toBe(0);
      expect(listAt(await api.box.seen(), 'charges')).toMatchObject([{ amount: '49.00' }, { amount: '39.00' }]);
    });
  });

  describe('what can be in the way', () => {
    test('no card on file: says how to add one, waits, and tries again', async () => {
      const { api, me } = await signedIn({ card: false });
      const session = setup(me);
      await answers(session, [...toName, ['The card is saved?', enter]]);
      const twice =
        /Nothing was\s+charged\.[\s\S]*Nothing was\s+charged\.\s+Enter a card here, then come back:\n[\s\S]*\n\? The card/;
      await answers(session, [[twice, '']]);
      expect(flowing(session.screen)).toContain('✗ No payment method found — add a card first. Nothing was charged.');
      const [page = ''] =
        /http:\/\/127\.0\.0\.1:\d+\/sandbox\/card\/[\w-]+/.exec(session.screen.replace(/\n/g, '')) ?? [];
      await fetch(page, { method: 'POST', body: new URLSearchParams({ card: 'good' }) });
      session.type(enter);
      await answers(session, [
        [asksName, enter],
        [asksPlace, enter],
      ]);
      expect((await ended(session)).code).toBe(0);
      expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
    });

    test('no card on file: the page is opened in the browser', async () => {
      const { api, me } = await signedIn({ card: false });
      const { opened } = browser(me);
      const session = setup(me, { DISPLAY: ':0' });
      await answers(session, [...toName, ['The card is saved?', `${down}${enter}`]]);
      const [page = ''] = await opened(1);
      await fetch(page, { method: 'POST', body: new URLSearchParams({ card: 'good' }) });
      await answers(session, [
        ['When the card is saved:', enter],
        [asksName, enter],
        [asksPlace, enter],
      ]);
      expect((await ended(session)).code).toBe(0);
      expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
    });

    test.each([
      ['stopping', `${down}${down}${enter}`, 8, 'No payment method found — add a card first.'],
      ['Ctrl-C', ctrlC, 130, 'interrupted. Nothing was changed. Run `ci setup` to start again.'],
    ])('no card on file, and %s there: nothing is charged', async (_what, keys, exit, told) => {
      const { api, me } = await signedIn({ card: false });
      const session = setup(me);
      await answers(session, [...toName, ['The card is saved?', keys]]);
      const { code, text } = await ended(session);
      expect([code, text]).toEqual([exit, expect.stringContaining(`ci: ${told}`)]);
      expect(listAt(await api.box.seen(), 'charges')).toEqual([]);
    });

    test('sold out a moment before: other blocks, and Esc goes on from those', async () => {
      const { api, me } = await refusing('Not enough seats: europe is sold out');
      const session = setup(me);
      await answers(session, [
        ...toName,
        ['What now?', enter],
        [asksBlocks, escapeKey],
        [/Back\.\n\? Working hours/, `1-8${enter}`],
        [/Suggested: asia[\s\S]*\? Which blocks\?/, enter],
        [asksSeats, enter],
        [asksCycle, enter],
        ['Charge $39.00 now?', `y${enter}`],
        [asksName, enter],
        [asksPlace, enter],
      ]);
      const { code, text } = await ended(session);
      expect(code).toBe(0);
      expect(text).toContain('✗ Not enough seats: europe is sold out. Nothing was charged. ✓ What now? Other blocks');
      expect(listAt(await api.box.seen(), 'charges')).toMatchObject([{ amount: '39.00' }]);
    });

    test('sold out a moment before: another pool', async () => {
      const { api, me } = await refusing('Not enough seats: europe is sold out');
      const session = setup(me);
      await answers(session, [
        ...toName,
        ['What now?', `${down}${enter}`],
        ...finding('mini', 'minimax-m3'),
        ...toName.slice(1),
        [asksName, enter],
        [asksPlace, enter],
      ]);
      const { code, text } = await ended(session);
      expect([code, text]).toEqual([0, expect.stringContaining('Done. Pool minimax-m3 europe')]);
      expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
    });

    test('too few seats a moment before: fewer seats', async () => {
      const { api, me } = await refusing('Not enough seats: 1 left');
      const session = setup(me);
      await answers(session, [
        ...toConsent.slice(0, 3),
        [asksSeats, `2${enter}`],
        [asksCycle, enter],
        ['Charge $98.00 now?', `y${enter}`],
        [/\? What now\?\n❯ Other blocks\n {2}Fewer seats\n/, `${down}${enter}`],
        [asksSeats, `1${enter}`],
        ...toEnd.slice(4),
      ]);
      expect((await ended(session)).code).toBe(0);
      expect(listAt(await api.box.seen(), 'charges')).toMatchObject([{ amount: '49.00' }]);
    });

    test('sold out a moment before, and no wish for another: exit 6 with the command that waits', async () => {
      const { api, me } = await refusing('Not enough seats: europe is sold out');
      const session = setup(me);
      await answers(session, [
        ...toName,
        [/\n {2}Stop here, and wait for a seat with `ci pools watch`\n/, `${down}${down}${enter}`],
      ]);
      const { code, text } = await ended(session);
      const wait = 'ci pools watch kimi26 --blocks europe';
      expect([code, text]).toEqual([
        6,
        expect.stringContaining(`europe is sold out. Nothing was charged. \`${wait}\` waits for a seat.`),
      ]);
      expect(listAt(await api.box.seen(), 'charges')).toEqual([]);
      expect((await me.ci(wait.slice(3))).code).toBe(0);
    });

    test('a block that is sold out cannot be chosen, and the command that waits for it is named', async () => {
      const { me } = await signedIn();
      const session = setup(me);
      await answers(session, [
        ...finding('mini', 'minimax-m3'),
        [asksHours, `17-23${enter}`],
        [/ - americas {2}[^\n]*sold out\n/, `${down}${down}${space}`],
        [/! This option is disabled and cannot be toggled\./, ctrlC],
      ]);
      const { code, text } = await ended(session);
      expect(code).toBe(130);
      expect(text).toContain('Sold out: americas. `ci pools watch minimax-m3 --blocks americas` waits for a seat.');
    });

    test('a pool that is sold out: another pool, or the command that waits', async () => {
      const { api, me } = await signedIn({
        instead: ({ path: where }, box) => {
          if (!where.startsWith('/api/pools/') || where.endsWith('/my-subscriptions')) return undefined;
          return async (request, response) => {
            const { body } = await box.call(request.method, request.path);
            const taken = JSON.stringify(body).replaceAll('"status":"available"', '"status":"taken"');
            answer(200, taken)(request, response);
          };
        },
      });
      const session = setup(me);
      await answers(session, [
        [asksPool, enter],
        [asksHours, enter],
        [/✗ kimi26 is sold out\. Nothing was charged\.\n\? What now\?\n❯ Another pool\n/, enter],
        ...finding('mini', 'minimax-m3'),
        [asksHours, enter],
        ['What now?', `${down}${enter}`],
      ]);
      const { code, text } = await ended(session);
      expect([code, text]).toEqual([
        6,
        expect.stringContaining(
          'minimax-m3 is sold out. Nothing was charged. `ci pools watch minimax-m3 --blocks asia,europe,americas` waits',
        ),
      ]);
      expect(api.changes).toEqual([]);
    });

    test('a key that comes by mail: says so, and asks nothing about a key', async () => {
      const { api, me } = await signedIn();
      const session = setup(me);
      await answers(session, [...finding('glm', 'glm5'), ...toConsent.slice(1), ['Charge $59.00 now?', `y${enter}`]]);
      const { code, text } = await ended(session);
      expect(code).toBe(0);
      expect(text).toContain('Key by mail, within 24 hours');
      expect(text).toContain('The key of this pool is sent by mail, usually within hours, always within 24 hours.');
      expect(text).toMatch(/Done\. Pool glm5 europe Subscription \S+ Account mk_/);
      expect(listAt(await api.box.seen(), 'keys')).toEqual([]);
      const again = await me.sh(`set -e\n${commandsOn(session)}`);
      expect([again.code, listAt(await api.box.seen(), 'charges')]).toEqual([0, [expect.anything()]]);

      const next = setup(me);
      await answers(next, [[asksPool, ctrlC]]);
      expect((await ended(next)).text).toContain(
        'You already have glm5 europe: its key is sent by email within 24 hours. ? Which pool?',
      );
    });

    test('a first request that fails: the key is made, and it is said', async () => {
      const { me } = await signedIn({
        instead: ({ path: where }) =>
          where === '/v1/chat/completions' ? answer(503, { error: { message: 'warming up' } }) : undefined,
      });
      const session = setup(me);
      await answers(session, toEnd);
      const { code, text } = await ended(session);
      expect([code, text]).toEqual([
        0,
        expect.stringMatching(/The key was created, but a first request with it failed: [^.]*warming up\. Try again/),
      ]);
      expect(keyIn(me)).toMatch(secret);
    });
  });

  describe('where the key goes', () => {
    test('another file: one that cannot be written is said, and asked again', async () => {
      const { api, me } = await signedIn();
      mkdirSync(path.join(me.home, 'with space'));
      const session = setup(me);
      await answers(session, [
        ...toPlace,
        [asksPlace, `${down}${enter}`],
        [asksFile, `none/.env${enter}`],
        [/! \S+\/none\/\.env cannot\s+be\s+written/, `${backspace.repeat(9)}with space/.env${enter}`],
      ]);
      const { code, text } = await ended(session);
      expect([code, text]).toEqual([0, expect.stringContaining('Saved to with space/.env Variable')]);
      expect(keyIn(me, 'with space/.env')).toMatch(secret);
      expect(listAt(await api.box.seen(), 'keys')).toHaveLength(1);
      expect((await me.sh(`set -e\n${commandsOn(session)}`)).code).toBe(0);
    });

    test('a file that git would commit is said to be one', async () => {
      const { me } = await signedIn();
      expect((await me.sh('git init -q .')).code).toBe(0);
      const session = setup(me);
      await answers(session, toEnd);
      const { code, text } = await ended(session);
      expect([code, text]).toEqual([
        0,
        expect.stringMatching(/ Warning: git would commit \S+\/\.env with the secret\. Add/),
      ]);
    });

    test('every new shell: the secret is in a file of its own, which the shell loads', async () => {
      const { me } = await signedIn();
      const bashrc = path.join(me.home, '.bashrc');
      writeFileSync(bashrc, 'alias ll="ls -l"');
      const session = setup(me, { SHELL: '/bin/bash' });
      await answers(session, [
        ...toPlace,
        [/\n {2}Load it in new shells \(edits ~\/\.bashrc\)\n/, `${down}${down}${enter}`],
      ]);
      const { code, text } = await ended(session);
      expect([code, text]).toEqual([0, expect.stringContaining('✓ Save the key to: new shells ✓')]);
      const profile = readFileSync(bashrc, 'utf8');
      expect(profile).toMatch(/^alias ll="ls -l"\n# >>> CheapestInference API key >>>\n/);
      expect(profile).not.toMatch(/sk_/);
      const { stdout } = await me.sh('bash -c \'. ~/.bashrc; sh -c "echo \\$CHEAPESTINFERENCE_API_KEY"\'');
      expect(stdout.trim()).toMatch(secret);
      const [, file = ''] = /\[ -r '([^']+)' \]/.exec(profile) ?? [];
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect((await me.sh(`set -e\n${commandsOn(session)}`)).code).toBe(0);
    });

    test('the clipboard: the secret goes through a pipe, and nowhere else', async () => {
      const { me } = await signedIn();
      const program = path.join(me.home, 'bin', 'xclip');
      writeFileSync(program, '#!/bin/sh\nprintf "%s\\n" "$*" > "$HOME/arguments"\ncat > "$HOME/clipboard"\n');
      chmodSync(program, 0o755);
      const session = setup(me, { DISPLAY: ':0' });
      await answers(session, [...toPlace, [/\n {2}The clipboard\n/, `${down}${down}${enter}`]]);
      const { code, text } = await ended(session);
      expect([code, text]).toEqual([0, expect.stringContaining('Saved to the clipboard Account')]);
      const copied = readFileSync(path.join(me.home, 'clipboard'), 'utf8');
      expect(copied).toMatch(new RegExp(`^${secret.source}$`));
      expect(readFileSync(path.join(me.home, 'arguments'), 'utf8')).toBe('-selection clipboard\n');
      expect(session.written).not.toContain(copied);
      expect((await me.sh(`set -e\n${commandsOn(session)}`)).stdout).toMatch(new RegExp(`\n${copied}\n$`));
    });

    test('the screen, once, alone on its line', async () => {
      const { api, me } = await signedIn();
      const session = setup(me);
      await answers(session, [...toPlace, [/\n {2}The screen, once\n/, `${down}${down}${enter}`]]);
      expect((await ended(session)).code).toBe(0);
      const shown = session.screen.split('\n').filter((line) => secret.test(line));
      expect(shown).toEqual([expect.stringMatching(new RegExp(`^${secret.source}$`))]);
      expect(textAt(await api.box.seen(), 'keys', 0, 'name')).toBe(path.basename(me.home));
      expect((await me.sh(`set -e\n${commandsOn(session)}`)).stdout).toMatch(new RegExp(`\n${shown[0]}\n$`));
    });
  });
});

describe('Ctrl-C while a request is under way', () => {
  test.each([
    ['GET /api/pools', 'interrupted. Nothing was changed. Run `ci setup` to start again.', []],
    ['POST /api/pools/', 'interrupted. The change may have gone through, or may still do so. ', ['subscribe unknown']],
    [
      'POST /api/keys/',
      'interrupted. The change may have gone through, or may still do so. Done so far: reserved europe of kimi26 for $49.00. ',
      ['subscribe applied', 'create-key unknown'],
    ],
    [
      'POST /v1/',
      'interrupted. Done so far: reserved europe of kimi26 for $49.00 and created the key "',
      ['subscribe applied', 'create-key applied'],
    ],
  ])('that is %s…: what was done by then is told', async (silent, told, recorded) => {
    const held = heldResponse();
    const isChange = silent.startsWith('POST /api/');
    const { api, me } = await signedIn({
      instead: ({ method, path: where }) => (`${method} ${where}`.startsWith(silent) ? held.told : undefined),
    });
    const session = onTerminal(me, 'setup', { columns: 400, pty: true });
    const [method = ''] = silent.split(' ');
    const isAsked = () => api.requests.some((request) => request.startsWith(silent));
    for (const [question, keys] of toEnd) {
      if (method === 'GET') break;
      await answers(session, [[question, keys]]);
      if (question === 'Charge $49.00 now?' && silent === 'POST /api/pools/') break;
    }
    await expect.poll(isAsked, { timeout: 20_000 }).toBe(true);
    session.type(ctrlC);
    if (isChange) {
      await session.shows('Interrupted. Waiting up to 10 s for the response');
      await held.release(reset);
    }
    expect(await session.exit).toBe(130);
    expect(flowing(session.screen)).toContain(told);
    if (isChange) expect(flowing(session.screen)).toContain('`ci history reconcile --wait`');
    expect(outcomesOf(me)).toEqual(recorded);
    expect(existsSync(path.join(me.home, '.env'))).toBe(silent === 'POST /v1/');
  });
});

describe('an unexpected purchase', () => {
  test('at a price that rose meanwhile is finished, and reported with the true charge: exit 8', async () => {
    const { me } = await signedIn({
      instead: ({ method, path: where, body }, box) =>
        method === 'POST' && where.endsWith('/subscribe')
          ? async (request, response) => {
              const bought = await box.call(method, where, { text: body });
              const subscription = Object.fromEntries(Object.entries(at(bought.body, 'data') ?? {}));
              await data({ ...subscription, monthlyPrice: '499.00' })(request, response);
            }
          : undefined,
    });
    const session = onTerminal(me, 'setup', { columns: 200 });
    await answers(session, toEnd);
    const { code, text } = await ended(session);
    expect(code).toBe(8);
    expect(text).toContain('✓ Subscribed to europe of kimi26: $499.00 charged.');
    expect(text).toContain('kimi26 charged $499.00, and you agreed to $49.00');
    expect(text).toContain('`ci pools cancel kimi26`');
    expect(keyIn(me)).toMatch(secret);
    expect(recordOf(me)).toContainEqual(expect.objectContaining({ outcome: 'applied', by: 'answer', charge: 499 }));
  });

  test('by an earlier command that went through counts as held, before anything is bought', async () => {
    let isDown = false;
    const { api, me } = await signedIn({
      instead: ({ method, path: where }, box) => {
        if (method === 'POST' && where.endsWith('/subscribe')) {
          isDown = true;
          return carriedOut(box, reset);
        }
        return isDown && where.endsWith('/my-subscriptions') ? answer(503, { error: 'down' }) : undefined;
      },
    });
    const lost = await me.ci('pools subscribe kimi26 --blocks europe --yes --settle 100ms');
    expect([lost.code, outcomesOf(me)]).toEqual([10, ['subscribe unknown']]);
    isDown = false;
    const session = onTerminal(me, 'setup', { columns: 200 });
    await answers(session, [
      ['You have 1 subscription. What next?', enter],
      [asksName, enter],
      [asksPlace, enter],
    ]);
    const { code, text } = await ended(session);
    expect([code, api.changes.filter((each) => each.endsWith('/subscribe')).length]).toEqual([0, 1]);
    expect(text).toContain('The key works.');
    expect(outcomesOf(me)).toEqual(['subscribe applied', 'create-key applied']);
  });
});

describe('a terminal that can do less', () => {
  test('one that takes lines alone asks line by line, and nothing in it is no text', async () => {
    const { me } = await signedIn();
    const session = onTerminal(me, 'setup', { env: { TERM: 'dumb' }, columns: 60, pty: true });
    for (const [shown, line] of [
      [/Its number or name: $/, 'kimi26'],
      [/skip\):\s*$/, '9-17'],
      [/or all: $/, '<'],
      [/Back\.\nWorking hours[\s\S]*skip\):\s*$/, '9-17'],
      [/Back\.[\s\S]*or all: $/, 'europe'],
      [/time\. \(1\)\s*$/, ''],
      [/Its number or name: $/, '1'],
      [/Charge \$49\.00 now\? \(y\/N\) $/, 'y'],
      [/Key name: \(ci-e2e-\w+\) $/, ''],
      [/Its number or name: $/, '1'],
    ] satisfies [RegExp, string][]) {
      await expect.poll(() => `${session.screen} `.replace(/\s+$/, ' '), { timeout: 20_000 }).toMatch(shown);
      session.type(`${line}\n`);
    }
    expect(await session.exit).toBe(0);
    expect(session.written).not.toMatch(/[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]/);
    expect(keyIn(me)).toMatch(secret);
  });

  test('one that has ASCII alone gets nothing else', async () => {
    const { me } = await signedIn();
    const session = onTerminal(me, 'setup', { env: { LC_ALL: 'C' }, columns: 60 });
    await answers(session, toEnd);
    expect((await ended(session)).code).toBe(0);
    expect(session.written).toMatch(/^[\x00-\x7f]*$/);
    expect(session.screen).toContain('\n+ Which blocks? europe\n');
  });

  test('one without colour gets none', async () => {
    const { me } = await signedIn();
    const session = onTerminal(me, 'setup', { env: { NO_COLOR: '1' } });
    await answers(session, toEnd);
    expect((await ended(session)).code).toBe(0);
    expect(session.written).not.toMatch(/\x1b\[[\d;]*m/);
  });

  test('one of 40 columns cuts no word but an address and an id', async () => {
    const { me } = await signedIn();
    const session = onTerminal(me, 'setup', { columns: 40 });
    for (const [question, keys] of toEnd) {
      await session.shows(waiting(typeof question === 'string' ? question : ''));
      session.type(keys);
    }
    expect(await session.exit).toBe(0);
    expect(session.cuts.filter((word) => !/^(?:[0-9a-f-]{36}|\(CHEAPEST\w+\))$/.test(word))).toEqual([]);
    expect(keyIn(me)).toMatch(secret);
  });

  test('none at all: exit 2, with what does the same', async () => {
    const { api, me } = await signedIn();
    const { code, stdout, stderr } = await me.ci('setup');
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toMatch(/ci pools subscribe.*ci keys create/);
  });
});

test('with --json the result is one object, the secret masked', async () => {
  const { me } = await signedIn();
  const session = onTerminal(me, 'setup --json', { columns: 200 });
  await answers(session, toEnd);
  expect(await session.exit).toBe(0);
  const printed: unknown = JSON.parse(/^\{\n[\s\S]*^\}$/m.exec(session.screen)?.[0] ?? '');
  expect(printed).toMatchObject({
    pool: 'kimi26',
    keys: [{ apiKey: expect.stringMatching(/^sk_live_…/) }],
    savedTo: path.join(me.home, '.env'),
    commands: [
      'ci pools subscribe kimi26 --blocks europe --max-price 49.00 --ensure --yes',
      expect.stringMatching(/^ci keys create \S+ --pool kimi26 --ensure --save \.env$/),
    ],
  });
});
