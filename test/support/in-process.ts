import type { World } from '../../src/context/world.ts';
import { type Ended, userOf } from './cli.ts';
import { realTime } from './world.ts';

/** What differs from one run to the next. */
interface Setting extends Partial<Pick<World, 'now' | 'monotonic'>> {
  /** Where the record is kept; default: in a folder of its own. */
  readonly stateHome?: string;
  /** Told of each wait between requests, milliseconds. */
  readonly onSleep?: (milliseconds: number) => void;
}

/** Runs `ci` in this process in real time, signed in at an API: its clocks are the test's, which is told of its waits. */
export function ciHere(
  words: string,
  api: { readonly url: string },
  { stateHome, onSleep = () => {}, ...clocks }: Setting = {},
): Promise<Ended> {
  const interrupt = new AbortController().signal;
  return userOf(api, stateHome === undefined ? {} : { XDG_STATE_HOME: stateHome }).ci(words, {
    ...realTime,
    ...clocks,
    interrupt,
    sleep: (milliseconds, signal) => {
      if (signal === interrupt) onSleep(milliseconds);
      return realTime.sleep(milliseconds, signal);
    },
  });
}
