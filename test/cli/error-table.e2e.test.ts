import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ErrorCode, failures } from '../../src/domain/errors.ts';
import {
  type Ended,
  lines,
  managementKey,
  oneLine,
  secret,
  settlesIn,
  type User,
  user,
  userOf,
} from '../support/cli.ts';
import { commandsOfTheApi } from '../support/generations.ts';
import { errorOf } from '../support/lost.ts';
import { at, creditKey, listAt, poolKey } from '../support/sandbox.ts';
import { answer, type Behavior, type Received, recordedSandbox, reset } from '../support/servers.ts';

/** The statuses of responses, and the error of a command that can't have changed anything. */
const table: readonly (readonly [statuses: readonly number[], code: ErrorCode, exitCode: number, words?: string])[] = [
  [[400, 405, 408, 413, 415, 418, 422, 425], 'invalid_request', 1],
  [[401], 'unauthorized', 4],
  [[402], 'payment_required', 8],
  [[403], 'forbidden', 4],
  [[404], 'not_found', 5],
  [[409, 410], 'unavailable', 6],
  [[429], 'rate_limited', 7],
  [[200, 500, 501, 502, 503, 504, 520], 'server_error', 1],
  [[200, 400, 422], 'no_payment_method', 8, 'No payment method found — add a card first'],
  [[200, 400, 409, 422, 425], 'not_final', 6, 'Transaction not final yet, try again in a few seconds'],
];

/** Keys that a careless server puts into its errors. */
const leaked = { management: managementKey, consumption: `sk_live_${'Zk9'.repeat(10)}` };
const plainWords = `Nothing doing for ${leaked.management} and ${leaked.consumption}`;

const page = `<!doctype html><html><head><title>Oops ${leaked.management}</title></head><body>${leaked.consumption}</body></html>`;

/** The bodies of errors, and whether their words can be shown. */
const forms: Readonly<Record<string, { body(words: string): unknown; type?: string; mute?: true }>> = {
  'success and error': { body: (error) => ({ success: false, error }) },
  'an error with a message': { body: (message) => ({ error: { message, type: 'oops', code: null } }) },
  'an error and a message': { body: (message) => ({ error: 'oops', message }) },
  'a message': { body: (message) => ({ message }) },
  text: { body: (words) => words, type: 'text/plain' },
  'a web page': { body: () => page, type: 'text/html', mute: true },
  nothing: { body: () => '', mute: true },
};

/** The bodies by which an answer with 200 says that it failed. */
const failedForms: typeof forms = {
  'success and error': { body: (error) => ({ success: false, error }) },
  'success and a message': { body: (message) => ({ success: false, message }) },
  'success and an error with a message': { body: (message) => ({ success: false, error: { message }, data: null }) },
};

interface Case {
  readonly status: number;
  readonly form: string;
  readonly words: string;
  readonly code: ErrorCode;
  readonly exitCode: number;
  readonly body: unknown;
  readonly type: string;
  /** Whether the server's words reach the user. */
  readonly speaks: boolean;
}

/** Every status with every body, by what they stand for. */
const classes: readonly (readonly Case[])[] = table.map(([statuses, code, exitCode, words = plainWords]) =>
  statuses.flatMap((status) =>
    Object.entries(status === 200 ? failedForms : forms)
      .filter(([, { mute }]) => words === plainWords || !mute)
      .map(([form, { body, type = 'application/json', mute = false }]) => ({
        status,
        form,
        words,
        code,
        exitCode,
        body: body(words),
        type,
        speaks: !mute,
      })),
  ),
);

interface Command {
  readonly line: string;
  /** Which requests fail; the others are answered by a sandbox. */
  readonly fails: 'all' | 'changes';
  /** Whether it is to change something. */
  readonly changes?: true;
  /** Whether the account doesn't show that the change didn't go through. */
  readonly undetectable?: true;
  /** Whether the command doesn't check the account: it doesn't show the change, or the request changes nothing that matters. */
  readonly unchecked?: true;
  /** Whether it can be resumed, as the error says. */
  readonly resumes?: true;
  /** Whether a line before the error says that it is retired. */
  readonly retired?: true;
  readonly stdin?: string;
}

const txHash = `0x${'c3'.repeat(32)}`;

const commands: readonly Command[] = [
  { line: 'status', fails: 'all' },
  { line: 'status --check', fails: 'all' },
  { line: 'export', fails: 'all' },
  { line: 'plan -', fails: 'all', stdin: 'version: 1' },
  { line: 'apply - --yes --max-charge 0', fails: 'all', changes: true, stdin: 'version: 1' },
  { line: 'pools list', fails: 'all' },
  { line: 'pools view kimi26', fails: 'all' },
  { line: 'pools quote kimi26 --blocks europe', fails: 'all' },
  { line: 'pools subscribe kimi26 --blocks asia --dry-run', fails: 'all', changes: true },
  { line: 'pools subscribe kimi26 --blocks asia --yes', fails: 'all', changes: true },
  { line: 'pools subscribe kimi26 --blocks asia --yes', fails: 'changes', changes: true },
  { line: 'pools subscribe kimi26 --blocks asia --ensure --yes', fails: 'changes', changes: true },
  // Of its later checks and purchases a failure may be no end: watch.test.ts and watch-subscribe.test.ts.
  { line: 'pools watch kimi26 --blocks asia', fails: 'all', changes: true },
  { line: 'pools watch kimi26 --blocks asia --subscribe --max-price 39 --yes', fails: 'all', changes: true },
  { line: 'pools subscriptions', fails: 'all' },
  { line: 'pools subscriptions kimi26', fails: 'all' },
  { line: 'pools keys kimi26', fails: 'all' },
  { line: 'pools cancel kimi26 --yes', fails: 'all', changes: true },
  { line: 'pools cancel kimi26 --yes', fails: 'changes', changes: true },
  { line: 'keys list --unused-for 30d --older-than 1d', fails: 'all' },
  { line: 'keys create another', fails: 'changes', changes: true },
  { line: 'keys create another --save .env', fails: 'changes', changes: true },
  { line: 'keys create another --pool kimi26', fails: 'all', changes: true },
  { line: 'keys create another --credit', fails: 'changes', changes: true },
  { line: 'keys create credit --credit --ensure', fails: 'all', changes: true },
  { line: 'keys create another --ensure', fails: 'changes', changes: true },
  { line: 'keys delete credit --yes', fails: 'all', changes: true },
  { line: 'keys delete credit --yes', fails: 'changes', changes: true },
  { line: 'usage', fails: 'all' },
  { line: 'usage credit', fails: 'all' },
  { line: 'usage --self', fails: 'all' },
  { line: 'usage --all', fails: 'all' },
  { line: 'usage snapshot', fails: 'all' },
  { line: 'billing status', fails: 'all' },
  { line: 'billing credits', fails: 'all' },
  { line: 'billing topup 50', fails: 'changes', changes: true, unchecked: true },
  { line: 'billing topup 50 --method usdc --wait', fails: 'all', changes: true },
  { line: 'billing topup 50 --method usdc', fails: 'changes', changes: true, unchecked: true },
  { line: `billing verify ${txHash} --amount 50`, fails: 'changes', changes: true },
  { line: 'billing card', fails: 'changes', changes: true, unchecked: true },
  { line: 'billing subscribe pro --yes', fails: 'changes', changes: true, retired: true },
  { line: 'billing checkout pro', fails: 'changes', changes: true, retired: true, unchecked: true },
  { line: 'billing cancel sub_1 --yes', fails: 'changes', changes: true, retired: true },
  { line: 'plans list', fails: 'all', retired: true },
  { line: 'agent plans', fails: 'all' },
  { line: 'auth login --with-key --profile work', fails: 'all', changes: true, stdin: managementKey },
  { line: 'auth status', fails: 'all' },
  { line: 'api GET /api/keys', fails: 'all' },
  {
    line: 'api POST /api/keys/credit -f name=raw --yes',
    fails: 'changes',
    changes: true,
    undetectable: true,
    unchecked: true,
  },
  { line: 'api DELETE /api/keys/raw --yes', fails: 'changes', changes: true, undetectable: true, unchecked: true },
  { line: 'login --with-key --profile work', fails: 'all', changes: true, stdin: managementKey },
  { line: 'whoami', fails: 'all' },
  { line: 'models', fails: 'all' },
  { line: 'connect opencode --dry-run', fails: 'all', changes: true },
  { line: 'gateway export litellm', fails: 'all' },
  { line: 'keys rotate credit --store --yes', fails: 'all', changes: true },
  { line: 'keys rotate credit --store --yes', fails: 'changes', changes: true, resumes: true },
];

/**
 * For each command the cases that it is run with: one of each class, and every case with some command. A change has at least one that
 * leaves open what became of it.
 */
const dealt: readonly (readonly Case[])[] = commands.map((command, at) => {
  const cases = classes.flatMap((each) => {
    const more = each.filter((_case, index) => index >= commands.length && index % commands.length === at);
    return [...each.slice(at % each.length).slice(0, 1), ...more];
  });
  const hasLost = command.fails !== 'changes' || cases.some((each) => isLost(command, each));
  return hasLost
    ? cases
    : [
        ...cases,
        ...classes
          .flat()
          .filter((each) => isLost(command, each))
          .slice(0, 1),
      ];
});

async function failingCustomer(isMeant: (request: Received) => boolean, behavior: Behavior) {
  let failing = false;
  const api = await recordedSandbox({
    instead: (request) => (failing && isMeant(request) ? behavior : undefined),
  });
  const { apiKey } = await poolKey(api.box);
  await creditKey(api.box);
  failing = true;
  const me = userOf(api, { CHEAPESTINFERENCE_API_KEY: apiKey });
  settlesIn(me, '1s');
  const settings = readFileSync(path.join(me.home, 'config', 'cheapestinference', 'config.json'), 'utf8');
  return { api, me, apiKey, settings };
}

function isChange({ method }: Received): boolean {
  return method !== 'GET';
}

/** Runs a command against a server that fails in one way. */
async function failed({ line, fails, stdin = '' }: Command, { status, body, type }: Case) {
  const { api, ...one } = await failingCustomer(
    (request) => fails === 'all' || isChange(request),
    answer(status, body, { 'Content-Type': type }),
  );
  return { ...one, ended: await one.me.ci(line, { stdin }), sent: api.changes.length };
}

function expectNoKey({ stdout, stderr }: Ended, apiKey: string): void {
  for (const key of [...Object.values(leaked), apiKey]) expect(stdout + stderr).not.toContain(key);
  expect(stdout + stderr).not.toMatch(secret);
}

/** Whether a server's failure leaves open what became of a change. */
function isLost({ fails }: Command, { status }: Case): boolean {
  return fails === 'changes' && (status >= 500 || status === 408);
}

/** Whether a refusal is believed at once: it came before any work, or the account can't be checked. */
function isBelieved({ unchecked }: Command, { status, code }: Case): boolean {
  return unchecked === true || [401, 403, 404].includes(status) || code === 'no_payment_method';
}

/** Matches notes that may precede an error and aren't failures themselves. */
const note =
  /^(?:The response was lost \(.+\)\. Checking for up to [\w ]+ whether |The API returned an error \(.+\)\. Checking for up to |The API is busy. Retrying in 1 second\.$)/;

/** Runs a command with one of its cases, and checks all that the user gets. */
async function expectTold(command: Command, each: Case): Promise<void> {
  const position = commands.indexOf(command);
  // For a person and for a program by turns, so that some command is run with each class for both.
  const asJson = (position + (dealt[position] ?? []).indexOf(each)) % 2 === 0;
  const asked = asJson ? { ...command, line: `${command.line} --json` } : command;
  const { me, apiKey, settings, ended, sent } = await failed(asked, each);
  const what = `${command.line}: ${each.status} ${each.form}`;
  const lost = isLost(command, each);
  const believed = isBelieved(command, each);
  const unknown = command.fails === 'changes' && command.undetectable === true && (lost || !believed);
  const [code, exitCode] = unknown ? ['outcome_unknown', 10] : [each.code, each.exitCode];
  expect([what, ended.code, ended.stdout]).toEqual([what, exitCode, '']);
  expect(ended.stderr).not.toMatch(/\[object|<html|undefined|TypeError|internal error/i);
  const told = lines(ended.stderr).filter((line) => !note.test(line));
  expect([what, told.length]).toEqual([what, command.retired ? 2 : 1]);
  const last = told.at(-1) ?? '';
  if (asJson) {
    const error = at(JSON.parse(last), 'error');
    const outcome = unknown ? 'unknown' : command.changes ? 'not_applied' : null;
    expect([what, at(error, 'code'), at(error, 'outcome')]).toEqual([what, code, outcome]);
    expect([what, at(error, 'status')]).toEqual([what, each.status]);
    if (unknown) expect(at(error, 'retryable')).toBe(false);
    else if (lost) expect(at(error, 'retryable')).toBe(each.status !== 501);
  } else expect(`${last}\n`).toMatch(oneLine);
  if (unknown) expect(last).toContain('. The change may or may not have gone through');
  else if (lost) expect(last).toContain(". The change didn't go through");
  // Of what is not there the nearest names are told instead.
  if (code !== 'not_found') expect(last).toContain(each.speaks ? each.words.slice(0, 13) : String(each.status));

  const isRepeated = each.status === 429 && !(command.unchecked && command.undetectable) && !unknown;
  expect([what, sent]).toEqual([what, command.fails === 'changes' ? (isRepeated ? 3 : 1) : 0]);
  expectNoKey(ended, apiKey);
  expect(readFileSync(path.join(me.home, 'config', 'cheapestinference', 'config.json'), 'utf8')).toBe(settings);
  expect(existsSync(path.join(me.home, '.env'))).toBe(false);
}

const suites = commands.map((command, at) => [command.line, command.fails, command, dealt[at] ?? []] as const);

describe.each(suites)('ci %s, where %s requests fail,', (_line, _fails, command, cases) => {
  test('ends as the table says, in one line, without a key', async () => {
    await Promise.all(cases.filter((each) => !isLost(command, each)).map((each) => expectTold(command, each)));
  });
});

// All at once, because commands mostly wait between checks.
test('checks every change that fails with the server, and ends as the table says', async () => {
  const lost = suites.flatMap(([, , command, cases]) =>
    cases.filter((each) => isLost(command, each)).map((each) => [command, each] as const),
  );
  expect(new Set(lost.map(([command]) => command))).toEqual(
    new Set(commands.filter(({ fails }) => fails === 'changes')),
  );
  await Promise.all(lost.map(([command, each]) => expectTold(command, each)));
});

test("exits with 10 if a change fails with the server and can't be checked", async () => {
  const checked = commands.filter(
    ({ fails, unchecked, undetectable }) => fails === 'changes' && (!unchecked || undetectable),
  );
  await Promise.all(
    checked.map(async ({ line, resumes, retired, unchecked }) => {
      let down = false;
      const { api, me, apiKey } = await failingCustomer(
        (request) => (down ||= isChange(request)),
        answer(500, { success: false, error: plainWords }),
      );
      const ended = await me.ci(`${line} --json${unchecked ? '' : ' --settle 1s'}`);
      expect([line, ended.code, ended.stdout, api.changes.length]).toEqual([line, 10, '', 1]);
      const told = lines(ended.stderr).filter((each) => !note.test(each));
      expect([line, told.length]).toEqual([line, retired ? 2 : 1]);
      expect(at(JSON.parse(told.at(-1) ?? ''), 'error')).toMatchObject({
        code: 'outcome_unknown',
        message: expect.stringContaining('. The change may or may not have gone through: '),
        hint: expect.stringMatching(
          resumes
            ? /^Key "credit" \([0-9a-f-]+\) stays valid\. Run `ci keys rotate --resume` to continue\.$/
            : unchecked
              ? /^Check with `ci [a-z0-9 ]+` before you try again\.$/
              : /^Run `ci history reconcile --wait` to find out before you try again, or check with `ci [a-z0-9 ]+`\.$/,
        ),
        status: 500,
        retryable: false,
        outcome: 'unknown',
      });
      expectNoKey(ended, apiKey);
    }),
  );
});

test('covers every command with every failure, and every status with every body', () => {
  const kind = (each: Case) => `${each.code} ${each.words}`;
  const kinds = new Set(classes.flat().map(kind));
  for (const cases of dealt) expect(new Set(cases.map(kind))).toEqual(kinds);
  const name = (each: Case) => `${each.status} ${each.form} ${each.words}`;
  expect(new Set(dealt.flat().map(name))).toEqual(new Set(classes.flat().map(name)));
});

test('has the expected error codes for API responses', () => {
  const answered = Object.entries(failures).flatMap(([code, failure]) => ('statuses' in failure ? [code] : []));
  expect(new Set(answered)).toEqual(new Set(table.map(([, code]) => code)));
  for (const [statuses, code, exitCode] of table) {
    const failure: { readonly exitCode: number; readonly statuses: readonly number[] } = {
      statuses: [],
      ...failures[code],
    };
    expect([code, failure.exitCode]).toEqual([code, exitCode]);
    expect([code, failure.statuses.filter((status) => !statuses.includes(status))]).toEqual([code, []]);
  }
});

test('covers every command that uses the API', async () => {
  // The tests of those that pay have a chain.
  const paying = ['agent subscribe', 'agent topup', 'agent claim'];
  // A gateway starts without the account, too, and to stop one makes no request to the API.
  const others = ['doctor', 'history reconcile', 'setup', ...paying, 'gateway', 'gateway stop'];
  const missing = (await commandsOfTheApi(user())).filter(
    (path_) => !others.includes(path_) && !commands.some(({ line }) => line === path_ || line.startsWith(`${path_} `)),
  );
  expect(missing).toEqual([]);
});

test('ends like the failed key after a purchase, and reports both', async () => {
  const wanted = classes.map((cases) => cases[0]).filter((each) => each !== undefined);
  await Promise.all(
    wanted.map(async ({ status, body, type, code, exitCode, words }) => {
      const { api, me, apiKey } = await failingCustomer(
        ({ path: asked }) => asked === '/api/keys/subscription',
        answer(status, body, { 'Content-Type': type }),
      );
      const line = 'pools subscribe kimi26 --blocks asia --create-key prod --yes --json';
      const ended = await me.ci(line);
      const error = errorOf(ended);
      const id = at(listAt(await api.box.seen(), 'subscriptions').at(-1), 'id');
      expect([words, ended.code, at(error, 'code')]).toEqual([words, exitCode, code]);
      expect(error).toMatchObject({ outcome: 'applied', hint: expect.stringContaining(String(id)) });
      expect(api.changes.filter((each) => each.endsWith('/subscribe'))).toHaveLength(1);
      expectNoKey(ended, apiKey);
    }),
  );
});

test("stops at the first key that can't be revoked, and reports the others", async () => {
  const wanted = classes.map((cases) => cases[0]).filter((each) => each !== undefined);
  await Promise.all(
    wanted.map(async ({ status, body, type, code, exitCode, words }) => {
      let seen = 0;
      const { api, me, apiKey } = await failingCustomer(
        (request) => isChange(request) && ++seen > 1,
        answer(status, body, { 'Content-Type': type }),
      );
      const ended = await me.ci('keys delete default credit --yes --json');
      const error = errorOf(ended);
      expect([words, ended.code, ended.stdout, at(error, 'code')]).toEqual([words, exitCode, '', code]);
      expect(at(error, 'outcome')).toBe('applied');
      expect(listAt(await api.box.seen(), 'keys')).toHaveLength(1);
      expectNoKey(ended, apiKey);
    }),
  );
});

describe('history reconcile', () => {
  /** Returns a user with a change of unknown outcome, and an API that fails in one way. */
  async function unsettled({ status, body, type }: Case) {
    let asked = false;
    let behavior: Behavior = answer(403, 'Closed for today');
    const { me, apiKey } = await failingCustomer(
      (request) => (asked ||= isChange(request)),
      (request, response) => (isChange(request) ? reset : behavior)(request, response),
    );
    expect((await me.ci('keys delete credit --yes')).code).toBe(10);
    behavior = answer(status, body, { 'Content-Type': type });
    return { me, apiKey };
  }

  test('lists unknown outcomes with the reason on stderr, and exits with 10 without a key', async () => {
    const wanted = classes.map((cases) => cases[0]).filter((each) => each !== undefined && each.exitCode !== 4);
    await Promise.all(
      wanted.map(async (each) => {
        if (!each) return;
        const { me, apiKey } = await unsettled(each);
        const ended = await me.ci('history reconcile --json');
        expect([each.status, ended.code]).toEqual([each.status, 10]);
        const [change, ...others] = listAt(JSON.parse(ended.stdout));
        expect(others).toEqual([]);
        expect(change).toMatchObject({
          action: 'delete-key',
          change: 'revoke key credit',
          outcome: 'unknown',
          ids: [],
        });
        const [why, count, ...more] = lines(ended.stderr);
        expect(why).toMatch(
          new RegExp(`^[0-9a-f]{12} \\(revoke key credit\\): the account can't be checked: ${each.words.slice(0, 13)}`),
        );
        expect([count, more]).toEqual(['The outcome of 1 change is still unknown.', []]);
        expectNoKey(ended, apiKey);
      }),
    );
  });

  test('distinguishes a refused key from an unknown outcome', async () => {
    const wanted = classes.map((cases) => cases[0]).filter((each) => each?.exitCode === 4);
    expect(wanted).toHaveLength(2);
    await Promise.all(
      wanted.map(async (each) => {
        if (!each) return;
        const { me, apiKey } = await unsettled(each);
        const ended = await me.ci('history reconcile --json');
        expect([each.status, ended.code, ended.stdout]).toEqual([each.status, 4, '']);
        expect(at(JSON.parse(ended.stderr), 'error', 'code')).toBe(each.code);
        expectNoKey(ended, apiKey);
      }),
    );
  });
});

describe('doctor', () => {
  test("lists the API's response, and exits with 1 without a key", async () => {
    const wanted = classes.slice(0, 8).map((cases) => cases[0]);
    await Promise.all(
      wanted.map(async (each) => {
        if (!each) return;
        const { status, body, type, words } = each;
        const { me, apiKey } = await failingCustomer(() => true, answer(status, body, { 'Content-Type': type }));
        const ended = await me.ci('doctor --json');
        expect([status, ended.code, ended.stderr]).toEqual([status, 1, '']);
        const found = listAt(JSON.parse(ended.stdout)).find((one) => at(one, 'check') === 'API');
        expect(found).toMatchObject({ status: 'failed', detail: expect.stringContaining(words.slice(0, 13)) });
        expectNoKey(ended, apiKey);
      }),
    );
  });

  test("distinguishes a refused key from an API that doesn't respond", async () => {
    const { me, apiKey } = await failingCustomer(
      ({ path: asked }) => asked === '/api/billing/status',
      answer(401, { success: false, error: plainWords }),
    );
    const ended = await me.ci('doctor --json');
    expect(ended.code).toBe(1);
    const states = listAt(JSON.parse(ended.stdout)).map((one) => [at(one, 'check'), at(one, 'status')]);
    expect(states).toContainEqual(['API', 'ok']);
    expect(states).toContainEqual(['signed in', 'failed']);
    expectNoKey(ended, apiKey);
  });
});

test('falls back to cached figures only if usage is rate limited', async () => {
  const wanted = classes.slice(0, 8).map((cases) => cases[0]);
  await Promise.all(
    wanted.map(async (each) => {
      if (!each) return;
      let calls = 0;
      const { me, apiKey } = await failingCustomer(
        ({ path: asked }) => asked === '/api/usage' && ++calls > 1,
        answer(each.status, each.body, { 'Content-Type': each.type }),
      );
      const before = await usageOf(me, '');
      const after = await usageOf(me, '--refresh');
      expect([each.status, before.code]).toEqual([each.status, 0]);
      if (each.status === 429) expect([after.code, after.stdout]).toEqual([0, before.stdout]);
      else expect([each.status, after.code, after.stdout]).toEqual([each.status, each.exitCode, '']);
      expectNoKey(after, apiKey);
    }),
  );
});

function usageOf(me: User, flags: string): Promise<Ended> {
  return me.ci(`usage --json ${flags}`);
}
