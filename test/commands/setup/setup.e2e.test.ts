import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { browser } from '../../support/browser.ts';
import { type Ended, json, managementKey, oneLine, secret, type User, user, userOf } from '../../support/cli.ts';
import { customer } from '../../support/customer.ts';
import { heldResponse, outcomesOf, recordOf } from '../../support/lost.ts';
import { at, listAt, textAt } from '../../support/sandbox.ts';
import { answer, appliedThen, data, recordedSandbox, reset } from '../../support/servers.ts';
import { ctrlC, down, enter, onTerminal, type Session } from '../../support/terminal.ts';

const escapeKey = '\x1b';
const backspace = '\x7f';
const space = ' ';

/** Chooses the second destination, `.env`. */
const dotenv = `${down}${enter}`;

/** A question, which must be the last on the screen, or other text; and the keys to type then. */
type Answer = readonly [question: string | RegExp, keys: string];

const asksKey = 'Paste a management key (mk_…), or choose:';
const asksPool = 'Pool:';
const asksHours = 'Working hours';
const asksBlocks = 'Blocks:';
const asksSeats = 'Seats (each handles one request at a time):';
const asksCycle = 'Billing cycle:';
const asksName = 'Key name:';
const asksPlace = 'Save the key to:';
const asksOther = 'What would you like to do?';
const asksCard = 'Have you saved the card?';

/** The answers from the pool to the consent, as suggested. */
const toConsent: readonly Answer[] = [
  [asksPool, enter],
  [asksHours, `9-17${enter}`],
  [asksBlocks, enter],
  [asksSeats, enter],
  [asksCycle, enter],
];
const toName: readonly Answer[] = [...toConsent, ['Charge $49.00 now?', `y${enter}`]];
const toPlace: readonly Answer[] = [...toName, [asksName, enter]];
/** To the end with the default destination: the key is stored on this machine. */
const toEnd: readonly Answer[] = [...toPlace, [asksPlace, enter]];
const toDotenv: readonly Answer[] = [...toPlace, [asksPlace, dotenv]];
const inSandbox: readonly Answer[] = [[asksKey, `${down}${enter}`], ...toEnd];

/** Returns the answers that find a pool by typing. */
function finding(text: string, slug: string): readonly Answer[] {
  return [
    [asksPool, text],
    [new RegExp(`\\? Pool: ${text}\\n❯ ${slug} [^\\n]*\\n\\n`), enter],
  ];
}

/** Matches a question that waits for its answer: the last one on the screen. */
function waiting(question: string): RegExp {
  const text = question.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(' ', '\\s+');
  return new RegExp(`(?:^|\\n)\\? ${text}(?![\\s\\S]*\\n\\? )`);
}

/** Answers questions, each once it is on the screen. No word on the screen may be broken. */
async function answers(session: Session, steps: readonly Answer[]): Promise<void> {
  for (const [question, keys] of steps) {
    await session.shows(typeof question === 'string' ? waiting(question) : question);
    expect(session.cuts).toEqual([]);
    session.type(keys);
  }
}

/** Waits for the end. Returns the text on the screen in one line, and the exit code. */
async function ended(session: Session): Promise<{ code: number; text: string }> {
  const code = await session.exit;
  // The body of the request to try is one word.
  expect(session.cuts.filter((word) => !word.startsWith(`'{"model":`))).toEqual([]);
  return { code, text: flowing(session.screen) };
}

/** Returns the text of a screen in one line. */
function flowing(screen: string): string {
  return screen.replace(/\s+/g, ' ');
}

/** Returns the commands at the end, as a user copies them. */
function commandsOn({ screen }: Session): string {
  const [, commands = ''] = screen.split('The same in a script:\n');
  return commands;
}

/**
 * Runs the commands at the end until one fails. A shell splits them into words, and the words run in this process, which takes a
 * tenth of the time.
 */
async function runCommands(session: Session, me: User): Promise<Ended> {
  const printsWords = `ci() { printf '%s\\0' "$@"; printf '\\n\\0'; }`;
  const shell = await me.sh(`set -e\n${printsWords}\n${commandsOn(session)}`);
  let ended: Ended = { ...shell, stdout: '' };
  for (const words of shell.stdout.split('\0\n\0').slice(0, -1)) {
    if (ended.code !== 0) break;
    const { code, stdout, stderr } = await me.ci(words.split('\0'));
    ended = { ...ended, code, stdout: ended.stdout + stdout, stderr: ended.stderr + stderr };
  }
  return ended;
}

/** Returns a signed-in user, and a sandbox that refuses the first purchase. */
function refusing(error: string) {
  let refused = false;
  return customer({
    instead: ({ method, path: where }) => {
      if (method !== 'POST' || !where.endsWith('/subscribe') || refused) return undefined;
      refused = true;
      return answer(409, { success: false, error });
    },
  });
}

/** Returns the file of the keys that are stored on this machine. */
function storeOf(me: User): string {
  return path.join(me.home, 'config', 'cheapestinference', 'secrets.json');
}

/** Returns the key that is stored on this machine. */
async function storedKey(me: User, line = 'keys secret'): Promise<string> {
  const [key, ...others] = listAt(JSON.parse(readFileSync(storeOf(me), 'utf8')), 'keys');
  expect(others).toEqual([]);
  const { code, stdout } = await me.ci([...line.split(' '), textAt(key, 'name')]);
  expect([code, stdout]).toEqual([0, `${textAt(key, 'secret')}\n`]);
  return stdout.trim();
}

/** Returns the key in a dotenv file. */
function keyIn(me: User, file = '.env'): string {
  return /^CHEAPESTINFERENCE_API_KEY=(\S+)$/m.exec(readFileSync(path.join(me.home, file), 'utf8'))?.[1] ?? '';
}

describe.each([60, 80, 200])('on a terminal of %i columns', (columns) => {
  const setup = (me: User, env: Readonly<Record<string, string>> = {}) => onTerminal(me, 'setup', { columns, env });

  describe('a new user', () => {
    test('gets a working key in the sandbox; the commands shown do the same elsewhere', async () => {
      const me = user();
      const session = setup(me);
      await answers(session, inSandbox);
      const { code, text } = await ended(session);
      expect(code).toBe(0);
      for (const fact of [
        "You won't be charged until you confirm. Esc: back a step. Ctrl-C: quit (completed steps are kept).",
        '✓ Paste a management key (mk_…), or choose: the sandbox Sandbox: nothing is charged.',
        '✓ Seats (each handles one request at a time): 1 ✓ Billing cycle:',
        '✓ Subscribed to europe of kimi26. Charged $49.00.',
        '✓ The key works. kimi-k2.6 says: This is',
        'Done. Pool kimi26 europe Subscription ',
        '✓ Save the key to: this machine ✓',
        'Saved to this machine, for `ci run` and `ci env` Account the sandbox: nothing is charged',
      ]) {
        expect(text).toContain(fact);
      }
      const key = await storedKey(me, '--sandbox keys secret');
      expect(key).toMatch(secret);
      expect(session.written).not.toContain(key);
      expect(statSync(storeOf(me)).mode & 0o777).toBe(0o600);
      expect(existsSync(path.join(me.home, '.env'))).toBe(false);
      expect(json(await me.ci('--sandbox pools subscriptions --json'))).toMatchObject([{ poolSlug: 'kimi26' }]);

      const other = user();
      const ran = await runCommands(session, other);
      expect([ran.code, ran.stderr]).toEqual([0, expect.stringMatching(/^(?:Sandbox: nothing is charged[^\n]*\n)+$/)]);
      expect(await storedKey(other, '--sandbox keys secret')).toMatch(secret);
      const [, name = ''] = /keys create (\S+)/.exec(commandsOn(session)) ?? [];
      const shown = commandsOn(session).replace(/ \\\n */g, ' ');
      expect(shown.split('\n').at(-1)).toBe(`  ci --sandbox keys create ${name} --pool kimi26 --ensure --store`);
      expect(json(await other.ci('--sandbox keys list --json'))).toMatchObject([{ name }]);
    });

    test('is offered to go back only from the second question, and told once that the sandbox is used', async () => {
      const session = setup(user());
      await answers(session, [[asksKey, '']]);
      expect(session.screen).not.toContain('esc back');
      await answers(session, [
        ...inSandbox.slice(0, 1),
        [asksPool, ''],
        [/esc back/, escapeKey],
        [/Back\.\n\? Paste a management key/, ''],
      ]);
      expect(session.screen).not.toContain('esc back');
      await answers(session, [
        [asksKey, enter],
        [asksPool, ctrlC],
      ]);
      expect(await session.exit).toBe(130);
      expect(session.screen.match(/Sandbox: nothing is charged/g)).toHaveLength(1);
    });

    test('is asked for a management key until it is valid, sees no check mark before, and stays signed in', async () => {
      const api = await recordedSandbox();
      const me = user({ CHEAPESTINFERENCE_API_URL: api.url });
      const session = setup(me);
      await answers(session, [
        [asksKey, `nonsense${enter}`],
        [/! Not a valid management key\.\s+Management\s+keys\s+start\s+with\s+mk_\./, `mk_invalid_1${enter}`],
        [/! Invalid management key\.\s+Copy the whole key/, managementKey],
        [/•{9}/, ''],
      ]);
      expect(session.screen).not.toContain('✓');
      await answers(session, [
        [/•{9}/, enter],
        [/✓ Signed in to 127\.0\.0\.1:\d+ as profile "default"\./, ''],
        ...toConsent,
        ['Charge $49.00 now?', enter],
      ]);
      const { code, text } = await ended(session);
      expect(code).toBe(1);
      expect(session.written).not.toContain(managementKey);
      expect(text).toMatch(
        /ci: Declined\. Nothing was charged\. Completed: signed in as profile "default" with mk_…\S*\. Run `ci setup` to continue\.$/,
      );
      expect(api.changes).toEqual([]);
      expect((await me.ci('auth status')).code).toBe(0);
    });

    test('can open the dashboard to create a management key', async () => {
      const api = await recordedSandbox();
      const me = user({ CHEAPESTINFERENCE_API_URL: api.url });
      const { opened } = browser(me);
      const session = setup(me, { DISPLAY: ':0' });
      await answers(session, [[asksKey, enter]]);
      expect(await opened(1)).toEqual(['https://cheapestinference.com/dashboard']);
      await answers(session, [[/Opened in your browser\.\n\? Paste a management key/, ctrlC]]);
      const { code, text } = await ended(session);
      expect(code).toBe(130);
      expect(text).toContain(
        'Create a management key in the dashboard (Management Keys): https://cheapestinference.com/dashboard Opened',
      );
    });

    test('with a refused key in the environment is told to replace it', async () => {
      const api = await recordedSandbox();
      const session = setup(userOf(api, { CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_invalid_1' }));
      const { code, text } = await ended(session);
      expect([code, text]).toEqual([
        4,
        expect.stringMatching(/Invalid management key\. Set CHEAPESTINFERENCE_MANAGEMENT_KEY to a valid key, or unset/),
      ]);
    });
  });

  describe('the choices', () => {
    test('find a pool by its model and region as you type', async () => {
      const { me } = await customer();
      const session = setup(me);
      await session.shows(/\? Pool:\n❯ kimi26[\s\S]*type to search[^\n]*⏎ select$/);
      session.type('EUROPE mini');
      await answers(session, [
        [/\? Pool: EUROPE mini\n❯ minimax-m3 .*\n\n/, enter],
        [/✓ Pool: minimax-m3\n[\s\S]*\? Working hours/, ctrlC],
      ]);
      expect((await ended(session)).code).toBe(130);
    });

    test('leave out a pool that is not open, which is shown with the reason', async () => {
      const { me } = await customer();
      const session = setup(me);
      await session.shows(/\n- qwen35 [^\n]*paused/);
      const bottom = down.repeat(9);
      await answers(session, [
        [asksPool, `${bottom}${enter}`],
        [/✓ Pool: glm5\n/, ctrlC],
      ]);
      expect((await ended(session)).code).toBe(130);
    });

    test('show blocks in local time, with the price, the seats, what is live now and what fits the working hours', async () => {
      const { me } = await customer();
      const session = setup(me, { TZ: 'America/New_York' });
      await answers(session, [
        [asksPool, enter],
        [asksHours, `9-17${enter}`],
        [/americas [^\n]*6 \S+[^\n]*\n[\s\S]*back$/, ''],
      ]);
      expect(flowing(session.screen)).toContain(
        'Suggested: europe (3 of your 8 hours) and americas (5 of your 8 hours).',
      );
      const [asia = '', europe = '', americas = ''] =
        columns === 60 ? [] : ['00:00–08:00 UTC  ', '08:00–16:00 UTC  ', '16:00–24:00 UTC  '];
      expect(session.screen).toContain(
        [
          '',
          `❯◯ asia      ${asia}20:00–04:00 local  $39.00  7 seats left`,
          ` ◉ europe    ${europe}04:00–12:00 local  $49.00  8 seats left${columns === 60 ? '' : '  live now'}`,
          ` ◉ americas  ${americas}12:00–20:00 local  $45.00  6 seats left`,
          '',
        ].join('\n'),
      );
      session.type(ctrlC);
      expect((await ended(session)).code).toBe(130);
    });

    test('suggest no blocks without working hours, and need at least one block', async () => {
      const { me } = await customer();
      const session = setup(me);
      await answers(session, [
        [asksPool, enter],
        [asksHours, enter],
        [/◯ asia[\s\S]*◯ europe[\s\S]*◯ americas[\s\S]*back$/, enter],
        [/! Choose at least one\./, ctrlC],
      ]);
      const { code, text } = await ended(session);
      expect([code, text]).toEqual([130, expect.not.stringContaining('Suggested')]);
    });

    test('are asked for again if an answer is not valid', async () => {
      const { me } = await customer();
      const session = setup(me);
      await answers(session, [
        [asksPool, enter],
        [asksHours, `all day${enter}`],
        [/! "all day" is not a valid time range\.\s+Use/, `${backspace.repeat(7)}9am-5pm${enter}`],
        [/✓ Working hours[^✓]*9am-5pm\nSuggested: europe \(7 of your 8 hours\)\./, ''],
        [asksBlocks, enter],
        [asksSeats, `21${enter}`],
        [/! Enter a number from 1 to 20\./, `${backspace.repeat(2)}9${enter}`],
        [/! Only 8 seats left\./, `${backspace}8${enter}`],
        [asksCycle, ctrlC],
      ]);
      expect((await ended(session)).code).toBe(130);
    });

    test('show what yearly billing saves, and charge for a year', async () => {
      const { api, me } = await customer();
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
        'List price $588.00 per year (12 × $49.00) Discount 15% off, saves $88.20 Due today $499.80 Billing Yearly, renews until canceled',
      );
      expect(listAt(await api.box.seen(), 'charges')).toMatchObject([{ amount: '499.80' }]);
      const again = await runCommands(session, me);
      expect([again.code, again.stderr]).toEqual([0, expect.stringContaining('Already covered')]);
      expect(commandsOn(session).replace(/ \\\n */g, ' ')).toContain(
        '--blocks europe --billing-cycle year --max-price 499.80 --ensure --yes\n',
      );
    });

    test('are all shown before the consent; No changes nothing, and is reported once', async () => {
      const { api, me } = await customer();
      const session = setup(me, { TZ: 'Asia/Kolkata' });
      await answers(session, [...toConsent, ['Charge $88.00 now?', enter]]);
      const { code, text } = await ended(session);
      expect(text).toContain(
        [
          'Pool kimi26 (Kimi K2.6)',
          'Blocks asia $39.00 00:00–08:00 UTC, 05:30–13:30 local, 7 seats left',
          'europe $49.00 08:00–16:00 UTC, 13:30–21:30 local, 8 seats left',
          'Seats 1 per block List price $88.00 per month Due today $88.00',
          'Billing Monthly, renews until canceled Charged to your saved card Account mk_…cdef (CHEAPESTINFERENCE_MANAGEMENT_KEY) at 127.0.0.1:',
        ].join(' '),
      );
      expect([code, text]).toEqual([
        1,
        expect.stringMatching(/No ci: Declined\. Nothing was changed\. Run `ci setup` to start again\.$/),
      ]);
      expect(api.changes).toEqual([]);
    });

    test('of two seats create two keys in two variables; the commands shown do the same elsewhere', async () => {
      const { api, me } = await customer();
      const session = setup(me);
      await answers(session, [
        ...toConsent.slice(0, 3),
        [asksSeats, `2${enter}`],
        [asksCycle, enter],
        ['Charge $98.00 now?', `y${enter}`],
        [/\? Key name \(2 keys: NAME-1 to NAME-2\):/, `the team's${enter}`],
        [asksPlace, dotenv],
      ]);
      const { code, text } = await ended(session);
      expect(code).toBe(0);
      expect(listAt(await api.box.seen(), 'keys')).toMatchObject([{ name: "the team's-1" }, { name: "the team's-2" }]);
      expect(text).toContain('.env, as CHEAPESTINFERENCE_API_KEY and …_2 Account');
      expect(readFileSync(path.join(me.home, '.env'), 'utf8')).toMatch(
        /^CHEAPESTINFERENCE_API_KEY=sk_sandbox_\S+\nCHEAPESTINFERENCE_API_KEY_2=sk_sandbox_\S+\n$/,
      );

      const { api: elsewhere, me: other } = await customer();
      const ran = await runCommands(session, other);
      expect([ran.code, ran.stdout]).toEqual([0, expect.not.stringMatching(secret)]);
      expect(readFileSync(path.join(other.home, '.env'), 'utf8')).toMatch(
        /^CHEAPESTINFERENCE_API_KEY=sk_sandbox_\S+\nCHEAPESTINFERENCE_API_KEY_2=sk_sandbox_\S+\n$/,
      );
      expect(listAt(await elsewhere.box.seen(), 'keys')).toMatchObject([
        { name: "the team's-1" },
        { name: "the team's-2" },
      ]);
    });
  });

  describe('Esc', () => {
    test('goes back a step from every question, and the new answers count', async () => {
      const { api, me } = await customer();
      const session = setup(me);
      const asked: readonly Answer[] = [...toConsent, ['Charge $49.00 now?', `y${enter}`]];
      await answers(session, [
        [asksPool, escapeKey],
        [/This is the first step\.\n\? Pool:/, ''],
      ]);
      for (const [at, [question]] of asked.entries()) {
        const before = asked[at - 1];
        // An earlier answer is selected, or in the line.
        if (before) await answers(session, [before, [question, escapeKey], [before[0], enter]]);
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
        [asksPlace, dotenv],
      ]);
      const { code, text } = await ended(session);
      expect(code).toBe(0);
      expect(listAt(await api.box.seen(), 'charges')).toMatchObject([{ amount: '39.00' }]);
      expect(text.match(/ Back\./g)).toHaveLength(asked.length - 1 + 4);
      expect(text).toContain('✓ Blocks: asia');
      expect(text).toContain('The key works from 00:00 local time (in 15 hours), when its hours start.');
      expect(keyIn(me)).toMatch(secret);
    });

    test('does not go back over a purchase', async () => {
      const { api, me } = await customer();
      const session = setup(me);
      await answers(session, [
        ...toName,
        [asksName, escapeKey],
        [/You can't go back past a completed step\.\n\? Key name:/, `again${enter}`],
        [asksPlace, enter],
      ]);
      expect((await ended(session)).code).toBe(0);
      expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
      expect(listAt(await api.box.seen(), 'keys')).toMatchObject([{ name: 'again' }]);
    });
  });

  describe('Ctrl-C', () => {
    test.each(toName.map(([question], at) => [question, at] as const))(
      'at "%s" changes nothing',
      async (question, at) => {
        const { api, me } = await customer();
        const session = setup(me);
        await answers(session, [...toName.slice(0, at), [question, ctrlC]]);
        const { code, text } = await ended(session);
        expect([code, text]).toEqual([
          130,
          expect.stringMatching(/ ci: Interrupted\. Nothing was changed\. Run `ci setup` to start again\.$/),
        ]);
        expect(api.changes).toEqual([]);
      },
    );

    test('at the management key changes nothing', async () => {
      const me = user();
      const session = setup(me);
      await answers(session, [[asksKey, `mk_half${ctrlC}`]]);
      const { code, text } = await ended(session);
      expect([code, text]).toEqual([130, expect.stringMatching(/ ci: Interrupted\. Nothing was changed\. [^.]*\.$/)]);
      expect(existsSync(path.join(me.home, 'config'))).toBe(false);
    });

    test.each([
      [asksName, toName],
      [asksPlace, toPlace],
    ])('at "%s" says what was bought, and the next run continues', async (question, before) => {
      const { api, me } = await customer();
      const session = setup(me);
      await answers(session, [...before, [question, ctrlC]]);
      const { code, text } = await ended(session);
      expect([code, text]).toEqual([
        130,
        expect.stringMatching(
          / ci: Interrupted\. Completed: reserved europe of kimi26 for \$49\.00\. Run `ci setup` to continue\.$/,
        ),
      ]);
      expect(listAt(await api.box.seen(), 'keys')).toEqual([]);
      expect([storeOf(me), path.join(me.home, '.env')].filter((file) => existsSync(file))).toEqual([]);

      const again = setup(me);
      await answers(again, [
        [/You have 1 active subscription\. Create a key for:\n❯ kimi26 {2}europe {2}1 seat, no key/, enter],
        [asksName, `second${enter}`],
        [asksPlace, dotenv],
      ]);
      expect((await ended(again)).code).toBe(0);
      expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
      expect(keyIn(me)).toMatch(secret);
      const shown = await runCommands(again, me);
      expect([shown.code, shown.stderr]).toEqual([0, expect.stringContaining('Key "second" already exists')]);
    });
  });

  describe('a user with subscriptions', () => {
    test('can reserve more blocks', async () => {
      const { api, me } = await customer();
      expect((await me.ci('pools subscribe kimi26 --blocks europe --yes')).code).toBe(0);
      const session = setup(me);
      await answers(session, [
        ['You have 1 active subscription. Create a key for:', `${down}${enter}`],
        [asksPool, enter],
        [asksBlocks, `${space}${enter}`],
        [asksSeats, enter],
        [asksCycle, enter],
        ['Charge $39.00 now?', `y${enter}`],
        [asksName, enter],
        [asksPlace, enter],
      ]);
      expect((await ended(session)).code).toBe(0);
      expect(listAt(await api.box.seen(), 'charges')).toMatchObject([{ amount: '49.00' }, { amount: '39.00' }]);
    });

    test('creates a key for each seat without one; the commands shown do the same', async () => {
      const { api, me } = await customer();
      expect((await me.ci('pools subscribe kimi26 --blocks europe --quantity 2 --yes')).code).toBe(0);
      const session = setup(me);
      await answers(session, [
        [/You have 2 active subscriptions\. Create a key for:\n❯ kimi26 {2}europe {2}2 seats, no key/, enter],
        [/\? Key name \(2 keys/, escapeKey],
        [/Back\.\n\? You have 2 active subscriptions/, enter],
        [/\? Key name \(2 keys: NAME-1 to NAME-2\):/, `team${enter}`],
        [asksPlace, dotenv],
      ]);
      const { code, text } = await ended(session);
      expect(code).toBe(0);
      expect(text).toContain(' Keys team-1, team-2 Saved to .env, as CHEAPESTINFERENCE_API_KEY and …_2 Account ');
      const keys = listAt(await api.box.seen(), 'keys');
      expect(keys).toMatchObject([{ name: 'team-1' }, { name: 'team-2' }]);
      expect(readFileSync(path.join(me.home, '.env'), 'utf8').match(/^CHEAPESTINFERENCE_API_KEY(?:_2)?=/gm)).toEqual([
        'CHEAPESTINFERENCE_API_KEY=',
        'CHEAPESTINFERENCE_API_KEY_2=',
      ]);
      const again = await runCommands(session, me);
      expect([again.code, again.stderr.match(/already exists/g)]).toEqual([0, Array(2).fill('already exists')]);
      expect(listAt(await api.box.seen(), 'keys')).toHaveLength(2);

      const next = setup(me);
      await answers(next, [[/\n❯ kimi26 {2}europe {2}key team-\d[\s\S]*\n {2}Reserve more blocks instead\n/, ctrlC]]);
      expect((await ended(next)).code).toBe(130);
    });

    /** A sandbox that refuses to create a second key. */
    const withOneKey = () => {
      let created = 0;
      return customer({
        instead: ({ method, path: where }) => {
          if (method !== 'POST' || where !== '/api/keys/subscription') return undefined;
          created++;
          return created === 2 ? answer(400, { success: false, error: 'No more keys' }) : undefined;
        },
      });
    };

    test("is told which existing seats have no key after a failure, and that they weren't bought now", async () => {
      const { me } = await withOneKey();
      expect((await me.ci('pools subscribe kimi26 --blocks europe --quantity 2 --yes')).code).toBe(0);
      const session = setup(me);
      await answers(session, [
        [/2 seats, no key/, enter],
        [/\? Key name \(2 keys/, `team${enter}`],
        [asksPlace, dotenv],
      ]);
      const { code, text } = await ended(session);
      expect(code).toBe(1);
      expect(text).toContain(' Key "team-2" wasn\'t created: No more keys');
      expect(text).toMatch(/then `ci keys create team-2 --subscription [0-9a-f-]{36}`/);
      expect(text).not.toMatch(/Subscribed|Bought/);
      expect(keyIn(me)).toMatch(secret);
    });

    test('is told which seats have no key after a failure', async () => {
      const { me } = await withOneKey();
      const session = setup(me);
      await answers(session, [
        ...toConsent.slice(0, 3),
        [asksSeats, `3${enter}`],
        [asksCycle, enter],
        ['Charge $147.00 now?', `y${enter}`],
        [/\? Key name \(3 keys/, `team${enter}`],
        [asksPlace, dotenv],
      ]);
      const { code, text } = await ended(session);
      expect(code).toBe(1);
      expect(text).toMatch(/Completed: reserved europe of kimi26 for \$147\.00 and created the key "team-1"/);
      expect(text).toMatch(/`ci keys create team-2 --subscription [0-9a-f-]{36}`/);
      expect(text).toMatch(/`ci keys create team-3 --subscription [0-9a-f-]{36}`/);
      expect(keyIn(me)).toMatch(secret);
    });
  });

  describe('a user who meets an obstacle', () => {
    test('sees where to add a missing card, and tries again', async () => {
      const { api, me } = await customer({ card: false });
      const session = setup(me);
      await answers(session, [...toName, [asksCard, enter]]);
      const twice =
        /Nothing was\s+charged\.[\s\S]*Nothing was\s+charged\.\s+Add a card on this page, then come back:\n[\s\S]*\n\? Have you saved the card/;
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

    test('can open the page that saves a card in the browser', async () => {
      const { api, me } = await customer({ card: false });
      const { opened } = browser(me);
      const session = setup(me, { DISPLAY: ':0' });
      await answers(session, [...toName, [asksCard, `${down}${enter}`]]);
      const [page = ''] = await opened(1);
      await fetch(page, { method: 'POST', body: new URLSearchParams({ card: 'good' }) });
      await answers(session, [
        ["When you've saved the card:", enter],
        [asksName, enter],
        [asksPlace, enter],
      ]);
      expect((await ended(session)).code).toBe(0);
      expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
    });

    test.each([
      ['quitting', `${down}${down}${enter}`, 8, 'No payment method found — add a card first.'],
      ['Ctrl-C', ctrlC, 130, 'Interrupted. Nothing was changed. Run `ci setup` to start again.'],
    ])('without a saved card is not charged after %s', async (_what, keys, exit, told) => {
      const { api, me } = await customer({ card: false });
      const session = setup(me);
      await answers(session, [...toName, [asksCard, keys]]);
      const { code, text } = await ended(session);
      expect([code, text]).toEqual([exit, expect.stringContaining(`ci: ${told}`)]);
      expect(listAt(await api.box.seen(), 'charges')).toEqual([]);
    });

    test('can choose other blocks if seats sold out moments before, and go back from there', async () => {
      const { api, me } = await refusing('Not enough seats: europe is sold out');
      const session = setup(me);
      await answers(session, [
        ...toName,
        [asksOther, enter],
        [asksBlocks, escapeKey],
        [/Back\.\n\? Working hours[^?]* 9-17\n/, `${backspace.repeat(4)}1-8${enter}`],
        [/Suggested: asia[\s\S]*\? Blocks:/, enter],
        [asksSeats, enter],
        [asksCycle, enter],
        ['Charge $39.00 now?', `y${enter}`],
        [asksName, enter],
        [asksPlace, enter],
      ]);
      const { code, text } = await ended(session);
      expect(code).toBe(0);
      expect(text).toContain(
        '✗ Not enough seats: europe is sold out. Nothing was charged. To buy as soon as seats are available, run: ci pools watch kimi26 --blocks europe --subscribe ✓ What would you like to do? Choose other blocks',
      );
      expect(listAt(await api.box.seen(), 'charges')).toMatchObject([{ amount: '39.00' }]);
    });

    test('can choose another pool if seats sold out moments before', async () => {
      const { api, me } = await refusing('Not enough seats: europe is sold out');
      const session = setup(me);
      await answers(session, [
        ...toName,
        [asksOther, `${down}${enter}`],
        ...finding('mini', 'minimax-m3'),
        [asksHours, enter],
        ...toName.slice(2),
        [asksName, enter],
        [asksPlace, enter],
      ]);
      const { code, text } = await ended(session);
      expect([code, text]).toEqual([0, expect.stringContaining('Done. Pool minimax-m3 europe')]);
      expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
    });

    test('can choose fewer seats if too few are left', async () => {
      const { api, me } = await refusing('Not enough seats: 1 left');
      const session = setup(me);
      await answers(session, [
        ...toConsent.slice(0, 3),
        [asksSeats, `2${enter}`],
        [asksCycle, enter],
        ['Charge $98.00 now?', `y${enter}`],
        [
          /ci pools watch kimi26 --blocks europe --subscribe(?: \\\n {3})? --quantity 2\n\? What would you like to do\?\n❯ Choose other blocks\n {2}Choose fewer seats\n/,
          `${down}${enter}`,
        ],
        [asksSeats, `${backspace}1${enter}`],
        ...toEnd.slice(4),
      ]);
      expect((await ended(session)).code).toBe(0);
      expect(listAt(await api.box.seen(), 'charges')).toMatchObject([{ amount: '49.00' }]);
    });

    test('exits with 6 and the command that waits, if seats sold out moments before', async () => {
      const { api, me } = await refusing('Not enough seats: europe is sold out');
      const session = setup(me);
      await answers(session, [...toName, [/\n {2}Quit\n/, `${down}${down}${enter}`]]);
      const { code, text } = await ended(session);
      const wait = 'ci pools watch kimi26 --blocks europe --subscribe';
      expect([code, text]).toEqual([
        6,
        expect.stringContaining(
          `europe is sold out. Nothing was charged. To buy as soon as seats are available, run \`${wait}\`.`,
        ),
      ]);
      expect(listAt(await api.box.seen(), 'charges')).toEqual([]);
      expect((await me.ci(`${wait.slice(3)} --max-price 49 --yes`)).code).toBe(0);
    });

    test('cannot choose a sold-out block, and sees the command that waits for it', async () => {
      const { me } = await customer();
      const session = setup(me);
      await answers(session, [
        ...finding('mini', 'minimax-m3'),
        [asksHours, `17-23${enter}`],
        [/ - americas {2}[^\n]*sold out\n/, `${down}${down}${space}`],
        [/! This entry isn't available\. Choose another one\./, ctrlC],
      ]);
      const { code, text } = await ended(session);
      expect(code).toBe(130);
      expect(text).toContain(
        'Sold out: americas. To buy as soon as seats are available, run: ci pools watch minimax-m3 --blocks americas --subscribe ?',
      );
    });

    test('can choose another pool if one is sold out, or gets the command that waits', async () => {
      const { api, me } = await customer({
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
        [
          /✗ kimi26 is sold out\. Nothing was charged\. To buy\s+as\s+soon\s+as\s+seats\s+are\s+available,\s+run:\n {2}ci pools watch kimi26 --blocks any --subscribe\n\? What would you like to do\?\n❯ Choose another pool\n/,
          enter,
        ],
        ...finding('mini', 'minimax-m3'),
        [asksHours, enter],
        [asksOther, `${down}${enter}`],
      ]);
      const { code, text } = await ended(session);
      expect([code, text]).toEqual([
        6,
        expect.stringContaining(
          'minimax-m3 is sold out. Nothing was charged. To buy as soon as seats are available, run `ci pools watch minimax-m3 --blocks any --subscribe`.',
        ),
      ]);
      expect(api.changes).toEqual([]);
    });

    test('is asked nothing about a key that is sent by email', async () => {
      const { api, me } = await customer();
      const session = setup(me);
      await answers(session, [...finding('glm', 'glm5'), ...toConsent.slice(1), ['Charge $59.00 now?', `y${enter}`]]);
      const { code, text } = await ended(session);
      expect(code).toBe(0);
      expect(text).toContain('Key by email, within 24 hours');
      expect(text).toContain('The API key will arrive by email, within 24 hours.');
      expect(text).toMatch(/Done\. Pool glm5 europe Subscription \S+ Account mk_/);
      expect(listAt(await api.box.seen(), 'keys')).toEqual([]);
      const again = await runCommands(session, me);
      expect([again.code, listAt(await api.box.seen(), 'charges')]).toEqual([0, [expect.anything()]]);

      const next = setup(me);
      await answers(next, [[asksPool, ctrlC]]);
      expect((await ended(next)).text).toContain(
        "You already have glm5 europe. You'll get its key by email, within 24 hours. ? Pool:",
      );
    });

    test('keeps the key if the first request fails, and sees the failure', async () => {
      const { me } = await customer({
        instead: ({ path: where }) =>
          where === '/v1/chat/completions' ? answer(503, { error: { message: 'warming up' } }) : undefined,
      });
      const session = setup(me);
      await answers(session, toDotenv);
      const { code, text } = await ended(session);
      expect([code, text]).toEqual([
        0,
        expect.stringMatching(/The key was created, but the first request with it failed: [^.]*warming up\. Try again/),
      ]);
      expect(keyIn(me)).toMatch(secret);
    });
  });

  describe('the destination of the key', () => {
    test('can be .env in this directory, which only its owner can read', async () => {
      const { me } = await customer();
      const session = setup(me);
      await answers(session, toDotenv);
      const { code, text } = await ended(session);
      expect([code, text]).toEqual([
        0,
        expect.stringContaining('Saved to .env, as CHEAPESTINFERENCE_API_KEY Account mk_…cdef'),
      ]);
      expect(keyIn(me)).toMatch(secret);
      expect(session.written).not.toContain(keyIn(me));
      expect(statSync(path.join(me.home, '.env')).mode & 0o777).toBe(0o600);
      expect(existsSync(storeOf(me))).toBe(false);

      const { me: other } = await customer();
      expect((await runCommands(session, other)).code).toBe(0);
      expect(keyIn(other)).toMatch(secret);
    });

    test('can be another file, whose path is typed until it can be written', async () => {
      const { api, me } = await customer();
      mkdirSync(path.join(me.home, 'with space'));
      const session = setup(me);
      await answers(session, [
        ...toPlace,
        [asksPlace, `none/.env${enter}`],
        [/✗ Can't\s+write\s+\S+\/none\/\.env:[^?]*\? Save the key to:\n❯ /, `with space/.env${enter}`],
      ]);
      const { code, text } = await ended(session);
      expect([code, text]).toEqual([
        0,
        expect.stringContaining('Saved to with space/.env, as CHEAPESTINFERENCE_API_KEY Account'),
      ]);
      expect(keyIn(me, 'with space/.env')).toMatch(secret);
      expect(listAt(await api.box.seen(), 'keys')).toHaveLength(1);
      expect((await runCommands(session, me)).code).toBe(0);
    });

    test('can be a file that Git would commit, with a warning', async () => {
      const { me } = await customer();
      expect((await me.sh('git init -q .')).code).toBe(0);
      const session = setup(me);
      await answers(session, toDotenv);
      const { code, text } = await ended(session);
      expect([code, text]).toEqual([
        0,
        expect.stringMatching(/ Warning: Git would commit \S+\/\.env with the secret\. Add/),
      ]);
    });

    test.each([
      // The earlier answer is selected.
      ['suggested', dotenv, enter],
      ['typed', `.env${enter}`, `.env${enter}`],
    ])('can be a file that has another key, if you agree to replace it (%s)', async (_how, place, again) => {
      const { me } = await customer();
      const file = path.join(me.home, '.env');
      writeFileSync(file, 'CHEAPESTINFERENCE_API_KEY=sk_live_0123456789abcdefghijQluZ\n');
      const session = setup(me);
      const question = 'Replace sk_live_…QluZ in .env?';
      await answers(session, [
        ...toPlace,
        [asksPlace, place],
        [question, enter],
        [asksPlace, again],
        [question, escapeKey],
        [asksPlace, again],
        [question, `y${enter}`],
      ]);
      expect((await ended(session)).code).toBe(0);
      expect(readFileSync(file, 'utf8')).toMatch(/^CHEAPESTINFERENCE_API_KEY=sk_sandbox_\S+\n$/);
    });

    test('can be every new shell, which loads a separate file', async () => {
      const { me } = await customer();
      const bashrc = path.join(me.home, '.bashrc');
      writeFileSync(bashrc, 'alias ll="ls -l"');
      const session = setup(me, { SHELL: '/bin/bash' });
      await answers(session, [
        ...toPlace,
        [/\n {2}Load it in new shells \(edits ~\/\.bashrc\)\n/, `${down}${down}${enter}`],
      ]);
      const { code, text } = await ended(session);
      expect([code, text]).toEqual([0, expect.stringContaining('✓ Save the key to: new shells ')]);
      const profile = readFileSync(bashrc, 'utf8');
      expect(profile).toMatch(/^alias ll="ls -l"\n# >>> CheapestInference API key >>>\n/);
      expect(profile).not.toMatch(/sk_/);
      const { stdout } = await me.sh('bash -c \'. ~/.bashrc; sh -c "echo \\$CHEAPESTINFERENCE_API_KEY"\'');
      expect(stdout.trim()).toMatch(secret);
      const [, file = ''] = /\[ -r '([^']+)' \]/.exec(profile) ?? [];
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect((await runCommands(session, me)).code).toBe(0);
    });

    test('can be the clipboard, which gets the secret through a pipe', async () => {
      const { me } = await customer();
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
      expect((await runCommands(session, me)).stdout).toMatch(new RegExp(`\n${copied}\n$`));
    });

    test('can be the screen, with the key on a line of its own', async () => {
      const { api, me } = await customer();
      const session = setup(me);
      await answers(session, [...toPlace, [/\n {2}The screen \(not saved\)\n/, `${down}${down}${enter}`]]);
      expect((await ended(session)).code).toBe(0);
      const shown = session.screen.split('\n').filter((line) => secret.test(line));
      expect(shown).toEqual([expect.stringMatching(new RegExp(`^${secret.source}$`))]);
      expect(textAt(await api.box.seen(), 'keys', 0, 'name')).toBe(path.basename(me.home));
      expect((await runCommands(session, me)).stdout).toMatch(new RegExp(`\n${shown[0]}\n$`));
    });
  });
});

describe('on a terminal of 80 columns and 24 rows', () => {
  const withKey: readonly Answer[] = [[asksKey, `${managementKey}${enter}`], ...toDotenv];
  const manySeats: readonly Answer[] = [
    [asksKey, `${managementKey}${enter}`],
    ...toConsent.slice(0, 3),
    [asksSeats, `8${enter}`],
    [asksCycle, enter],
    ['Charge $392.00 now?', `y${enter}`],
    [/\? Key name \(8 keys/, enter],
    [asksPlace, dotenv],
  ];
  const reserveMore: readonly Answer[] = [
    [asksKey, `${managementKey}${enter}`],
    [/\? You have 1 active subscription\./, `${down}${enter}`],
    [asksPool, enter],
    [asksBlocks, `a${enter}`],
    [asksSeats, `6${enter}`],
    [asksCycle, `${down}${enter}`],
    [/\? Charge \$[\d,.]+ now\?/, `y${enter}`],
    [/\? Key name \(6 keys/, `team${enter}`],
    [asksPlace, `team.env${enter}`],
  ];
  const existingSeat: readonly Answer[] = [
    [asksKey, `${managementKey}${enter}`],
    [/\? You have 1 active subscription\./, enter],
    [asksName, enter],
    [asksPlace, `${down}${down}${enter}`],
  ];

  const existingSeats: readonly Answer[] = [
    [asksKey, `${managementKey}${enter}`],
    [/\? You have \d active subscriptions\./, enter],
    [/\? Key name \(\d keys/, enter],
    [asksPlace, dotenv],
  ];
  const storedSeats: readonly Answer[] = [...existingSeats.slice(0, -1), [asksPlace, enter]];

  test.each<readonly [string, readonly Answer[], number]>([
    ['in the sandbox', inSandbox, 0],
    ['with a management key', withKey, 0],
    ['for many seats', manySeats, 0],
    ['for more blocks', reserveMore, 1],
    ['for an existing seat', existingSeat, 1],
    ['for 2 existing seats', existingSeats, 2],
    ['for 3 existing seats', existingSeats, 3],
    ['for 7 existing seats', existingSeats, 7],
    ['for 7 existing seats, whose keys are stored on this machine', storedSeats, 7],
  ])('asks at most 9 questions for a key %s, and fits every screen', async (_how, steps, quantity) => {
    expect(steps.length).toBeLessThanOrEqual(9);
    const api = await recordedSandbox();
    const me = user({ CHEAPESTINFERENCE_API_URL: api.url });
    if (quantity > 0) await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['asia'], quantity });
    const session = onTerminal(me, 'setup', { columns: 80, env: { SHELL: '/bin/bash' } });
    let start = 0;
    const heights: number[] = [];
    for (const step of steps) {
      await answers(session, [[step[0], '']]);
      const rows = session.screen.split('\n');
      heights.push(rows.length - start);
      start = rows.findLastIndex((row) => row.startsWith('? '));
      session.type(step[1]);
    }
    expect(await session.exit).toBe(0);
    // The shell's prompt takes a row.
    heights.push(session.screen.split('\n').length + 1 - start);
    expect(Math.max(...heights)).toBeLessThanOrEqual(24);
    expect(session.cuts).toEqual([]);
    for (const row of session.screen.split('\n')) expect(row.length).toBeLessThanOrEqual(80);
  });
});

describe('a curl command that works as pasted, without the key', () => {
  /** Runs the command below "Try it:". @returns the words before curl */
  async function tried(session: Session, me: User, url: string): Promise<string> {
    const { code, text } = await ended(session);
    expect([code, text]).toEqual([
      0,
      expect.stringContaining(` Base URL ${url}/v1 (OpenAI) ${url}/anthropic (Anthropic) Try it: `),
    ]);
    const [, command = ''] = /Try it:\n([\s\S]*?)\n\n/.exec(session.screen) ?? [];
    const { code: exit, stdout } = await me.sh(command);
    expect([exit, JSON.parse(stdout)]).toMatchObject([0, { model: 'kimi-k2.6', choices: [{}] }]);
    return command.replace(/ \\\n */g, ' ').replace(/curl [\s\S]*/, '');
  }

  test.each([80, 200])('loads the dotenv file on a terminal of %i columns', async (columns) => {
    const { api, me } = await customer();
    const session = onTerminal(me, 'setup', { columns });
    await answers(session, toDotenv);
    expect(await tried(session, me, api.url)).toBe(`  . ${me.home}/.env && `);
    expect(session.written).not.toContain(keyIn(me));
  });

  test.each([
    [80, 'app'],
    [80, `the team's "long" name for the key of the app (production)`],
    [200, `the team's "long" name for the key of the app (production)`],
  ])('loads the key that is stored on this machine, in %i columns: %s', async (columns, name) => {
    const { api, me } = await customer();
    const session = onTerminal(me, 'setup', { columns });
    await answers(session, [...toName, [asksName, `${name}${enter}`], [asksPlace, enter]]);
    const typed = name === 'app' ? name : `'${name.replace("'", "'\\''")}'`;
    expect(await tried(session, me, api.url)).toBe(`  eval "$(ci env --shell sh --key ${typed})" && `);
    expect(session.written).not.toContain(await storedKey(me));
  });
});

describe('Ctrl-C during a request', () => {
  test.each([
    ['GET /api/pools', 'Interrupted. Nothing was changed. Run `ci setup` to start again.', []],
    ['POST /api/pools/', 'Interrupted. The change may or may not have gone through. ', ['subscribe unknown']],
    [
      'POST /api/keys/',
      'Interrupted. The change may or may not have gone through. Completed: reserved europe of kimi26 for $49.00. ',
      ['subscribe applied', 'create-key unknown'],
    ],
    [
      'POST /v1/',
      'Interrupted. Completed: reserved europe of kimi26 for $49.00 and created the key "',
      ['subscribe applied', 'create-key applied'],
    ],
  ])('reports what is done so far (%s…)', async (silent, told, recorded) => {
    const held = heldResponse();
    const isChange = silent.startsWith('POST /api/');
    const { api, me } = await customer({
      instead: ({ method, path: where }) => (`${method} ${where}`.startsWith(silent) ? held.respond : undefined),
    });
    const session = onTerminal(me, 'setup', { columns: 400, pty: true });
    const [method = ''] = silent.split(' ');
    const isAsked = () => api.requests.some((request) => request.startsWith(silent));
    for (const [question, keys] of toDotenv) {
      if (method === 'GET') break;
      await answers(session, [[question, keys]]);
      if (question === 'Charge $49.00 now?' && silent === 'POST /api/pools/') break;
    }
    await expect.poll(isAsked).toBe(true);
    session.type(ctrlC);
    if (isChange) {
      await session.shows('Interrupted. Waiting up to 10 seconds for the response');
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
  test('at a price that rose meanwhile is completed, shows the actual charge, and exits with 8', async () => {
    const { me } = await customer({
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
    await answers(session, toDotenv);
    const { code, text } = await ended(session);
    expect(code).toBe(8);
    expect(text).toContain('✓ Subscribed to europe of kimi26. Charged $499.00.');
    expect(text).toContain('The API charged $499.00 for kimi26, but you agreed to $49.00');
    expect(text).toContain('`ci pools cancel kimi26`');
    expect(keyIn(me)).toMatch(secret);
    expect(recordOf(me)).toContainEqual(expect.objectContaining({ outcome: 'applied', by: 'answer', charge: 499 }));
  });

  test('by an earlier command counts as existing before anything is bought', async () => {
    let isDown = false;
    const { api, me } = await customer({
      instead: ({ method, path: where }, box) => {
        if (method === 'POST' && where.endsWith('/subscribe')) {
          isDown = true;
          return appliedThen(box, reset);
        }
        return isDown && where.endsWith('/my-subscriptions') ? answer(503, { error: 'down' }) : undefined;
      },
    });
    const lost = await me.ci('pools subscribe kimi26 --blocks europe --yes --settle 100ms');
    expect([lost.code, outcomesOf(me)]).toEqual([10, ['subscribe unknown']]);
    isDown = false;
    const session = onTerminal(me, 'setup', { columns: 200 });
    await answers(session, [
      ['You have 1 active subscription. Create a key for:', enter],
      [asksName, enter],
      [asksPlace, enter],
    ]);
    const { code, text } = await ended(session);
    expect([code, api.changes.filter((each) => each.endsWith('/subscribe')).length]).toEqual([0, 1]);
    expect(text).toContain('The key works.');
    expect(outcomesOf(me)).toEqual(['subscribe applied', 'create-key applied']);
  });
});

describe('a terminal', () => {
  test('that cannot move its cursor gets questions line by line, without control characters', async () => {
    const { me } = await customer();
    const session = onTerminal(me, 'setup', { env: { TERM: 'dumb' }, columns: 60, pty: true });
    for (const [shown, line] of [
      [/Number or name: $/, 'kimi26'],
      [/skip\):\s*$/, '9-17'],
      [/or\s+all\s+\(europe\): $/, '<'],
      [/Back\.\nWorking hours[\s\S]*skip\):\s+\(9-17\)\s*$/, ''],
      [/Back\.[\s\S]*or\s+all\s+\(europe\): $/, ''],
      [/time\): \(1\)\s*$/, ''],
      [/Number or name: $/, '1'],
      [/Charge \$49\.00 now\? \(y\/N\) $/, 'y'],
      [/Key name: \(ci-e2e-\w+\) $/, ''],
      [/Number, or the path of another file: $/, '2'],
    ] satisfies [RegExp, string][]) {
      await expect.poll(() => `${session.screen} `.replace(/\s+$/, ' ')).toMatch(shown);
      session.type(`${line}\n`);
    }
    expect(await session.exit).toBe(0);
    expect(session.written).not.toMatch(/[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]/);
    expect(keyIn(me)).toMatch(secret);
  });

  test('that has only ASCII gets only ASCII', async () => {
    const { me } = await customer();
    const session = onTerminal(me, 'setup', { env: { LC_ALL: 'C' }, columns: 60 });
    await answers(session, toEnd);
    expect((await ended(session)).code).toBe(0);
    expect(session.written).toMatch(/^[\x00-\x7f]*$/);
    expect(session.screen).toContain('\n+ Blocks: europe\n');
  });

  test('without color support gets no color', async () => {
    const { me } = await customer();
    const session = onTerminal(me, 'setup', { env: { NO_COLOR: '1' } });
    await answers(session, toEnd);
    expect((await ended(session)).code).toBe(0);
    expect(session.written).not.toMatch(/\x1b\[[\d;]*m/);
  });

  test.each([
    ['on this machine', enter],
    ['in .env', dotenv],
  ])('of 40 columns breaks no words except addresses and IDs, with the key %s', async (_where, place) => {
    const { me } = await customer();
    const session = onTerminal(me, 'setup', { columns: 40 });
    for (const [question, keys] of [...toPlace, [asksPlace, place] as const]) {
      await session.shows(waiting(typeof question === 'string' ? question : ''));
      session.type(keys);
    }
    expect(await session.exit).toBe(0);
    expect(
      session.cuts.filter((word) => !/^(?:[0-9a-f-]{36}|\(CHEAPEST\w+\)|'\{"model":.*|"Authorization:.*)$/.test(word)),
    ).toEqual([]);
    expect(place === enter ? await storedKey(me) : keyIn(me)).toMatch(secret);
  });

  test('is required; without one, setup exits with 2 and prints the commands for scripts', async () => {
    const { api, me } = await customer();
    const { code, stdout, stderr } = await me.ci('setup');
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toMatch(/ci pools subscribe.*ci keys create/);
  });
});

describe('installed tools', () => {
  const asksTool = 'Connect a tool to the key:';
  const asksAnother = 'Connect another tool:';

  /** Installs programs that do nothing. */
  function install(me: User, ...names: readonly string[]): void {
    for (const name of names) writeFileSync(path.join(me.home, 'bin', name), '#!/bin/sh\n', { mode: 0o755 });
  }

  const claudeSettings = (me: User) => path.join(me.home, '.claude', 'settings.json');

  test.each([60, 80, 200])(
    'are offered at the end, and connected one after the other, in %i columns',
    async (columns) => {
      const { me, api } = await customer();
      install(me, 'claude', 'opencode');
      const session = onTerminal(me, 'setup', { columns });
      await answers(session, [
        ...toEnd,
        [asksTool, `${down}${enter}`],
        ['Change this file?', `y${enter}`],
        [asksAnother, `${down}${enter}`],
        ['Change this file?', `y${enter}`],
      ]);
      const { code, text } = await ended(session);
      expect(code).toBe(0);
      expect(text).toContain('✓ Claude Code is connected. The key works. kimi-k2.6 says: This is');
      expect(text).toContain('✓ opencode is connected. The key works.');
      expect(text).toContain('Tools claude-code (claude) opencode (ci run --for none -- opencode)');
      const [key] = listAt(JSON.parse(readFileSync(storeOf(me), 'utf8')), 'keys');
      const name = textAt(key, 'name');
      const settings: unknown = JSON.parse(readFileSync(claudeSettings(me), 'utf8'));
      expect(settings).toMatchObject({
        apiKeyHelper: `ci keys secret ${name} --profile default --api-url ${api.url}`,
        env: { ANTHROPIC_BASE_URL: `${api.url}/anthropic`, ANTHROPIC_MODEL: 'kimi-k2.6' },
      });
      expect(commandsOn(session).replace(/\\\n\s*/g, '')).toContain('…and 3 more like it');
    },
  );

  test('stay as they are unless you confirm the change', async () => {
    const { me } = await customer();
    install(me, 'claude');
    const session = onTerminal(me, 'setup --json', { columns: 200 });
    await answers(session, [...toEnd, [asksTool, `${down}${enter}`], ['Change this file?', enter]]);
    expect(await session.exit).toBe(0);
    expect(flowing(session.screen)).toContain("Claude Code wasn't connected.");
    expect(JSON.parse(/^\{\n[\s\S]*^\}$/m.exec(session.screen)?.[0] ?? '')).toMatchObject({ tools: [] });
    expect(existsSync(claudeSettings(me))).toBe(false);
  });

  test('need not be connected', async () => {
    const { me } = await customer();
    install(me, 'claude', 'zed');
    const session = onTerminal(me, 'setup', { columns: 80 });
    await answers(session, [...toEnd, [asksTool, enter]]);
    expect((await ended(session)).code).toBe(0);
    expect(existsSync(claudeSettings(me))).toBe(false);
  });

  test('are not offered for a key in a dotenv file, but a note says how to connect them', async () => {
    const { me } = await customer();
    install(me, 'claude', 'opencode');
    const session = onTerminal(me, 'setup', { columns: 80 });
    await answers(session, toDotenv);
    const { code, text } = await ended(session);
    expect(code).toBe(0);
    expect(text).toMatch(
      /To connect Claude Code or opencode, store the key with `ci keys secret \S+ --add`, then run `ci connect`\./,
    );
  });

  test('that fail to connect are reported, and the others are offered', async () => {
    const { me } = await customer();
    install(me, 'claude', 'opencode');
    mkdirSync(path.dirname(claudeSettings(me)));
    writeFileSync(claudeSettings(me), '{ "env": ');
    const session = onTerminal(me, 'setup', { columns: 80 });
    await answers(session, [
      ...toEnd,
      [asksTool, `${down}${enter}`],
      [/wasn't connected[\s\S]*\n\? Connect a tool to the key:/, enter],
    ]);
    const { code, text } = await ended(session);
    expect(code).toBe(0);
    expect(text).toContain("✗ Claude Code wasn't connected: Can't change");
    expect(text).toContain('line 1, column 10: a value is missing.');
    expect(readFileSync(claudeSettings(me), 'utf8')).toBe('{ "env": ');
  });
});

test.each([
  ['on this machine', enter, storeOf, '--store'],
  ['in .env', dotenv, (me: User) => path.join(me.home, '.env'), '--save .env'],
])(
  'prints one JSON object with a masked secret with --json, with the key %s',
  async (_where, place, fileOf, options) => {
    const { me } = await customer();
    const session = onTerminal(me, 'setup --json', { columns: 200 });
    await answers(session, [...toPlace, [asksPlace, place]]);
    expect(await session.exit).toBe(0);
    const printed: unknown = JSON.parse(/^\{\n[\s\S]*^\}$/m.exec(session.screen)?.[0] ?? '');
    expect(printed).toMatchObject({
      pool: 'kimi26',
      keys: [{ apiKey: expect.stringMatching(/^sk_sandbox_…/) }],
      savedTo: fileOf(me),
      commands: [
        'ci pools subscribe kimi26 --blocks europe --max-price 49.00 --ensure --yes',
        expect.stringMatching(
          new RegExp(`^ci keys create \\S+ --pool kimi26 --ensure ${options.replace('.', '\\.')}$`),
        ),
      ],
    });
  },
);
