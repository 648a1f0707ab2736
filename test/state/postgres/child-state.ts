import { StateDatabase } from '../../../src/state/postgres/database.ts';
import { PostgresState } from '../../../src/state/postgres/postgres-state.ts';
import { parseStateUrl } from '../../../src/state/postgres/state-url.ts';
import type { State } from '../../../src/state/state.ts';
import { UnsyncedChanges } from '../../../src/state/unsynced.ts';

/**
 * Opens the state in a database, for scripts in child processes.
 *
 * @param requestTime - the longest time that a request takes, in milliseconds. The lease is at least 5 seconds longer
 */
export function openInChild(url: string, folder: string, requestTime = 0): State {
  return new PostgresState({
    database: new StateDatabase(parseStateUrl(url), {}),
    clocks: {
      wall: Date.now,
      monotonic: () => performance.now(),
      sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    },
    program: 'ci test',
    requestTime: () => requestTime,
    settlingTime: () => 0,
    note: () => {},
    unsynced: new UnsyncedChanges(folder, {}, 'a database'),
    earlier: async () => [],
    onSync: () => {},
  });
}
