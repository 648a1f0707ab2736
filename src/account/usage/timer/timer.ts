import type { World } from '../../../context/world.ts';

/** What can start snapshots regularly. */
export const schedulers = ['systemd', 'cron'] as const;

export type Scheduler = (typeof schedulers)[number];

/**
 * When snapshots are taken, in UTC. Those at midnight are the ends of days and months, the one after it tells apart what was used before
 * and after, and the others keep gaps short if the machine was off. They need at most four of the twelve requests in twelve hours.
 */
export const times = ['00:00', '00:30', '06:00', '12:00', '18:00'] as const;

/** A timer for snapshots. Its methods throw CommandError (file_error), (unavailable) or (interrupted). */
export interface Timer {
  readonly scheduler: Scheduler;
  /** What it writes, as people name it. */
  readonly place: string;
  /** What is installed; undefined: nothing. */
  installed(): Promise<string | undefined>;
  /** Returns what is installed for a command. @param words - with an absolute path first */
  text(words: readonly string[]): string;
  /** Installs and starts it. @returns why it didn't start; undefined if it did */
  install(words: readonly string[]): Promise<string | undefined>;
  /** Stops and removes it. @returns why it didn't stop; undefined if it did */
  remove(): Promise<string | undefined>;
}

/** A kind of timer. */
export interface TimerKind {
  /** Returns why it can't be used on this machine: `systemctl isn't installed`. Undefined: it can. */
  problem(world: World): Promise<string | undefined>;
  timer(world: World): Timer;
}
