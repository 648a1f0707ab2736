import type { Clocks } from '../../../src/domain/pace.ts';
import type { State } from '../../../src/state/state.ts';
import { testAccounts } from './accounts.ts';
import { testChanges } from './changes.ts';
import { testLocks } from './locks.ts';
import { testShares } from './shares.ts';

/** Where the state of several processes is. */
interface Place {
  /** Opens the state as one process does. The same place may be opened many times. */
  open(options?: { readonly clocks?: Clocks }): State;
}

/** One way of keeping state. */
export interface Kind {
  /** Creates an empty place. */
  readonly place: () => Promise<Place>;
  readonly differs: Differences;
}

/** In what the ways of keeping state differ, and why. */
export interface Differences {
  /** Whether the record has a mark while nobody has recorded anything. A database has its tables then, but there is no file. */
  readonly hasMarkWhenEmpty: boolean;
  /** Whether the record keeps long texts and large members of `before` after the outcome. A line of the file has a limit. */
  readonly keepsAll: boolean;
  /** Whether changes say who made them, and whether that process is running. The record in files has those of one machine. */
  readonly saysWho: boolean;
  /** Who has a lock, in messages. In files, only the process id is known; in a database, there are several machines. */
  readonly holder: RegExp;
  /** Whether several processes share work. One machine gains nothing from that, so in files, one does it after the other. */
  readonly sharesWork: boolean;
  /** Whether keys of one customer have one account. On one machine, each key has its own record. */
  readonly mergesKeys: boolean;
}

/** Tests what all ways of keeping state have in common. */
export function testState(kind: Kind): void {
  testChanges(kind);
  testLocks(kind);
  testShares(kind);
  testAccounts(kind);
}
