import { chmodSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../domain/environment.ts';
import { CommandError, messageOf, usageError } from '../domain/errors.ts';
import { masked } from '../domain/secrets.ts';
import { makeFolder, namesIn, realPathOf } from '../state/folder.ts';
import { keepAside, replaceFile } from '../state/replace-file.ts';
import { KeychainEntry, keychainEntry } from './keychain.ts';
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
/** How long to wait for another process that writes the file, in milliseconds: it takes a few. */
const patience = 30_000;

/** What the saved profiles need of the world. */
interface ProfilesWorld {
  /** The environment, which says where the home folder is. */
  readonly env: Environment;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds on a clock that nobody sets. */
  readonly monotonic: () => number;
  /** Waits, milliseconds; may throw to end the waiting. */
  readonly pause: (milliseconds: number) => Promise<void>;
  /** Says something to the user. */
  readonly tell: (message: string) => void;
}

/** The saved profiles, in one file that only its owner can read. It is written whole, by one process at a time. */
export class Profiles implements SavedProfiles {
  readonly #folder: () => string;
  readonly #world: ProfilesWorld;
  #known: ProfilesContent | undefined;
  #replacesDamaged = false;

  /** @param folder - where they are; a function that throws, where there is no place for them */
  constructor(folder: () => string, world: ProfilesWorld) {
    this.#folder = folder;
    this.#world = world;
  }

  /** @throws CommandError (file_error) where there is no home folder */
  get folder(): string {
    return this.#folder();
  }

  get file(): string {
    return profilesFile(this.folder);
  }

  /** The profile in use when none is named, once one was saved. */
  get current(): string | undefined {
    return profilesIn(this.#saved).current;
  }

  get(name: string): Profile | undefined {
    return profilesIn(this.#saved).get(name);
  }

  /** Refuses to go on where there is no place for profiles; a command that is given a key needs none. @throws CommandError (file_error) */
  requirePlace(): void {
    this.#folder();
  }

  /** @throws CommandError (file_error) where there is no place for profiles */
  names(): string[] {
    this.requirePlace();
    return profilesIn(this.#saved).names();
  }

  /**
   * Refuses to go by the file where others could have written what is in it, or have read the key in it.
   *
   * @param holdsKey - whether a key that is in the file is about to be used
   * @throws CommandError (file_error) with the command that mends it
   */
  requirePrivate(holdsKey: boolean): void {
    refuseOpenFile(this.file, { holdsSecret: holdsKey });
  }

  /** Refuses to go on where the system's keychain cannot keep a key. @throws CommandError (keychain_error) */
  requireKeychain(name: string, apiUrl: string): void {
    new KeychainEntry(name, apiUrl).read();
  }

  /** From now on a damaged file is taken for an empty one: the next change keeps it under another name and begins a new one. */
  replaceDamaged(): void {
    this.#replacesDamaged = true;
  }

  /**
   * Saves a profile; the first one becomes the current one.
   *
   * @param change - the profile, or what it becomes of what is saved at that moment
   * @throws CommandError (usage) for a name that none can have
   */
  async save(name: string, change: Profile | ((before: Profile) => Profile)): Promise<void> {
    await this.#change((saved, write) => {
      const profile = typeof change === 'function' ? change(profilesIn(saved).get(name) ?? {}) : change;
      write(withProfile(name, profile, saved));
    });
  }

  /**
   * Saves a key, in the file or in the system's keychain; from the other place an earlier key of the profile is gone then.
   *
   * @returns the key that was replaced, masked
   * @throws CommandError (keychain_error), (file_error); what was saved before is then saved still
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
      const left = keychainEntry(name, before);
      const entry = inKeychain ? new KeychainEntry(name, apiUrl) : undefined;
      const after = { ...withoutKey(before), apiUrl };
      if (!entry) write(withProfile(name, { ...after, managementKey }, saved));
      else {
        const overwritten = entry.read();
        entry.write(managementKey);
        try {
          write(withProfile(name, { ...after, keychain: true, maskedKey: masked(managementKey) }, saved));
        } catch (error) {
          if (overwritten === undefined) entry.remove();
          else entry.write(overwritten);
          throw error;
        }
      }
      if (left && (!entry || left.differs(entry))) this.#removeLeft(left);
    });
    return replaced;
  }

  /**
   * Forgets a profile's key; what else it prefers stays. The profile stays the one in use: signing out of one account
   * must not make the next command speak for another.
   *
   * @throws CommandError (keychain_error) when the key is in a keychain that cannot be opened, (file_error); nothing is
   * forgotten then
   */
  async removeKey(name: string): Promise<void> {
    await this.#change((saved, write) => {
      const { [name]: profile = {}, ...others } = saved.profiles ?? {};
      const preferences = withoutKey(profile);
      const profiles = Object.keys(preferences).length > 0 ? { ...others, [name]: preferences } : others;
      const entry = keychainEntry(name, profile);
      const removed = entry?.read();
      entry?.remove();
      try {
        write({ ...saved, profiles });
      } catch (error) {
        if (removed !== undefined) entry?.write(removed);
        throw error;
      }
    });
  }

  /** Makes a profile the one in use when none is named. */
  async switchTo(name: string): Promise<void> {
    await this.#change((saved, write) => write({ ...saved, currentProfile: name }));
  }

  /** What the file holds, read once: whoever writes reads it anew. */
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

  /** Reads the file; with `damaged`, what it holds that is no profiles. */
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
   * Changes what is saved, while no other process does.
   *
   * @param change - is given what is saved at that moment, and writes what is to be
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
        if (aside) tell(`${this.file} was damaged: it is kept as ${aside}, and a new one is begun.`);
      });
    });
  }

  /** Removes a key that is used no more; that it stays is no reason to fail. */
  #removeLeft(entry: KeychainEntry): void {
    try {
      entry.remove();
    } catch (error) {
      this.#world.tell(`The key that was in the system's keychain is there still: ${messageOf(error)}.`);
    }
  }

  /** Makes the folder; one that others can look into is closed to them when nothing else is in it. */
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
      throw new CommandError('file_error', `${this.file} cannot be written: ${messageOf(error)}`, { cause: error });
    }
  }
}

function withProfile(name: string, profile: Profile, saved: ProfilesContent): ProfilesContent {
  if (name === '__proto__') throw usageError(`"${name}" cannot name a profile`);
  return {
    ...saved,
    currentProfile: saved.currentProfile ?? name,
    profiles: { ...saved.profiles, [name]: profile },
  };
}

/** What a profile holds besides a key and what belongs to it. */
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
