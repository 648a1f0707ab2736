import { tmpdir } from 'node:os';
import { PassThrough } from 'node:stream';
import { pause } from '../../src/api/pause.ts';
import { Profiles } from '../../src/config/profiles.ts';
import type { World } from '../../src/context/world.ts';
import { type Dotenv, openDotenv } from '../../src/output/dotenv.ts';

/** The real clocks, and a timer that can't be interrupted. */
export const realTime = {
  now: Date.now,
  monotonic: () => performance.now(),
  sleep: pause,
  pause: (milliseconds: number) => pause(milliseconds, new AbortController().signal),
};

/**
 * Returns a time that passes faster than the real one, for clocks and waits alike.
 *
 * @param factor - how much faster; a timeout must leave a slow machine enough real time
 */
export function fastTime(factor: number): Pick<World, 'now' | 'monotonic' | 'sleep'> {
  const [wall, start] = [Date.now(), performance.now()];
  const monotonic = () => (performance.now() - start) * factor;
  return {
    monotonic,
    now: () => Math.floor(wall + monotonic()),
    sleep: (milliseconds, signal) => pause(milliseconds / factor, signal),
  };
}

/** How long a wait of a command really takes, in milliseconds, so that others get their turn. */
const moment = 5;

/** The time of a user: the real time plus the waits of commands, which take no real time. */
export class UserTime {
  /** How far it is ahead of the real time, in milliseconds. */
  #ahead = 0;

  /**
   * Starts the clocks of one command. A wait of the command itself takes a moment, and its clocks move by all of it. The timeout
   * of a request takes its real time, so that a slow machine doesn't reach it.
   *
   * @param interrupt - interrupts the command, which waits with this signal; its requests wait with others
   */
  start(interrupt: AbortSignal): Pick<World, 'now' | 'monotonic' | 'sleep'> {
    const wall = Date.now() - performance.now();
    let ahead = this.#ahead;
    const monotonic = () => performance.now() + ahead;
    return {
      monotonic,
      now: () => Math.floor(wall + monotonic()),
      sleep: async (milliseconds, signal) => {
        const real = signal === interrupt ? Math.min(milliseconds, moment) : milliseconds;
        await pause(real, signal);
        if (signal.aborted) return;
        ahead += milliseconds - real;
        this.#ahead = Math.max(this.#ahead, ahead);
      },
    };
  }
}

/** Returns a world with defaults for everything that doesn't matter to the test. */
export function worldWith(parts: Partial<World> & Pick<World, 'stdout'>): World {
  return {
    stdin: new PassThrough(),
    stderr: new PassThrough(),
    env: {},
    cwd: tmpdir(),
    now: realTime.now,
    monotonic: realTime.monotonic,
    sleep: realTime.sleep,
    timeZone: 'UTC',
    version: '0.0.0',
    interrupt: new AbortController().signal,
    ...parts,
  };
}

/** Returns the profiles in a folder. */
export function profilesIn(folder: string, parts: Partial<ConstructorParameters<typeof Profiles>[1]> = {}): Profiles {
  return new Profiles(() => folder, { env: {}, ...realTime, tell: () => {}, ...parts });
}

/** Opens a dotenv file, in real time. @param file - absolute */
export function dotenvAt(file: string, env: World['env'] = {}): Promise<Dotenv> {
  return openDotenv(file, { env, ...realTime });
}
