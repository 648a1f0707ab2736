import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { at } from '../../support/sandbox.ts';
import { Machine } from '../../virtual/machine.ts';
import type { Arrival } from '../../virtual/network.ts';
import type { SimulatedProcess } from '../../virtual/process.ts';
import type { FollowUp, LateChange } from './changes.ts';
import { type Recorded, type Report, recordedIn, reportOf } from './reported.ts';
import { type Attempt, type Fault, LateServer } from './server.ts';

/** How long a change may still take effect after it was sent, in milliseconds. Until then, no command may report `not_applied`. */
const settlingTime = 120_000;

/** When a command counts as hanging, in virtual milliseconds. */
const endless = 30 * 60_000;

/** Counts everything that must not happen. */
export interface Figures {
  secondCharges: number;
  wrongOutcomes: number;
  lostSecrets: number;
  openRecords: number;
  /** Commands that ended wrongly after a change with an unknown outcome. */
  failedFollowUps: number;
  /** Second charges that no client can prevent, because the first came after the settling time. They aren't flaws. */
  laterThanSettling: number;
}

/** The result of a case: its figures, and a description of each flaw. */
export interface Verdict extends Figures {
  /** The exit code of the first command; null if it was killed. */
  readonly firstExit: number | null;
  readonly flaws: readonly string[];
}

/** How to run a case. */
export interface Setting {
  readonly change: LateChange;
  /** What goes wrong with the first command. */
  readonly fault: Fault;
  /** Seeds all random decisions. */
  readonly seed?: number;
  /** Called with each request of the first command before it is answered. */
  readonly onArrival?: (arrival: Arrival, first: SimulatedProcess) => void;
}

/** A command that was run to its end. */
interface Ran {
  readonly process: SimulatedProcess;
  readonly report: Report;
  /** Undefined for the first. */
  readonly followUp: FollowUp | undefined;
  /** Whether a user knew that the change was applied when the command started. */
  readonly knownBefore: boolean;
  readonly endedAt: number;
  /** How much had been created when it ended. */
  readonly made: number;
}

/** A machine and a server on which one command meets a fault, and other commands follow. */
export class Scene {
  readonly machine: Machine;
  readonly #setting: Setting;
  readonly #server: LateServer;
  #ran: readonly Ran[] = [];
  readonly #keysBefore: ReadonlySet<string>;
  readonly #countBefore: number;
  /** Whether a user knows that the change was applied. */
  #isKnown = false;

  private constructor(machine: Machine, server: LateServer, setting: Setting) {
    this.machine = machine;
    this.#server = server;
    this.#setting = setting;
    this.#keysBefore = new Set(server.account.now.keys.map(({ id }) => id));
    this.#countBefore = setting.change.count(server.account.now);
  }

  /** Sets up a scene, and removes it afterward. */
  static async play<Result>(setting: Setting, act: (scene: Scene) => Promise<Result>): Promise<Result> {
    const { change, fault, seed, onArrival } = setting;
    let first: SimulatedProcess | undefined;
    const machine: Machine = await Machine.turnOn(
      async (arrival) => {
        first ??= arrival.process;
        if (first && arrival.process === first) onArrival?.(arrival, first);
        await server.handle(arrival, machine);
      },
      { seed },
    );
    const server = new LateServer(change.request, fault, change.listsNoSecrets);
    try {
      await change.given?.(server.account);
      return await act(new Scene(machine, server, setting));
    } finally {
      await machine.turnOff();
    }
  }

  /** Starts the command that meets the fault. */
  startFirst(): SimulatedProcess {
    const { change, fault } = this.#setting;
    const flags = fault.kind === 'late' ? fault.ending.flags : undefined;
    return this.machine.start([change.line, flags].filter(Boolean).join(' '));
  }

  /** Runs the first command until it ends in any way. After that, the server works normally. */
  async endFirst(process = this.startFirst()): Promise<void> {
    await this.#end(process, undefined);
    this.#server.isFaulty = false;
  }

  async follow(followUp: FollowUp): Promise<void> {
    await this.#end(this.machine.start(followUp.line, { person: followUp.person }), followUp);
  }

  /** Does something between two commands, and undoes it: what comes next starts from the same time, files and account. */
  async branch(act: () => Promise<void>): Promise<void> {
    const [machine, server, ran, isKnown] = [this.machine.save(), this.#server.save(), this.#ran, this.#isKnown];
    await act();
    this.machine.restore(machine);
    this.#server.restore(server, this.machine);
    this.#ran = ran;
    this.#isKnown = isKnown;
  }

  /** Settles everything that can be settled, and checks everything. */
  async judge(): Promise<Verdict> {
    const { fault } = this.#setting;
    const last = Math.max(0, ...this.#attempts().map(({ at }) => at));
    const due = last + Math.max(settlingTime, fault.kind === 'late' ? fault.delay : 0) + 1000;
    if (due > Date.now()) await this.machine.pass(due - Date.now());
    const { machine } = this;
    const process = await machine.run('history reconcile --json', { atMost: endless });
    await machine.pass(1000);
    const verdict = {
      firstExit: this.#ran[0]?.process.exitCode ?? null,
      secondCharges: 0,
      wrongOutcomes: 0,
      lostSecrets: 0,
      openRecords: 0,
      failedFollowUps: 0,
      laterThanSettling: 0,
      flaws: [] as string[],
    } satisfies Verdict;
    const add = (name: keyof Figures, words: string, count = 1) => {
      verdict[name] += count;
      if (name !== 'laterThanSettling') verdict.flaws.push(words);
    };
    this.#judgeCount(add);
    for (const ran of this.#ran) this.#judgeWords(ran, add);
    this.#judgeRecord(add);
    this.#judgeSecrets(process, add);
    return verdict;
  }

  async #end(process: SimulatedProcess, followUp: FollowUp | undefined): Promise<void> {
    const knownBefore = this.#isKnown;
    await this.machine.until(() => !process.isAlive, endless);
    const isEndless = process.isAlive;
    process.kill();
    const report: Report = isEndless ? { outcome: undefined, retryable: false, code: 'endless' } : reportOf(process);
    const made = this.#made();
    this.#ran = [...this.#ran, { process, report, followUp, knownBefore, endedAt: Date.now(), made }];
    if (followUp?.reconciles ? outcomesIn(process).includes('applied') : report.outcome === 'applied')
      this.#isKnown = true;
  }

  #made(): number {
    return this.#setting.change.count(this.#server.account.now) - this.#countBefore;
  }

  #attempts(process?: SimulatedProcess): Attempt[] {
    const { request } = this.#setting.change;
    return this.#server.attempts.filter(
      (each) => request.test(each.request) && (process === undefined || each.process === process),
    );
  }

  /** Whether the change is applied after the settling time. */
  get #isTooLate(): boolean {
    const { fault } = this.#setting;
    return fault.kind === 'late' && fault.delay > settlingTime;
  }

  #judgeCount(add: Add): void {
    const asked = 1 + this.#ran.filter(({ followUp, knownBefore }) => followUp?.asksForMore && knownBefore).length;
    const excess = this.#made() - asked;
    if (excess <= 0) return;
    const [first, second] = this.#attempts();
    const isPreventable = !this.#isTooLate || (first && second && second.at < first.at + settlingTime);
    add(isPreventable ? 'secondCharges' : 'laterThanSettling', `${this.#made()} in place of ${asked}`, excess);
  }

  #judgeWords(ran: Ran, add: Add): void {
    const { process, report, followUp } = ran;
    const name = followUp?.name ?? 'the first';
    const wrong = (words: string) => add('wrongOutcomes', `${name}: ${words}`);
    if (report.code === 'endless') wrong('it does not end');
    else if (report.code === 'internal' || /Internal error/.test(process.stderr)) wrong(`a crash: ${process.stderr}`);
    else if (followUp?.reconciles) {
      const isOpen = outcomesIn(process).some((each) => each === 'unknown' || each === 'pending');
      if (process.exitCode !== (isOpen ? 10 : 0)) wrong(`exit ${process.exitCode}, ${process.stdout}${process.stderr}`);
    } else {
      for (const words of this.#lies(ran)) wrong(words);
      const isOpen = this.#ran[0]?.report.outcome !== 'applied' && !ran.knownBefore;
      if (followUp && isOpen && process.exitCode !== 0 && report.code !== 'secret_lost')
        add('failedFollowUps', `${name}: exit ${process.exitCode}: ${process.stderr}`);
    }
  }

  /** Returns the wrong statements of a command about its change. */
  #lies({ process, report, followUp, endedAt, made }: Ran): string[] {
    const { outcome, retryable } = report;
    const { exitCode } = process;
    const own = this.#attempts(process);
    const lies: string[] = [];
    if (outcome === 'not_applied') {
      const isMade = ({ at, committedAt }: Attempt) =>
        committedAt !== undefined && (committedAt <= endedAt || endedAt < at + settlingTime);
      if (own.some(isMade)) lies.push('not_applied, and it was made');
      else if (own.some(({ at, fault }) => fault === 'late' && endedAt < at + settlingTime))
        lies.push('not_applied, and it may still come');
    }
    if (outcome === 'applied' && made === 0) lies.push('applied, and it was not made');
    if (outcome === 'unknown' && retryable) lies.push('unknown, and retryable');
    if (outcome === 'unknown' && exitCode !== 10 && exitCode !== 130) lies.push(`unknown, and exit ${exitCode}`);
    if (exitCode === 10 && outcome !== 'unknown') lies.push(`exit 10, and ${outcome}`);
    if (exitCode !== null && outcome === undefined && !followUp?.person) lies.push(`no outcome: ${process.stderr}`);
    return lies;
  }

  #judgeRecord(add: Add): void {
    const { action } = this.#setting.change;
    const file = path.join(this.machine.stateHome, 'cheapestinference', 'history.jsonl');
    const recorded = existsSync(file) ? recordedIn(readFileSync(file, 'utf8')) : [];
    for (const { outcomes } of recorded) if (outcomes.length === 0) add('openRecords', 'a record without an outcome');
    const changes = recorded.filter((each) => each.action === action);
    for (const pid of new Set(changes.map((each) => each.pid)))
      this.#judgeChanges(
        pid,
        changes.filter((each) => each.pid === pid),
        add,
      );
  }

  /** Checks the record of the changes of one process. */
  #judgeChanges(pid: unknown, changes: readonly Recorded[], add: Add): void {
    const attempts = this.#attempts().filter(({ process }) => process?.id.pid === pid);
    for (const sent of attempts.filter(({ fault }) => fault === 'late')) {
      const early = changes
        .flatMap(({ outcomes }) => outcomes)
        .find(({ outcome, at }) => outcome === 'not_applied' && at < sent.at + settlingTime);
      if (early) add('wrongOutcomes', `recorded as not_applied after ${(early.at - sent.at) / 1000} s`);
    }
    if (this.#isTooLate) return;
    const last = changes.map(({ outcomes }) => outcomes.at(-1)?.outcome ?? 'pending');
    const committed = attempts.filter(({ committedAt }) => committedAt !== undefined).length;
    const isTrue = last.filter((each) => each === 'applied').length === Math.min(committed, changes.length);
    if (!isTrue || last.includes('unknown'))
      add('wrongOutcomes', `recorded as ${last.join(', ')}, and ${committed} made`);
  }

  #judgeSecrets(reconciled: SimulatedProcess, add: Add): void {
    const { fault } = this.#setting;
    const first = this.#ran[0]?.process;
    // No process receives the secret of a key that is created after its process was killed or stopped waiting.
    if (first?.isKilled || this.#isTooLate) return;
    const all = [...this.#ran.map(({ process }) => process), reconciled];
    const said = all.map(({ stdout, stderr }) => `${stdout}\n${stderr}`).join('\n');
    const delivered = [all.map(({ stdout }) => stdout).join('\n'), ...keptSecrets(this.machine.folder)].join('\n');
    const isInTime = fault.kind === 'late' && fault.ending.inTime !== undefined && fault.delay <= fault.ending.inTime;
    for (const { id, apiKey } of this.#server.account.now.keys) {
      if (this.#keysBefore.has(id) || delivered.includes(apiKey)) continue;
      if (isInTime) add('lostSecrets', 'the secret came in time and was not delivered');
      else if (!this.#isTooLate && !said.includes(id)) add('lostSecrets', `the secret of ${id} is nowhere`);
    }
  }
}

type Add = (name: keyof Figures, words: string, count?: number) => void;

/** Returns the outcomes that `history reconcile --json` lists. */
function outcomesIn({ stdout }: SimulatedProcess): unknown[] {
  const listed: unknown = stdout === '' ? [] : JSON.parse(stdout);
  return Array.isArray(listed) ? listed.map((each) => at(each, 'outcome')) : [];
}

/** Returns the secrets in files that only their owner can read. */
function keptSecrets(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /(^|\/)(\.env|secrets\.json|undelivered-[^/]+\.key)$/.test(name))
    .map((name) => path.join(folder, name))
    .filter((file) => statSync(file).isFile())
    .map((file) => readFileSync(file, 'utf8'));
}
