import { StateDatabase } from '../../src/state/postgres/database.ts';
import { initialize } from '../../src/state/postgres/initialize.ts';
import { parseStateUrl } from '../../src/state/postgres/state-url.ts';
import { type Environment, settlesIn } from './cli.ts';
import { type Machine, machine } from './machines.ts';
import type { Postgres } from './postgres.ts';
import { listAt, type TestSandbox } from './sandbox.ts';
import { shared } from './shared.ts';

/** What the machines of a fleet work with. */
interface FleetSetting {
  readonly api: { readonly url: string };
  /** The URL of the state database of each machine. */
  readonly stateUrl: string | ((at: number) => string);
  readonly env?: Environment;
  /** How long a request may take effect after it left, as typed. By default, `3s`. */
  readonly settlingTime?: string;
}

/** Creates the tables of a state database. @returns its URL */
export async function initialized(url: string): Promise<string> {
  const database = new StateDatabase(parseStateUrl(url), {});
  try {
    await initialize(database);
  } finally {
    await database.close();
  }
  return url;
}

/** Creates an empty state database in a schema of its own. @returns its URL */
export async function freshState(postgres: Pick<Postgres, 'freshSchema'>): Promise<string> {
  return initialized(await postgres.freshSchema());
}

/**
 * Starts machines for all tests of a file. They keep their processes, so that commands that start together also meet.
 *
 * @returns a function that gives the first of them empty home directories and a setting, for use in tests
 */
export function fleet(size: number, { movesClock = false } = {}): (count: number, setting: FleetSetting) => Machine[] {
  const machines = shared((whenOver) =>
    Promise.all(
      Array.from({ length: size }, (_, at) =>
        machine(`machine-${at + 1}`, { api: { url: 'http://127.0.0.1:1' }, movesClock, whenOver }),
      ),
    ),
  );
  return (count, { api, stateUrl, env = {}, settlingTime = '3s' }) => {
    const chosen = machines().slice(0, count);
    if (chosen.length < count) throw new Error(`there are ${chosen.length} machines instead of ${count}`);
    for (const [at, each] of chosen.entries()) {
      each.reset({ api, stateUrl: typeof stateUrl === 'string' ? stateUrl : stateUrl(at), env });
      settlesIn(each, settlingTime);
    }
    return chosen;
  };
}

/** Returns how many purchases the account was charged for. */
export async function purchases(box: Pick<TestSandbox, 'seen'>): Promise<number> {
  return listAt(await box.seen(), 'charges').length;
}
