import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../domain/environment.ts';
import { CommandError, codeOf, messageOf } from '../domain/errors.ts';
import { hasValidMembers, isObject } from '../domain/json.ts';
import { masked } from '../domain/secrets.ts';
import { shellWord } from '../domain/shell-word.ts';
import type { StoredKey, StoredSubscription } from '../domain/stored-key.ts';
import { makeFolder } from '../state/folder.ts';
import { checkReplaceable, replaceFile } from '../state/replace-file.ts';
import { KeychainEntry } from './keychain.ts';
import { refuseOpenFile, refuseOpenFolder } from './permissions.ts';

/** The name of the lock for changing the file. */
const lockName = 'secrets';
/** How long to wait for another process that is writing the file, in milliseconds. Writing takes a few. */
const patience = 30_000;
/** More than an entry takes, in bytes. */
const entrySize = 2048;

/** The account whose keys are stored: that of a profile at an API, or the sandbox's. */
export type KeyAccount =
  | { readonly sandbox: true }
  | {
      readonly sandbox?: undefined;
      readonly profile: string;
      /** The origin of the API. Its keys are sent to no other. */
      readonly apiUrl: string;
    };

/** A key to store. */
export interface KeyToStore extends Omit<StoredKey, 'maskedKey'> {
  readonly secret: string;
}

/** A stored key as in the file: with its account, and its secret unless that is in the keychain. */
interface StoredEntry extends StoredKey {
  readonly sandbox?: true | undefined;
  readonly profile?: string | undefined;
  readonly apiUrl?: string | undefined;
  readonly secret?: string | undefined;
  readonly keychain?: true | undefined;
}

/** What is known of a key besides its secret; a member that is absent stays as it is. */
export type KeyFacts = Partial<
  Pick<StoredKey, 'isActive' | 'keyType' | 'poolSlug' | 'subscriptionId' | 'subscription'>
>;

/** The clocks and the environment that changing the store uses. */
interface StoreWorld {
  /** The environment, which names the home directory. */
  readonly env: Environment;
  /** Returns milliseconds on a clock that can't be set. */
  readonly monotonic: () => number;
  /** Waits; may throw to stop waiting. */
  readonly pause: (milliseconds: number) => Promise<void>;
}

/** Reads the stored keys of one account. Keys of all accounts are in one file, which only its owner can read. */
export class StoredKeys {
  readonly file: string;
  protected readonly account: KeyAccount;

  /** @param folder - the config directory */
  constructor(folder: string, account: KeyAccount) {
    this.file = path.join(folder, 'secrets.json');
    this.account = account;
  }

  /**
   * Returns the keys of the account, in the order in which they were stored.
   *
   * @throws CommandError (file_error) if the file can't be read, is damaged, or if other users can read it
   */
  list(): readonly StoredKey[] {
    return this.entries().filter((entry) => this.isMine(entry));
  }

  /**
   * Returns the secret of a key that {@link list} returned.
   *
   * @throws CommandError (keychain_error); (not_found) if the keychain no longer has it
   */
  secretOf(key: StoredKey): string {
    const entry = this.entries().find((each) => this.isMine(each) && isSameKey(each, key));
    const secret = entry?.secret ?? (entry?.keychain ? this.keychainEntry(entry).read() : undefined);
    if (secret !== undefined) return secret;
    throw new CommandError('not_found', `The secret of key "${key.name ?? key.id}" is no longer in the keychain`, {
      hint: 'Create another key with `ci keys create NAME --store`.',
    });
  }

  protected entries(): readonly StoredEntry[] {
    let text: string;
    try {
      text = readFileSync(this.file, 'utf8');
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return [];
      throw new CommandError('file_error', `Can't read ${this.file}: ${messageOf(error)}`, { cause: error });
    }
    refuseOpenFile(this.file, { holdsSecret: true });
    const keys = keysIn(text);
    if (keys) return keys;
    throw new CommandError('file_error', `${this.file} is damaged, and was left unchanged`, {
      hint: `Repair it, or move it away: \`mv ${shellWord(this.file)} ${shellWord(`${this.file}.old`)}\`.`,
    });
  }

  protected isMine({ sandbox, profile, apiUrl }: StoredEntry): boolean {
    const { account } = this;
    return account.sandbox ? sandbox === true : profile === account.profile && apiUrl === account.apiUrl;
  }

  protected keychainEntry({ id, name }: Pick<StoredKey, 'id' | 'name'>): KeychainEntry {
    const { account } = this;
    if (account.sandbox) throw new CommandError('internal', 'keys of the sandbox are not in the keychain');
    return KeychainEntry.ofApiKey(account.profile, account.apiUrl, id ?? name ?? '');
  }
}

/** Also changes the stored keys: replaces the file as a whole, one process at a time. */
export class KeyStore extends StoredKeys {
  readonly #folder: string;
  readonly #world: StoreWorld;
  /** Whether new secrets go to the system keychain. */
  readonly usesKeychain: boolean;

  constructor(
    folder: string,
    account: KeyAccount,
    { usesKeychain, ...world }: StoreWorld & { readonly usesKeychain: boolean },
  ) {
    super(folder, account);
    this.#folder = folder;
    this.#world = world;
    this.usesKeychain = usesKeychain && !account.sandbox;
  }

  /**
   * Checks that some keys can be stored.
   *
   * @throws CommandError (file_error), (keychain_error)
   */
  requirePlace(count: number): void {
    if (this.usesKeychain) this.keychainEntry({ name: 'test' }).read();
    const entries = this.entries();
    const hint =
      'Nothing was sent. Free up disk space, or set CHEAPESTINFERENCE_CONFIG_DIR to a directory that you can write to.';
    this.#writing(() => {
      refuseOpenFolder(this.#folder);
      checkReplaceable(this.file, Buffer.byteLength(textOf(entries)) + count * entrySize);
    }, hint);
  }

  /**
   * Stores keys. A key with the same ID, or the same name if it has no ID, is replaced.
   *
   * @param others - other stored keys to remove in the same step
   * @throws as {@link requirePlace}
   */
  async add(keys: readonly KeyToStore[], others: readonly StoredKey[] = []): Promise<void> {
    await this.#replace((entries) => {
      const added = keys.map((key) => this.#entryOf(key));
      const isReplaced = (entry: StoredEntry) => [...added, ...others].some((key) => isSameKey(entry, key));
      const replaced = entries.filter((each) => this.isMine(each) && isReplaced(each));
      return { added, removed: replaced };
    }, keys);
  }

  /** Removes keys. @throws CommandError (file_error), (keychain_error); the keys are then still stored */
  async remove(keys: readonly StoredKey[]): Promise<void> {
    if (keys.length === 0) return;
    await this.#replace((entries) => ({
      added: [],
      removed: entries.filter((each) => this.isMine(each) && keys.some((key) => isSameKey(each, key))),
    }));
  }

  /** Replaces entries, and their secrets in the keychain. If that fails, the keychain gets its former secrets again. */
  async #replace(
    change: (entries: readonly StoredEntry[]) => {
      readonly added: readonly StoredEntry[];
      readonly removed: readonly StoredEntry[];
    },
    secrets: readonly KeyToStore[] = [],
  ): Promise<void> {
    const undo: (() => void)[] = [];
    const changeKeychain = (entry: StoredEntry, secret: string | undefined) => {
      if (!entry.keychain) return;
      const place = this.keychainEntry(entry);
      const before = place.read();
      undo.unshift(() => (before === undefined ? place.remove() : place.write(before)));
      if (secret === undefined) place.remove();
      else place.write(secret);
    };
    try {
      await this.#change((entries) => {
        const { added, removed } = change(entries);
        for (const entry of removed) changeKeychain(entry, undefined);
        for (const entry of added) changeKeychain(entry, secrets.find((key) => isSameKey(entry, key))?.secret);
        return [...entries.filter((each) => !removed.includes(each)), ...added];
      });
    } catch (error) {
      for (const step of undo) step();
      throw error;
    }
  }

  /**
   * Updates what is known of the keys, unless that is known already.
   *
   * @param factsOf - returns what is known of a key; undefined: nothing new
   * @throws CommandError (file_error)
   */
  async update(factsOf: (key: StoredKey) => KeyFacts | undefined): Promise<void> {
    const updated = (entry: StoredEntry): StoredEntry => {
      const facts = this.isMine(entry) ? factsOf(entry) : undefined;
      const subscription = facts?.subscription && { ...entry.subscription, ...known(facts.subscription) };
      return facts ? { ...entry, ...known(facts), ...(subscription ? { subscription } : {}) } : entry;
    };
    const before = this.entries();
    if (textOf(before.map(updated)) !== textOf(before)) await this.#change((entries) => entries.map(updated));
  }

  #entryOf({ secret, ...facts }: KeyToStore): StoredEntry {
    const key = { ...this.account, ...facts, maskedKey: masked(secret) };
    return this.usesKeychain ? { ...key, keychain: true } : { ...key, secret };
  }

  async #change(change: (entries: readonly StoredEntry[]) => readonly StoredEntry[]): Promise<void> {
    this.#writing(() => {
      makeFolder(this.#folder, this.#world.env);
      refuseOpenFolder(this.#folder);
    });
    const { withLock } = await import('../state/lock.ts');
    await withLock({ ...this.#world, folder: this.#folder, name: lockName, patience }, async () => {
      const after = change(this.entries());
      this.#writing(() => replaceFile(this.file, textOf(after), { mode: 0o600 }));
    });
  }

  #writing<Result>(work: () => Result, hint?: string): Result {
    try {
      return work();
    } catch (error) {
      if (error instanceof CommandError) throw error;
      throw new CommandError('file_error', `Can't write ${this.file}: ${messageOf(error)}`, { hint, cause: error });
    }
  }
}

/** Returns whether two entries are for the same key: they have the same ID, or neither has one and they have the same name. */
function isSameKey(one: Pick<StoredKey, 'id' | 'name'>, other: Pick<StoredKey, 'id' | 'name'>): boolean {
  return one.id === other.id && (one.id !== undefined || one.name === other.name);
}

/** Returns the members that are present. */
function known<Facts extends object>(facts: Facts): Partial<Facts> {
  const present: Partial<Facts> = { ...facts };
  for (const name in present) if (present[name] === undefined) delete present[name];
  return present;
}

function textOf(keys: readonly StoredEntry[]): string {
  return `${JSON.stringify({ keys }, undefined, 2)}\n`;
}

/** Parses the file. Every `ci run` starts with this, so it is validated without a library. */
function keysIn(text: string): readonly StoredEntry[] | undefined {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(content) || !Array.isArray(content.keys)) return undefined;
  const { keys } = content;
  return keys.every(isEntry) ? keys : undefined;
}

type Check = (value: unknown) => boolean;
const isText: Check = (value) => typeof value === 'string';
const isFlag: Check = (value) => typeof value === 'boolean';
const isTrue: Check = (value) => value === true;

const subscriptionMembers: Readonly<Record<keyof StoredSubscription, Check>> = {
  status: isText,
  cancelAtPeriodEnd: isFlag,
  currentPeriodEnd: isText,
  hours: (value) => Array.isArray(value) && value.every((hour) => Number.isInteger(hour)),
};

const entryMembers: Readonly<Record<keyof StoredEntry, Check>> = {
  sandbox: isTrue,
  profile: isText,
  apiUrl: isText,
  id: isText,
  name: isText,
  maskedKey: isText,
  secret: isText,
  keychain: isTrue,
  keyType: isText,
  isActive: isFlag,
  subscriptionId: isText,
  poolSlug: isText,
  subscription: (value) => isObject(value) && hasValidMembers(value, subscriptionMembers),
};

function isEntry(value: unknown): value is StoredEntry {
  return isObject(value) && isText(value.maskedKey) && hasValidMembers(value, entryMembers);
}
