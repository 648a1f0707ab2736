import { sandboxFolder, stateFolder } from '../config/folders.ts';
import { accountLabel, accountOf, type Settings } from '../config/settings.ts';
import type { Clocks } from '../domain/pace.ts';
import type { History, RecordedAccount } from '../state/history.ts';
import type { World } from './world.ts';

/** The hint if the state directory can't be written. */
export const noRoomHint =
  'Nothing was sent. Free up disk space, or set XDG_STATE_HOME to a directory that you can write to.';

/** What the record depends on. */
interface RecordOptions {
  readonly world: Pick<World, 'env'>;
  readonly settings: () => Settings;
  readonly clocks: Clocks;
  readonly note: (message: string) => void;
}

/** The record of changes made from this machine, and the locks for making them. */
export class ChangeRecord {
  readonly #options: RecordOptions;
  #history: Promise<History> | undefined;

  constructor(options: RecordOptions) {
    this.#options = options;
  }

  /** The directory of the record, locks and undelivered secrets. @throws CommandError (file_error); see {@link stateFolder} */
  get folder(): string {
    return stateFolder(this.#options.world.env);
  }

  /** Opens the record. */
  history(): Promise<History> {
    const open = async () => {
      const { History } = await import('../state/history.ts');
      return new History(this.folder, this.#options.world.env, this.#options.clocks.wall);
    };
    this.#history ??= open();
    return this.#history;
  }

  /** Returns the account that changes are recorded for. @throws CommandError (usage) if the API URL is not valid */
  async account(): Promise<RecordedAccount> {
    const settings = this.#options.settings();
    if (!settings.sandbox.value) {
      const { parseBaseUrl } = await import('../api/base-url.ts');
      parseBaseUrl(settings.apiUrl.value);
    }
    return {
      id: (await identifier())(accountOf(settings, sandboxFolder(this.#options.world.env))),
      label: accountLabel(settings),
    };
  }

  /**
   * Returns a function that returns the account for which the payments of a wallet are recorded, given its address. They are made
   * without a management key.
   *
   * @throws CommandError (usage) if the API URL is not valid
   */
  async walletAccounts(): Promise<(address: string) => RecordedAccount> {
    const settings = this.#options.settings();
    await this.account();
    const place = accountOf({ ...settings, managementKey: undefined }, sandboxFolder(this.#options.world.env));
    const where = settings.sandbox.value ? 'the sandbox' : new URL(settings.apiUrl.value).host;
    const identify = await identifier();
    return (address) => ({
      id: identify(`${place} ${address.toLowerCase()}`),
      label: `wallet ${address} at ${where}`,
    });
  }

  /**
   * Does something while no other `ci` on this machine does the same for this account.
   *
   * @param what - what is done; names the lock
   * @param id - identifies what is locked; by default, the account
   * @throws CommandError (busy) if another `ci` holds the lock for longer than the timeout
   */
  async exclusively<Result>(what: string, work: () => Promise<Result>, id?: string): Promise<Result> {
    const { world, settings, clocks, note } = this.#options;
    const { withLock } = await import('../state/lock.ts');
    const locked = id ?? (await this.account()).id;
    const lock = {
      folder: this.folder,
      name: `${what}-${locked}`,
      env: world.env,
      patience: settings().timeout.value,
      monotonic: clocks.monotonic,
      pause: clocks.sleep,
      onWait: () => note('Waiting for another ci process that is changing the same account…'),
      hint: noRoomHint,
    };
    return withLock(lock, work);
  }
}

/** Returns a function that returns what identifies an account in the record. */
async function identifier(): Promise<(account: string) => string> {
  const { createHash } = await import('node:crypto');
  return (account) => createHash('sha256').update(account).digest('hex').slice(0, 16);
}
