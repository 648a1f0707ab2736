import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Outcome } from '../../src/domain/errors.ts';
import { type Ended, managementKey, settlesIn, type User, user } from '../support/cli.ts';
import { isBinary } from '../support/program.ts';
import { at } from '../support/sandbox.ts';
import { type Amounts, type FaultyApi, faultyApi, type Minted, type Truth } from './api.ts';
import type { Change, Effect } from './changes.ts';
import type { Fault } from './faults.ts';

/** Servers for hosts other than the API. */
export interface Hosts {
  /** The target of redirects. */
  readonly elsewhere: string;
  /** How many requests it received. */
  readonly redirected: () => number;
  /** A host with a self-signed certificate. */
  readonly impostor: string;
}

/** What a user sees of a change, and its effect. */
export interface Result {
  /** The exit code; null if the process was killed. */
  readonly exit: number | null;
  /** The outcome that `ci` reported. */
  readonly reported: Outcome | null;
  readonly effect: Effect;
  /** The recorded outcome, after `ci history reconcile` if that was needed; null if there isn't exactly one. */
  readonly recorded: string | null;
  /** What exists after the same command was run again without a fault; null if it wasn't. */
  readonly again: { readonly exit: number | null; readonly effect: Effect } | null;
}

/** Lists what must not happen; empty if all is well. */
export interface Flaws {
  /** What was created twice. */
  readonly twice: boolean;
  /** The ids of keys with a lost secret that weren't reported. */
  readonly lostSecrets: readonly string[];
  /** Places with a secret that doesn't belong there. */
  readonly leaks: readonly string[];
  /** Recorded intents without an outcome. */
  readonly orphans: number;
  /** Other flaws, described in sentences. */
  readonly others: readonly string[];
}

/** The expected result of a change that meets a fault. */
export function due(change: Change, fault: Fault): Result {
  const { knows, effect, earlier = {}, own = effect, takes, losesSecret, waits } = change;
  const reported = outcomeDue(change, fault);
  const killed = fault.signal === 'SIGKILL';
  const answered = fault.made && (fault.tells === 'done' || takes?.test(fault.name) === true);
  const found = knows === 'looks' && fault.made && reported === 'applied';
  const exit = (): number | null => {
    if (killed) return null;
    if (answered) return 0;
    if (fault.signal) return 130;
    if (reported === 'unknown') return 10;
    return found ? (losesSecret ? 1 : 0) : (waits ?? fault.exit);
  };
  const whole = !killed && !fault.signal && (answered || found);
  const done = fault.instead ? {} : !fault.made ? earlier : whole ? effect : sum(earlier, own);
  return {
    exit: exit(),
    reported: killed ? null : reported,
    effect: done,
    recorded: recordDue(change, fault, reported),
    again: change.ensures || (isEmpty(done) && reported === 'not_applied' && !killed) ? { exit: 0, effect } : null,
  };
}

function outcomeDue({ knows, earlier = {}, takes }: Change, { instead, tells, made, deadAfter, name }: Fault): Outcome {
  if (instead) return 'not_applied';
  if (made && (tells === 'done' || takes?.test(name))) return 'applied';
  const without = isEmpty(earlier) ? 'not_applied' : 'applied';
  if (tells === 'refused') return without;
  if (knows === 'anyway') return 'not_applied';
  if (knows === 'not' || deadAfter) return 'unknown';
  return made ? 'applied' : without;
}

/** Returns the expected result of a killed process, which reported nothing. A check of the account settles its change. */
function recordDue({ knows, earlier }: Change, fault: Fault, reported: Outcome): Outcome | null {
  const { made, deadAfter, instead, signal, tells } = fault;
  // A command with several requests has several records, and one that was never sent may have none. Whether a killed process had
  // already read its response is chance.
  if (earlier || instead || (signal === 'SIGKILL' && tells === 'done' && knows !== 'looks')) return null;
  if (deadAfter && knows === 'looks') return made ? 'applied' : 'not_applied';
  return reported;
}

/** The time limit of a request without a response. Processes slow each other down, and other requests must not reach it. */
const timeLimit = isBinary ? '10s' : '3s';

/** Runs a command against an API with a fault, and checks all effects. */
export async function run(
  change: Change,
  fault: Fault,
  hosts: Hosts,
  whenOver: (cleanUp: () => void | Promise<void>) => void,
): Promise<Result & Flaws> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ci-faults-'));
  whenOver(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const api = await faultyApi(folder, change, fault, hosts.elsewhere);
  whenOver(() => api.close());
  const me = user({ CHEAPESTINFERENCE_API_URL: api.url, CHEAPESTINFERENCE_MANAGEMENT_KEY: managementKey }, whenOver);
  settlesIn(me, '1s');
  const ids = (await change.given?.(api)) ?? [];
  const line = `${change.line.replace(/\$(\d)/g, (_sign, at) => ids[at - 1] ?? '')} --json`;
  const before = await api.truth();

  const limits = [
    ...(fault.silent ? [`--timeout ${timeLimit}`] : []),
    ...(looksInVain(change, fault) ? ['--settle 2s'] : []),
  ];
  const ended = await meet(me, [line, ...limits].join(' '), api, change, fault, hosts);
  const after = await api.truth();
  const effect = difference(before.amounts, after.amounts);
  const killed = fault.signal === 'SIGKILL';
  const reported = killed ? null : reportedBy(ended);
  const others = oddities(change, fault, ended, before, after);
  if (hosts.redirected() > 0) others.push('another host got a request');

  api.mend();
  const planned = due(change, fault).again;
  const rerun = planned ? await me.ci(line) : undefined;
  const again = rerun ? { exit: rerun.code, effect: difference(before.amounts, (await api.truth()).amounts) } : null;
  if (rerun && again && again.exit !== 0) others.push(`run again: ${rerun.stderr}`);

  let history = recordsOf(me.home);
  let said = '';
  if (killed || (reported === 'unknown' && change.knows !== 'not')) {
    const left = history.some(({ outcome }) => outcome === 'pending');
    const open = left || history.some(({ outcome }) => outcome === 'unknown');
    const next = await me.ci('billing card --yes');
    if (left && !next.stderr.includes('`ci history reconcile`'))
      others.push('the next change did not point at the intent');
    const reconciled = await me.ci('history reconcile --wait --json');
    if (reconciled.code !== (open && change.knows === 'not' ? 10 : 0))
      others.push(`history reconcile: ${reconciled.stderr}`);
    const shown = await me.ci('history --json');
    said = [next.stderr, reconciled.stdout, reconciled.stderr, shown.stdout].join('\n');
    history = recordsOf(me.home);
  }
  const orphans = history.filter(({ outcome }) => outcome === 'pending').length;

  const words = ended.stderr + said;
  const kept = keptFiles(me).filter((file) => words.includes(path.join(me.home, file)));
  const places = [...kept, ...(change.saves ? [change.saves] : []), ...(change.stores ? storeFiles(me) : [])];
  const delivered = [ended.stdout, ...places.map((file) => read(path.join(me.home, file)))].join('\n');
  const lost = newKeys(before, after).filter((key) => !delivered.includes(key.apiKey) && !words.includes(key.id));
  return {
    exit: killed ? null : ended.code,
    reported,
    effect,
    recorded: due(change, fault).recorded && (history[0]?.outcome ?? null),
    again,
    twice: exceeds(again?.effect ?? effect, change.effect),
    lostSecrets: change.knows === 'not' ? [] : lost.map(({ id }) => id),
    leaks: leaks(me, change, places, [ended, ...(rerun ? [rerun] : [])], [...before.keys, ...after.keys], said),
    orphans,
    others,
  };
}

/** Returns whether a command checks for a change that the server hides. */
function looksInVain({ knows }: Change, { deadAfter }: Fault): boolean {
  return deadAfter === true && knows === 'looks';
}

/** Runs a command in this process, or in a process of its own that gets SIGINT or SIGKILL when the fault is met. */
async function meet(
  me: User,
  line: string,
  api: FaultyApi,
  { place = 1, variant }: Change,
  fault: Fault,
  hosts: Hosts,
): Promise<Ended> {
  const state = path.join(me.home, '.local', 'state', 'cheapestinference');
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const recorded = fault.on === 'intent' ? begun(state, place) : undefined;
  const env = {
    XDG_STATE_HOME: path.dirname(state),
    ...(fault.instead && { CHEAPESTINFERENCE_API_URL: fault.instead(hosts.impostor) }),
  };
  const { signal } = fault;
  if (!signal) return me.ci(line, { env });
  // A process handles SIGTERM as it does SIGINT, which test/process/signals.e2e.test.ts proves. Variants differ in little.
  if (signal === 'SIGTERM' || (signal === 'SIGINT' && variant)) {
    const interrupt = new AbortController();
    void api.struck.then(() => interrupt.abort(new Error('interrupted')));
    return me.ci(line, { env, interrupt: interrupt.signal });
  }
  const running = me.start(line, { env });
  void (recorded ?? api.struck).then(() => running.kill(signal));
  return running.ended;
}

/** Waits until the record in a folder has this many intents. */
function begun(folder: string, count: number): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(folder, { persistent: false }, () => {
      if ((read(path.join(folder, 'history.jsonl')).match(/"intent":/g) ?? []).length < count) return;
      watcher.close();
      resolve();
    });
  });
}

/** Returns the outcome that an ended process reported with --json. */
function reportedBy({ code, stderr }: Ended): Outcome | null {
  if (code === 0) return 'applied';
  const outcome = at(errorIn(stderr), 'outcome');
  return outcome === 'applied' || outcome === 'not_applied' || outcome === 'unknown' ? outcome : null;
}

/** Returns the error on the last line of stderr. */
function errorIn(stderr: string): unknown {
  const last = stderr.trimEnd().split('\n').at(-1) ?? '';
  if (!last.startsWith('{"error":')) throw new Error(`the last line of stderr is no error: ${stderr}`);
  return at(JSON.parse(last), 'error');
}

/** Returns the flaws in the output of a process. */
function oddities(change: Change, fault: Fault, ended: Ended, before: Truth, after: Truth): string[] {
  const { code, stdout, stderr } = ended;
  const made = [
    ...after.subscriptionIds.filter((id) => !before.subscriptionIds.includes(id)),
    ...newKeys(before, after).map(({ id }) => id),
  ];
  if (fault.signal === 'SIGKILL') return [];
  const found: string[] = [];
  if (code === 0) {
    const shows = made.every((id) => stdout.includes(id)) || /--secret-only|^api/.test(change.line);
    if (!shows) found.push(`stdout does not show what was made: ${stdout}`);
    const looked = fault.tells === 'nothing' && !change.takes?.test(fault.name);
    if (looked && stderr === '') found.push('no word of the answer that was lost');
    return found;
  }
  // What was created before the interrupt is printed, and a secret in any case.
  const due = (code === 130 && fault.made) || newKeys(before, after).some(({ apiKey }) => stdout.includes(apiKey));
  if (stdout !== '' && !due && !change.reports) found.push(`stdout on an error: ${stdout}`);
  const error = errorIn(stderr);
  const hint = String(at(error, 'hint'));
  if (code === 10 && !hint.includes('`ci ')) found.push(`no command that will tell: ${hint}`);
  if (fault.made && change.losesSecret && at(error, 'outcome') === 'applied') {
    if (at(error, 'code') !== 'secret_lost' && code !== 130) found.push(`no secret_lost: ${stderr}`);
    if (!hint.includes('`ci keys delete')) found.push(`no word of what to do: ${hint}`);
  }
  return found;
}

function newKeys(before: Truth, after: Truth): Minted[] {
  return after.keys.filter(({ id }) => !before.keys.some((key) => key.id === id));
}

/** Returns the files in which `ci` keeps secrets that it couldn't deliver, which only their owner can read. */
function keptFiles({ home }: User): string[] {
  return filesOf(home).filter(
    (file) => /undelivered-[^/]+\.key$/.test(file) && (statSync(path.join(home, file)).mode & 0o777) === 0o600,
  );
}

/** Returns the file of the keys that are stored on this machine, which only its owner can read. */
function storeFiles({ home }: User): string[] {
  const file = path.join('config', 'cheapestinference', 'secrets.json');
  const stats = statSync(path.join(home, file), { throwIfNoEntry: false });
  return stats && (stats.mode & 0o777) === 0o600 ? [file] : [];
}

/** Returns the places with secrets that don't belong there: the output, or another file than the intended one. */
function leaks(
  { home }: User,
  { saves }: Change,
  places: readonly string[],
  ended: readonly Ended[],
  keys: readonly Minted[],
  said: string,
): string[] {
  const secrets = [managementKey, ...keys.map(({ apiKey }) => apiKey)];
  const holds = (text: string) => secrets.some((secret) => text.includes(secret));
  return [
    ...filesOf(home).filter((file) => !places.includes(file) && holds(read(path.join(home, file)))),
    ...(ended.some(({ stderr }) => holds(stderr)) ? ['stderr'] : []),
    ...(saves && ended.some(({ stdout }) => holds(stdout)) ? ['stdout'] : []),
    ...(holds(said) ? ['history'] : []),
  ];
}

/** Returns the files in a home directory except the program. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name !== 'bin/ci');
}

/** Returns the outcome of each intent in the record, oldest first. */
function recordsOf(home: string): { id: unknown; outcome: string }[] {
  const records = new Map<unknown, string>();
  for (const line of read(path.join(home, '.local', 'state', 'cheapestinference', 'history.jsonl')).split('\n')) {
    if (line === '') continue;
    const entry: unknown = JSON.parse(line);
    const reported = Object.entries(entry ?? {}).find(([name]) => name === 'outcome')?.[1];
    const id = at(entry, 'id');
    records.set(id, typeof reported === 'string' ? reported : (records.get(id) ?? 'pending'));
  }
  return [...records].map(([id, outcome]) => ({ id, outcome }));
}

/** Returns the content of a file; empty if it is missing. */
function read(file: string): string {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ? readFileSync(file, 'utf8') : '';
}

function difference(before: Amounts, after: Amounts): Effect {
  return Object.fromEntries(
    Object.entries(after).flatMap(([name, amount]) => {
      const change = amount - amountOf(before, name);
      return change === 0 ? [] : [[name, change]];
    }),
  );
}

function sum(one: Effect, other: Effect): Effect {
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return Object.fromEntries(names.map((name) => [name, amountOf(one, name) + amountOf(other, name)]));
}

/** Returns whether more was done than requested. */
function exceeds(done: Effect, asked: Effect): boolean {
  return Object.entries(done).some(([name, amount]) => Math.abs(amount) > Math.abs(amountOf(asked, name)));
}

function amountOf(amounts: Effect, name: string): number {
  return Object.entries(amounts).find(([each]) => each === name)?.[1] ?? 0;
}

function isEmpty(effect: Effect): boolean {
  return Object.keys(effect).length === 0;
}
