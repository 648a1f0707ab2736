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
      const { parseBaseUrl } = await import('../api/client.ts');
      parseBaseUrl(settings.apiUrl.value);
    }
    const { createHash } = await import('node:crypto');
    const id = createHash('sha256')
      .update(accountOf(settings, sandboxFolder(this.#options.world.env)))
      .digest('hex')
      .slice(0, 16);
    return { id, label: accountLabel(settings) };
  }

  /**
   * Does something while no other `ci` on this machine does the same for this account.
   *
   * @param what - what is done; names the lock
   * @throws CommandError (busy) if another `ci` holds the lock for longer than the timeout
   */
  async exclusively<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
    const { world, settings, clocks, note } = this.#options;
    const { withLock } = await import('../state/lock.ts');
    const { id } = await this.account();
    const lock = {
      folder: this.folder,
      name: `${what}-${id}`,
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
