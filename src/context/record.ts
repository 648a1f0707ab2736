import { sandboxFolder, stateFolder } from '../config/folders.ts';
import type { Profiles } from '../config/profiles.ts';
import { accountLabel, accountOf, type Settings, stateUrlVariable } from '../config/settings.ts';
import { CommandError, usageError } from '../domain/errors.ts';
import type { Clocks } from '../domain/pace.ts';
import type { ChangeLog, RecordedAccount, RecordedChange } from '../state/change-log.ts';
import type { PostgresState } from '../state/postgres/postgres-state.ts';
import type { RotationStore } from '../state/rotation-store.ts';
import type { State, StateLock, UndeliveredFile } from '../state/state.ts';
import type { SharedWork, WorkShare } from '../state/work-share.ts';
import type { World } from './world.ts';

/** The hint if the state directory can't be written. */
export const noRoomHint =
  'Nothing was sent. Free up disk space, or set XDG_STATE_HOME to a directory that you can write to.';

/** The longest time that a command which ends with an error spends on sharing where it keeps secrets, in milliseconds. */
const longestSharing = 2000;

/** What the record depends on. */
interface RecordOptions {
  readonly world: Pick<World, 'env' | 'interrupt' | 'sleep'>;
  readonly settings: () => Settings;
  readonly profiles: () => Profiles;
  readonly clocks: Clocks;
  readonly note: (message: string) => void;
  /** Asks the API what identifies the customer; undefined if it doesn't say. @throws CommandError */
  readonly customer: () => Promise<string | undefined>;
  /** Whether to use local files instead of the state database. */
  readonly isOffline: () => boolean;
}

/**
 * The record of changes, and the locks for making them: in files of this machine, or in the database that the machines of a team share.
 * The sandbox, which is on this machine, uses files.
 */
export class ChangeRecord {
  readonly #options: RecordOptions;
  #account: { readonly key: string; readonly found: Promise<RecordedAccount> } | undefined;
  #files: Promise<State> | undefined;
  #shared: Promise<State> | undefined;
  /** The state in the database, once it is open. */
  #opened: State | undefined;
  #database: PostgresState | undefined;
  /** The files with undelivered secrets that this process keeps. */
  readonly #kept: string[] = [];
  /** The command that runs: its words, `ci pools watch`, and whether it changes something. */
  command: { readonly path: string; readonly changes: boolean } = { path: 'ci', changes: false };

  constructor(options: RecordOptions) {
    this.#options = options;
  }

  /** The directory of the record, locks and undelivered secrets. @throws CommandError (file_error); see {@link stateFolder} */
  get folder(): string {
    return stateFolder(this.#options.world.env);
  }

  /** Whether other machines share the record, through a state database. */
  get isShared(): boolean {
    const { stateUrl, sandbox } = this.#options.settings();
    return stateUrl !== undefined && !sandbox.value && !this.#options.isOffline();
  }

  /**
   * Opens the state database for commands that are about the database itself.
   *
   * @throws CommandError (usage) if none is set, or its URL is not valid
   */
  async database(): Promise<PostgresState> {
    const { settings, profiles, isOffline } = this.#options;
    const { stateAddress } = await import('../config/state-database.ts');
    const address = stateAddress(settings(), profiles());
    if (!address) {
      throw usageError(
        'No state database is set',
        `Enter its URL with \`ci config set state-url -\`, or set ${stateUrlVariable}.`,
      );
    }
    if (isOffline()) throw usageError("--offline can't be combined with `ci state`", 'Leave out --offline.');
    const { openStateDatabase } = await import('../state/shared-state.ts');
    this.#database ??= openStateDatabase({ address, ...this.#databaseOptions() });
    return this.#database;
  }

  /** Opens the record of this machine, also if the state is in a database. */
  async localHistory(): Promise<ChangeLog> {
    return (await this.#fileState()).changes;
  }

  /** Opens the record. */
  async history(): Promise<ChangeLog> {
    return (await this.#state()).changes;
  }

  /** Opens the rotations of keys that aren't finished. */
  async rotations(): Promise<RotationStore> {
    return (await this.#state()).rotations();
  }

  /** Opens the rotations in files of this machine, even if a state database has the others. */
  async localRotations(): Promise<RotationStore> {
    return (await this.#fileState()).rotations();
  }

  /** Returns the account that changes are recorded for. @throws CommandError (usage) if the API URL is not valid */
  account(): Promise<RecordedAccount> {
    const { managementKey, apiUrl, sandbox } = this.#options.settings();
    const key = `${sandbox.value} ${apiUrl.value} ${managementKey?.value ?? ''}`;
    // After the user has signed in, it is another one.
    if (this.#account?.key !== key) {
      const found = this.#findAccount();
      this.#account = { key, found };
      // The next attempt may succeed.
      found.catch(() => {
        this.#account = undefined;
      });
    }
    return this.#account.found;
  }

  async #findAccount(): Promise<RecordedAccount> {
    const own = await this.ownAccount();
    const { managementKey, apiUrl, sandbox } = this.#options.settings();
    if (managementKey === undefined || sandbox.value) return own;
    const identify = await identifier();
    try {
      return await (await this.#state()).account(own, async () => {
        const customer = await this.#options.customer();
        return customer === undefined ? undefined : identify(`${new URL(apiUrl.value).origin} ${customer}`);
      });
    } catch (error) {
      // What is read may lack the changes made with other keys.
      if (this.command.changes || !(error instanceof CommandError) || error.code === 'interrupted') throw error;
      return own;
    }
  }

  /** Returns the account as its management key identifies it. Files of this machine are named after it. @throws CommandError (usage) */
  async ownAccount(): Promise<RecordedAccount> {
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
    await this.ownAccount();
    const place = accountOf({ ...settings, managementKey: undefined }, sandboxFolder(this.#options.world.env));
    const where = settings.sandbox.value ? 'the sandbox' : new URL(settings.apiUrl.value).host;
    const identify = await identifier();
    return (address) => ({
      id: identify(`${place} ${address.toLowerCase()}`),
      label: `wallet ${address} at ${where}`,
    });
  }

  /**
   * Does something while no other `ci` does the same for this account.
   *
   * @param what - what is done; names the lock
   * @param id - identifies what is locked; by default, the account
   * @throws CommandError (busy) if another `ci` holds the lock for longer than the timeout
   */
  async exclusively<Result>(what: string, work: () => Promise<Result>, id?: string): Promise<Result> {
    const state = await this.#state();
    return state.exclusively(await this.#lock(what, id), work);
  }

  /**
   * Does a part of work on many rows while no other `ci` does something else with this account. Machines that share a state database, and
   * work on the same rows at the same time, share them.
   *
   * @param what - as for {@link exclusively}
   * @throws as {@link exclusively}
   */
  async share<Result>(what: string, work: SharedWork, part: (share: WorkShare) => Promise<Result>): Promise<Result> {
    const state = await this.#state();
    return state.share(await this.#lock(what), work, part);
  }

  /** Does something like {@link exclusively} while no other `ci` on this machine does the same, because it is about files of this machine. */
  async exclusivelyHere<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
    const files = await this.#fileState();
    return files.exclusively(await this.#lock(what, (await this.ownAccount()).id), work);
  }

  /** Checks whether the request of a change may leave at this instant, as {@link State.mayLeave} says. */
  mayLeave(requestTime: number): Promise<void> | undefined {
    return this.#opened?.mayLeave(requestTime);
  }

  /** Returns whether any `ci` has a lock. @param id - as for {@link exclusively} */
  async isLocked(what: string, id: string): Promise<boolean> {
    const state = await this.#state();
    return state.isLocked((await this.#lock(what, id)).name);
  }

  async #lock(what: string, id?: string): Promise<StateLock> {
    return { name: `${what}-${id ?? (await this.account()).id}`, patience: this.#options.settings().timeout.value };
  }

  /** Begins to connect to the state database, if there is one, for a command that changes something. */
  prepare(): void {
    if (this.command.changes) this.#state().catch(() => {});
  }

  /** Notes a file with undelivered secrets. The other machines get to know it when this process ends. */
  keepsUndelivered(file: string): void {
    this.#kept.push(file);
  }

  /**
   * Tells the other machines which files with undelivered secrets are on this one, as {@link State.shareUndelivered} says. Ignores a
   * failure, because the files are what matters.
   *
   * @returns the files of other machines
   */
  async shareUndelivered(files: readonly string[], account = ''): Promise<readonly UndeliveredFile[]> {
    try {
      const state = await this.#state();
      return await state.shareUndelivered(files, account);
    } catch {
      return [];
    }
  }

  /** Frees locks, and closes connections to the state database. */
  async close(): Promise<void> {
    if (this.#opened && this.#kept.length > 0) await this.#shareKept();
    await this.#opened?.close();
    await this.#database?.close();
  }

  /** Shares the files that this process keeps, unless that takes long: the message that names them waits for it. */
  async #shareKept(): Promise<void> {
    const { world, settings } = this.#options;
    const over = new AbortController();
    const share = this.shareUndelivered(this.#kept, accountLabel(settings())).finally(() => over.abort());
    await Promise.race([share, world.sleep(longestSharing, over.signal)]);
  }

  async #state(): Promise<State> {
    const { stateUrl, sandbox } = this.#options.settings();
    if (stateUrl === undefined || sandbox.value) return this.#fileState();
    this.#shared ??= this.#options.isOffline() ? this.#offlineState() : this.#sharedState();
    this.#opened = await this.#shared;
    return this.#opened;
  }

  /** Opens the state database. @throws CommandError as `stateAddress` */
  async #sharedState(): Promise<State> {
    const { settings, profiles } = this.#options;
    const { stateAddress } = await import('../config/state-database.ts');
    const { openSharedState } = await import('../state/shared-state.ts');
    const address = stateAddress(settings(), profiles());
    if (!address) return this.#fileState();
    return openSharedState({
      address,
      ...this.#databaseOptions(),
      isChanging: this.command.changes,
      local: () => this.localHistory(),
      earlier: () => this.#earlierChanges(),
      localRotations: () => this.localRotations(),
    });
  }

  #databaseOptions() {
    const { world, settings, clocks, note } = this.#options;
    return {
      folder: this.folder,
      env: world.env,
      interrupt: world.interrupt,
      clocks,
      program: this.command.path,
      requestTime: () => settings().timeout.value,
      settlingTime: () => settings().settlingTime.value,
      note,
    };
  }

  /** Returns the changes of this machine's files that are open, or so recent that a repeat would be noticed. */
  async #earlierChanges(): Promise<RecordedChange[]> {
    const now = this.#options.clocks.wall();
    const { hasRecentChanges, recentChanges } = await import('../state/files/recent-changes.ts');
    if (!hasRecentChanges(this.folder, now)) return [];
    const changes = await recentChanges(await this.localHistory(), now);
    return changes.filter(({ account }) => !isOfSandbox(account));
  }

  async #offlineState(): Promise<State> {
    const { world, settings, profiles, clocks, note } = this.#options;
    const { stateAddress } = await import('../config/state-database.ts');
    const address = stateAddress(settings(), profiles());
    const { OfflineState } = await import('../state/offline-state.ts');
    const { UnsyncedChanges } = await import('../state/unsynced.ts');
    return new OfflineState({
      files: await this.#fileState(),
      unsynced: new UnsyncedChanges(this.folder, world.env, address?.label ?? ''),
      clocks,
      onChange: () =>
        note(
          "Offline: other machines don't see this change until `ci state sync`. Nothing keeps them from making the same one at the same time, and max-monthly-spend counts only what the account shows.",
        ),
    });
  }

  #fileState(): Promise<State> {
    const { world, clocks, note } = this.#options;
    const open = async () => {
      const { FileState } = await import('../state/files/file-state.ts');
      const onWait = () => note('Waiting for another ci process that is changing the same account…');
      return new FileState({ folder: this.folder, env: world.env, clocks, onWait, hint: noRoomHint });
    };
    this.#files ??= open();
    return this.#files;
  }
}

/** Returns whether an account, or a wallet, is one of the sandbox. */
export function isOfSandbox({ label }: RecordedAccount): boolean {
  return /^the sandbox: |^wallet \S+ at the sandbox$/.test(label);
}

/** Returns a function that returns what identifies an account in the record. */
async function identifier(): Promise<(account: string) => string> {
  const { createHash } = await import('node:crypto');
  return (account) => createHash('sha256').update(account).digest('hex').slice(0, 16);
}
