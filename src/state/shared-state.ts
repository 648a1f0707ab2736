import { counted } from '../domain/counted.ts';
import type { Environment } from '../domain/environment.ts';
import type { CommandError } from '../domain/errors.ts';
import type { ChangeLog } from './change-log.ts';
import { StateDatabase } from './postgres/database.ts';
import { PostgresState, type PostgresStateOptions } from './postgres/postgres-state.ts';
import type { StateAddress } from './postgres/state-url.ts';
import { ReadableState } from './readable-state.ts';
import type { RotationStore } from './rotation-store.ts';
import { UnsyncedChanges } from './unsynced.ts';

/** What the state in a database depends on. */
interface DatabaseOptions
  extends Pick<PostgresStateOptions, 'clocks' | 'program' | 'requestTime' | 'settlingTime' | 'note'> {
  readonly address: StateAddress;
  /** The state directory of this machine. */
  readonly folder: string;
  readonly env: Environment;
  /** Aborted when the user interrupts. */
  readonly interrupt: AbortSignal;
}

/** What a state that machines share depends on. */
interface SharedStateOptions extends DatabaseOptions, Pick<PostgresStateOptions, 'earlier'> {
  /** Whether this process is going to change something. */
  readonly isChanging: boolean;
  /** Returns the record of this machine. */
  readonly local: () => Promise<ChangeLog>;
  /** Returns the rotations of this machine. */
  readonly localRotations: () => Promise<RotationStore>;
}

/**
 * Opens the state in a database. Connects when it is first used. Changes that the database lacks are brought in before anything is read
 * or changed.
 */
export function openSharedState(options: SharedStateOptions): ReadableState {
  const { isChanging, note, local, localRotations } = options;
  const shared = openStateDatabase(options, options.earlier);
  // Until the request of the change leaves, the command waits for other answers anyway.
  if (isChanging) shared.prepare();
  const onFallback = (error: CommandError) =>
    note(`${error.message}. Showing only the changes in the files of this machine.`);
  return new ReadableState({ shared, local, localRotations, isChanging, onFallback });
}

/** Opens the state in a database, without the record of this machine. Connects when it is first used. */
export function openStateDatabase(
  options: DatabaseOptions,
  earlier: SharedStateOptions['earlier'] = async () => [],
): PostgresState {
  const { address, folder, env, interrupt, clocks, program, requestTime, settlingTime, note } = options;
  return new PostgresState({
    database: new StateDatabase(address, env, interrupt),
    clocks,
    program,
    requestTime,
    settlingTime,
    note,
    unsynced: new UnsyncedChanges(folder, env, address.label),
    earlier,
    onSync: (count) => note(`Brought ${counted(count, 'change')} of this machine into the state database.`),
  });
}
