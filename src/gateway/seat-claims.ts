import { stateFolder } from '../config/folders.ts';
import type { Context } from '../context/context.ts';
import { asClause, CommandError, messageOf } from '../domain/errors.ts';
import { inWords } from '../output/text.ts';
import { lockOwner, withLock } from '../state/lock.ts';
import { type RunningGateway, RunningGateways } from './running-gateways.ts';
import type { GatewaySeat } from './seat.ts';

/** How long to wait for another gateway that is starting, in milliseconds. */
const patience = 60_000;
const usualHint = 'Use that one, stop it with `ci gateway stop`, or choose other seats with --pools or --keys.';
const temporaryHint =
  'It ends with the programs that `ci run --gateway` runs. Run this command again when they have ended, stop it now with `ci gateway stop`, or choose other seats with --pools or --keys.';
/** How often it is checked, in milliseconds. */
const checkInterval = 50;
const lockName = 'gateway';

/** Waits until no gateway on this machine is starting. @throws CommandError (busy) if one takes longer than a minute */
export async function waitForStart({ clocks, world }: Pick<Context, 'clocks' | 'world'>): Promise<void> {
  const deadline = clocks.monotonic() + patience;
  const folder = stateFolder(world.env);
  const running = new RunningGateways(folder, world.env);
  for (;;) {
    const starting = lockOwner(folder, lockName);
    // One that is recorded can be stopped.
    if (!starting || running.list().some(({ pid }) => pid === starting.pid)) return;
    if (clocks.monotonic() > deadline) {
      throw new CommandError('busy', `A gateway (process ${starting.pid}) is starting, but takes too long`, {
        hint: `End it with \`kill -9 ${starting.pid}\`, and run this command again.`,
      });
    }
    await clocks.sleep(checkInterval);
  }
}

/**
 * The seats that the gateway of this process uses. Two gateways with the same seats would send requests to seats that are busy, so
 * others on this machine can't use them.
 */
export class SeatClaims {
  readonly #context: Pick<Context, 'clocks' | 'world'>;
  readonly #account: string;
  readonly #running: RunningGateways;
  #record: Omit<RunningGateway, 'pid'> | undefined;

  /** @param account - the ID of the account, as in the record of changes */
  constructor(context: Pick<Context, 'clocks' | 'world'>, account: string) {
    const { env } = context.world;
    this.#context = context;
    this.#account = account;
    this.#running = new RunningGateways(stateFolder(env), env);
  }

  /** Does something while no other gateway on this machine starts, or claims seats. @throws CommandError (busy), (file_error) */
  exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    const { clocks, world } = this.#context;
    const { monotonic, sleep: pause } = clocks;
    const { env } = world;
    return withLock({ folder: stateFolder(env), name: lockName, env, patience, monotonic, pause }, work);
  }

  /** Refuses seats that another gateway uses. @throws CommandError (busy) */
  refuseOverlap(seats: readonly GatewaySeat[]): void {
    for (const { url, pid, seats: taken, untilUnused } of this.#others()) {
      const shared = seats.filter(({ id }) => taken.includes(id));
      if (shared.length === 0) continue;
      const names = inWords(shared.map(({ name }) => `"${name}"`));
      throw new CommandError('busy', `The gateway at ${url} (process ${pid}) already uses ${names}`, {
        hint: untilUnused ? temporaryHint : usualHint,
      });
    }
  }

  /** Returns whether another gateway uses a seat. */
  isTaken(id: string): boolean {
    return this.#others().some(({ seats }) => seats.includes(id));
  }

  /** Records the gateway of this process, so that other commands find it. @throws CommandError (file_error) */
  record(record: Omit<RunningGateway, 'pid'>): void {
    try {
      this.#running.add(record);
    } catch (error) {
      if (error instanceof CommandError) throw error;
      const folder = stateFolder(this.#context.world.env);
      throw new CommandError('file_error', `Can't write to ${folder}: ${asClause(messageOf(error))}`, { cause: error });
    }
    this.#record = record;
  }

  /** Records the seats that no other gateway uses, and returns them. @throws CommandError (busy), (file_error) */
  claimFree(seats: readonly GatewaySeat[]): Promise<readonly GatewaySeat[]> {
    return this.exclusively(async () => {
      const taken = new Set(this.#others().flatMap((other) => other.seats));
      const free = seats.filter(({ id }) => !taken.has(id));
      const ids = free.map(({ id }) => id);
      if (this.#record && ids.join() !== this.#record.seats.join()) this.record({ ...this.#record, seats: ids });
      return free;
    });
  }

  /** Records that the gateway of this process is stopping, if that can be written. */
  markStopping(): void {
    try {
      if (this.#record) this.record({ ...this.#record, isStopping: true });
    } catch (error) {
      // A full disk must not cut off the requests that are being answered.
      if (!(error instanceof CommandError)) throw error;
    }
  }

  /** Removes the record. */
  release(): void {
    this.#running.remove();
  }

  #others(): readonly RunningGateway[] {
    return this.#running.of(this.#account).filter(({ pid }) => pid !== process.pid);
  }
}
