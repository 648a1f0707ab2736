import type { World } from '../../src/context/world.ts';
import { type Ended, userOf } from './cli.ts';
import { isBinary } from './program.ts';
import { realTime } from './world.ts';

/** Options of a run. */
interface Setting extends Partial<Pick<World, 'now' | 'monotonic'>> {
  /** The state directory; by default, a new folder. */
  readonly stateHome?: string;
  /** Called for each wait between requests, in milliseconds; not if the command runs in a process of its own. */
  readonly onSleep?: (milliseconds: number) => void;
}

/** Runs `ci` in real time, signed in to an API, with the clocks of the test. */
export function ciHere(
  words: string,
  api: { readonly url: string },
  { stateHome, onSleep = () => {}, ...clocks }: Setting = {},
): Promise<Ended> {
  const me = userOf(api, stateHome === undefined ? {} : { XDG_STATE_HOME: stateHome });
  if (isBinary) return me.ci(words, clocks);
  const interrupt = new AbortController().signal;
  return me.ci(words, {
    ...realTime,
    ...clocks,
    interrupt,
    sleep: (milliseconds, signal) => {
      if (signal === interrupt) onSleep(milliseconds);
      return realTime.sleep(milliseconds, signal);
    },
  });
}
