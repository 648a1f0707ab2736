import path from 'node:path';
import { PassThrough } from 'node:stream';
import { pause } from '../../src/api/pause.ts';
import { run } from '../../src/main.ts';
import { managementKey } from './cli.ts';
import { emptyFolder } from './sandbox.ts';

/** What differs from one run to the next. */
interface Setting {
  /** Where the record is kept; default: in a folder of its own. */
  readonly stateHome?: string;
  /** This machine's clock, epoch milliseconds. */
  readonly now?: () => number;
  /** A clock that nobody sets, milliseconds. */
  readonly monotonic?: () => number;
  /** Told of each wait between requests, milliseconds. */
  readonly onSleep?: (milliseconds: number) => void;
}

/** Runs `ci` in this process, signed in at an API: its clock and its waits are the test's. */
export async function ciHere(
  words: string,
  { url }: { readonly url: string },
  { stateHome, now = Date.now, monotonic = () => performance.now(), onSleep = () => {} }: Setting = {},
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  let stdout = '';
  let stderr = '';
  const folder = emptyFolder();
  const interrupt = new AbortController().signal;
  const errors = new PassThrough().on('data', (text: Buffer) => {
    stderr += text.toString();
  });
  const code = await run(words.split(' '), {
    stdin: new PassThrough(),
    stdout: {
      write: (text: string, done?: () => void) => {
        stdout += text;
        done?.();
      },
    },
    stderr: errors,
    env: {
      CHEAPESTINFERENCE_API_URL: url,
      CHEAPESTINFERENCE_MANAGEMENT_KEY: managementKey,
      CHEAPESTINFERENCE_CONFIG_DIR: path.join(folder, 'config'),
      XDG_STATE_HOME: stateHome ?? path.join(folder, 'state'),
    },
    cwd: folder,
    now,
    monotonic,
    sleep: (milliseconds, signal) => {
      if (signal === interrupt) onSleep(milliseconds);
      return pause(milliseconds, signal);
    },
    timeZone: 'UTC',
    version: '0.0.0',
    interrupt,
  });
  return { code, stdout, stderr };
}
