import { chmodSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../domain/environment.ts';
import { asClause, CommandError, messageOf, usageError } from '../domain/errors.ts';
import { masked } from '../domain/secrets.ts';
import { type SplitUrl, splitPassword } from '../domain/url-password.ts';
import { makeFolder, namesIn, realPathOf } from '../state/folder.ts';
import { keepAside, replaceFile } from '../state/replace-file.ts';
import { KeychainEntry, keychainEntry, statePasswordEntry } from './keychain.ts';
import { refuseOpenFile, refuseOpenFolder } from './permissions.ts';
import {
  DamagedFile,
  type Profile,
  type ProfilesContent,
  profilesFile,
  profilesIn,
  readProfiles,
  type SavedProfiles,
  shownKey,
} from './saved-profiles.ts';

const fileName = 'config';
/** How long to wait for another process that is writing the file, in milliseconds. Writing takes a few. */
const patience = 30_000;

/** The environment, clocks and messages that saved profiles use. */
interface ProfilesWorld {
  /** The environment, which names the home directory. */
  readonly env: Environment;
  /** Returns the time in epoch milliseconds. */
  readonly now: () => number;
  /** Returns milliseconds on a clock that can't be set. */
  readonly monotonic: () => number;
  /** Waits; may throw to stop waiting. */
  readonly pause: (milliseconds: number) => Promise<void>;
  /** Prints a message for the user. */
  readonly tell: (message: string) => void;
}

/** Reads and writes the saved profiles: one file that only its owner can read, replaced as a whole by one process at a time. */
export class Profiles implements SavedProfiles {
  readonly #folder: () => string;
  readonly #world: ProfilesWorld;
  #known: ProfilesContent | undefined;
  #replacesDamaged = false;

  /** @param folder - returns the config directory; throws if none exists */
  constructor(folder: () => string, world: ProfilesWorld) {
    this.#folder = folder;
    this.#world = world;
  }

  /** The config directory. @throws CommandError (file_error) if there is no home directory */
  get folder(): string {
    return this.#folder();
  }

  get file(): string {
    return profilesFile(this.folder);
  }

  /** The profile that is used by default; undefined until one is saved. */
  get current(): string | undefined {
    return profilesIn(this.#saved).current;
  }

  get(name: string): Profile | undefined {
    return profilesIn(this.#saved).get(name);
  }

  /** Requires a config directory. A command with a key in the environment needs none. @throws CommandError (file_error) */
  requirePlace(): void {
    this.#folder();
  }

  /** Returns the names of all profiles. @throws CommandError (file_error) if there is no config directory */
  names(): string[] {
    this.requirePlace();
    return profilesIn(this.#saved).names();
  }

  /**
   * Refuses a file that other users could have changed, or that contains the key to use and other users could have read.
   *
   * @param holdsKey - whether a key in the file is about to be used
   * @throws CommandError (file_error) with the command that fixes it
   */
  requirePrivate(holdsKey: boolean): void {
    refuseOpenFile(this.file, { holdsSecret: holdsKey });
  }

  /** Requires a system keychain that works. @throws CommandError (keychain_error) */
  requireKeychain(name: string, apiUrl: string): void {
    KeychainEntry.ofKey(name, apiUrl).read();
  }

  /** From now on, treats a damaged file as empty. The next change keeps it under another name and starts a new file. */
  replaceDamaged(): void {
    this.#replacesDamaged = true;
  }

  /**
   * Saves a profile. The first one becomes the current one.
   *
   * @param change - the profile, or a function that returns it, given the saved one
   * @throws CommandError (usage) if the name can't be used
   */
  async save(name: string, change: Profile | ((before: Profile) => Profile)): Promise<void> {
    await this.#change((saved, write) => {
      const profile = typeof change === 'function' ? change(profilesIn(saved).get(name) ?? {}) : change;
      write(withProfile(name, profile, saved));
    });
  }

  /**
   * Saves a key in the file or in the system keychain, and removes the profile's earlier key from the other place.
   *
   * @returns the replaced key, masked
   * @throws CommandError (keychain_error), (file_error); the earlier key is then still saved
   */
  async saveKey(
    name: string,
    { apiUrl, managementKey }: { readonly apiUrl: string; readonly managementKey: string },
    { inKeychain }: { readonly inKeychain: boolean },
  ): Promise<string | undefined> {
    let replaced: string | undefined;
    await this.#change((saved, write) => {
      const before = profilesIn(saved).get(name) ?? {};
      replaced = shownKey(before);
      const previous = keychainEntry(name, before);
      const entry = inKeychain ? KeychainEntry.ofKey(name, apiUrl) : undefined;
      const after = { ...withoutKey(before), apiUrl };
      if (!entry) write(withProfile(name, { ...after, managementKey }, saved));
      else {
        writeWithFile(entry, managementKey, () =>
          write(withProfile(name, { ...after, keychain: true, maskedKey: masked(managementKey) }, saved)),
        );
      }
      if (previous && (!entry || previous.differs(entry))) this.#removeUnused(previous, 'key');
    });
    return replaced;
  }

  /**
   * Saves a profile's state URL, or removes it. Its password goes to the system keychain if the profile's key is there.
   *
   * @param stateUrl - undefined: remove it
   * @throws CommandError (keychain_error), (file_error); the earlier URL is then still saved
   */
  async saveStateUrl(name: string, stateUrl: string | undefined): Promise<void> {
    await this.#change((saved, write) => {
      const before = profilesIn(saved).get(name) ?? {};
      const previous = statePasswordEntry(name, before);
      const others = withoutStateUrl(before);
      const { url, password }: Partial<SplitUrl> = stateUrl === undefined ? {} : splitPassword(stateUrl);
      const entry =
        before.keychain && url !== undefined && password !== undefined
          ? KeychainEntry.ofStatePassword(name, url)
          : undefined;
      if (!entry || password === undefined) {
        write(withProfile(name, stateUrl === undefined ? others : { ...others, stateUrl }, saved));
      } else {
        writeWithFile(entry, password, () =>
          write(withProfile(name, { ...others, stateUrl: url, stateKeychain: true }, saved)),
        );
      }
      if (previous && (!entry || previous.differs(entry))) {
        this.#removeUnused(previous, 'password of the state database');
      }
    });
  }

  /**
   * Removes a profile's key and the password of its state database, and keeps its preferences. The profile stays the current one,
   * because after signing out of one account the next command must not use another. The state URL stays without its password, because
   * the next command must not fall back to local files either.
   *
   * @throws CommandError (keychain_error) if a secret is in a keychain that can't be opened, (file_error); nothing is removed then
   */
  async removeKey(name: string): Promise<void> {
    await this.#change((saved, write) => {
      const { [name]: profile = {}, ...others } = saved.profiles ?? {};
      const preferences = withoutSecrets(profile);
      const profiles = Object.keys(preferences).length > 0 ? { ...others, [name]: preferences } : others;
      const entries = [keychainEntry(name, profile), statePasswordEntry(name, profile)].filter(
        (each) => each !== undefined,
      );
      const removed = entries.map((entry) => ({ entry, secret: entry.read() }));
      try {
        for (const entry of entries) entry.remove();
        write({ ...saved, profiles });
      } catch (error) {
        for (const { entry, secret } of removed) if (secret !== undefined) entry.write(secret);
        throw error;
      }
    });
  }

  /** Makes a profile the current one. */
  async switchTo(name: string): Promise<void> {
    await this.#change((saved, write) => write({ ...saved, currentProfile: name }));
  }

  /** The content of the file, read once. Writing reads it again. */
  get #saved(): ProfilesContent {
    this.#known ??= this.#read().content;
    return this.#known;
  }

  #hasPlace(): boolean {
    try {
      this.requirePlace();
      return true;
    } catch {
      return false;
    }
  }

  /** Reads the file. `damaged` is its content if it isn't valid. */
  #read(): { readonly content: ProfilesContent; readonly damaged?: Buffer } {
    if (!this.#hasPlace()) return { content: {} };
    try {
      return { content: readProfiles(this.file) };
    } catch (error) {
      if (error instanceof DamagedFile && this.#replacesDamaged) return { content: {}, damaged: error.content };
      throw error;
    }
  }

  /**
   * Changes the saved profiles while no other process does.
   *
   * @param change - called with the saved content and a function that replaces it
   */
  async #change(change: (saved: ProfilesContent, write: (content: ProfilesContent) => void) => void): Promise<void> {
    this.#prepareFolder();
    const { withLock } = await import('../state/lock.ts');
    const { env, now, monotonic, pause, tell } = this.#world;
    await withLock({ folder: this.folder, name: fileName, env, patience, monotonic, pause }, async () => {
      this.#known = undefined;
      const { content, damaged } = this.#read();
      change(content, (next) => {
        const aside = this.#writing(() => {
          const kept = damaged && keepAside(this.file, damaged, 'damaged', new Date(now()));
          removeOldDrafts(this.file);
          replaceFile(this.file, `${JSON.stringify(next, undefined, 2)}\n`, { mode: 0o600 });
          return kept;
        });
        if (aside) tell(`${this.file} was damaged. It was kept as ${aside}, and a new file was created.`);
      });
    });
  }

  /** Removes a secret that is no longer used. If that fails, prints a note and continues. @param what - what it is, as a noun */
  #removeUnused(entry: KeychainEntry, what: string): void {
    try {
      entry.remove();
    } catch (error) {
      this.#world.tell(`The old ${what} is still in the system keychain: ${asClause(messageOf(error))}.`);
    }
  }

  /** Creates the directory. If it contains nothing else, makes it accessible only to its owner. */
  #prepareFolder(): void {
    this.#writing(() => {
      makeFolder(this.folder, this.#world.env);
      refuseOpenFolder(this.folder);
      const isOpen = process.platform !== 'win32' && (statSync(this.folder).mode & 0o077) !== 0;
      if (isOpen && readdirSync(this.folder).every((name) => name.startsWith(`${fileName}.`))) {
        chmodSync(this.folder, 0o700);
      }
    });
  }

  #writing<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      if (error instanceof CommandError) throw error;
      throw new CommandError('file_error', `Can't write ${this.file}: ${messageOf(error)}`, { cause: error });
    }
  }
}

function withProfile(name: string, profile: Profile, saved: ProfilesContent): ProfilesContent {
  if (name === '__proto__') throw usageError(`"${name}" can't be used as a profile name`, 'Choose another name.');
  return {
    ...saved,
    currentProfile: saved.currentProfile ?? name,
    profiles: { ...saved.profiles, [name]: profile },
  };
}

/** Writes a secret into the keychain, and then the file. If the file can't be written, the keychain gets its former secret again. */
function writeWithFile(entry: KeychainEntry, secret: string, writeFile: () => void): void {
  const overwritten = entry.read();
  entry.write(secret);
  try {
    writeFile();
  } catch (error) {
    if (overwritten === undefined) entry.remove();
    else entry.write(overwritten);
    throw error;
  }
}

/** Returns a profile without its state URL. */
function withoutStateUrl({ stateUrl: _url, stateKeychain: _keychain, ...others }: Profile): Profile {
  return others;
}

/** Returns a profile without its key, what belongs to the key, and the password of the state database. */
function withoutSecrets(profile: Profile): Profile {
  const { stateUrl } = profile;
  const others = withoutKey(profile);
  return stateUrl === undefined ? others : { ...others, stateUrl: splitPassword(stateUrl).url };
}

/** Returns a profile without its key and what belongs to the key. */
function withoutKey(profile: Profile): Profile {
  const { managementKey: _key, apiUrl: _apiUrl, keychain: _keychain, maskedKey: _maskedKey, ...preferences } = profile;
  return preferences;
}

/** Removes drafts of earlier versions. Only one process at a time replaces the file, so these are from killed processes. */
function removeOldDrafts(file: string): void {
  const target = realPathOf(file);
  const [folder, drafts] = [path.dirname(target), `${path.basename(target)}.draft-`];
  for (const name of namesIn(folder)) if (name.startsWith(drafts)) rmSync(path.join(folder, name));
}
