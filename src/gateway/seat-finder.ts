import { statSync } from 'node:fs';
import { factsOf } from '../account/stored-keys/facts.ts';
import { isMaskOf, keyStoreOf, type StoreContext, storedKeys, updateStoredKeys } from '../account/stored-keys/store.ts';
import { allSubscriptions, type PoolSubscription } from '../account/subscriptions.ts';
import type { Key } from '../api/keys.ts';
import type { Pool } from '../api/pools.ts';
import type { KeyStore } from '../config/stored-keys.ts';
import type { Context } from '../context/context.ts';
import { reservedHours, slotsAt } from '../domain/coverage.ts';
import { asClause, CommandError, type ErrorCode, usageError } from '../domain/errors.ts';
import { isConsumptionKey, isSandboxKey, masked } from '../domain/secrets.ts';
import { shellWord } from '../domain/shell-word.ts';
import { findStored, findStoredKey, problemOf, type StoredKey, storedKeysFor } from '../domain/stored-key.ts';
import { statsOf } from '../state/folder.ts';
import type { GatewayKey, GatewaySeat, ListedModel } from './seat.ts';

/** The parts of the context that reading the seats uses. */
export type SeatContext = StoreContext & Pick<Context, 'connections' | 'output'>;

/** Which seats to use. */
export interface SeatChoice {
  /** The slugs of pools; empty: all. */
  readonly pools: readonly string[];
  /** The names or IDs of stored keys; empty: all. */
  readonly keys: readonly string[];
}

/** A seat that can't be used, because the secret of its key isn't stored on this machine. */
export interface MissingKey {
  readonly subscriptionId: string;
  readonly pool: string;
  /** The command that creates or stores a key. */
  readonly command: string;
}

/** What was found on this machine and in the account. */
export interface FoundSeats {
  /** The keys of the account; undefined if they can't be read. */
  readonly keys: readonly Key[] | undefined;
  readonly seats: readonly GatewaySeat[];
  readonly missing: readonly MissingKey[];
  /** Stored keys that can't be used, and why: sentences. */
  readonly problems: readonly string[];
}

interface FindOptions {
  readonly mayListModels: (id: string) => boolean;
  readonly isFirst: boolean;
}

/** Errors that a retry may resolve. */
const transientErrors: readonly string[] = [
  'unreachable',
  'timeout',
  'server_error',
  'rate_limited',
] satisfies ErrorCode[];

function isTransient(error: unknown): error is CommandError {
  return error instanceof CommandError && transientErrors.includes(error.code);
}

/** The key that pays with prepaid credit. */
export interface CreditKey extends GatewayKey {
  /** In USD; null without one, and undefined if the account doesn't say. */
  readonly budget: number | null | undefined;
}

/** What was read of the account; undefined without a management key. */
interface Account {
  readonly keys: readonly Key[];
  readonly subscriptions: readonly PoolSubscription[];
  readonly pools: readonly Pool[];
}

/** A key that can be used, with its secret. */
interface UsableKey extends StoredKey {
  readonly secret: string;
}

/** A key of a seat. */
interface SeatKey {
  readonly key: UsableKey;
  /** Undefined if it isn't known. */
  readonly subscription: PoolSubscription | undefined;
}

/** Finds the seats of the account whose keys are stored on this machine. */
export class SeatFinder {
  readonly #context: SeatContext;
  readonly #choice: SeatChoice;
  /** The models that keys list, by their subscription, so that they stay when a key is replaced. Without one, by the version of the seat. */
  readonly #listed = new Map<string, readonly ListedModel[]>();
  /** The type of each key that the account doesn't name, by its secret. */
  readonly #types = new Map<string, string>();
  /** The ID of the seat of each key, by its secret, so that it stays the same when more becomes known. */
  readonly #ids = new Map<string, string>();

  /** The file of the stored keys when it was read. */
  #store: { readonly file: string; readonly version: string } | undefined;

  constructor(context: SeatContext, choice: SeatChoice) {
    this.#context = context;
    this.#choice = choice;
  }

  /** Whether a key was stored or removed since {@link find} was called. */
  get hasStoreChanged(): boolean {
    return this.#store !== undefined && fileVersion(this.#store.file) !== this.#store.version;
  }

  /**
   * Reads the account and the stored keys.
   *
   * @param mayListModels - returns whether a seat may be asked for its models, because it can't be answering a request
   * @param isFirst - uses what is known of the stored keys if the API can't be reached
   * @throws CommandError of the API or of the store
   */
  async find({ mayListModels, isFirst }: FindOptions): Promise<FoundSeats> {
    const store = await keyStoreOf(this.#context);
    this.#store = { file: store.file, version: fileVersion(store.file) };
    const problems: string[] = [];
    const account = await this.#readAccount().catch((error: unknown) => {
      if (!isFirst || !isTransient(error)) throw error;
      problems.push(`Can't read the account: ${asClause(error.message)}. Using what is known of the stored keys.`);
      return undefined;
    });
    const usable = this.#chosen(this.#usableKeys(store, { account, problems }), isFirst);
    const working: SeatKey[] = [];
    const now = await this.#context.connections.now();
    for (const key of usable) {
      const problem = problemOf(key, now);
      if (problem && problem.kind !== 'outside hours') continue;
      if (!(await this.#isSeat(key, problems))) continue;
      const subscription = account?.subscriptions.find(({ id }) => id === key.subscriptionId);
      if (!subscription || subscription.status === 'active') working.push({ key, subscription });
    }
    const chosen = newestOfEachSeat(working);
    this.#identify(chosen);
    const seats: GatewaySeat[] = [];
    for (const each of chosen) seats.push(await this.#seat(each, { account, mayListModels, chosen, usable }));
    return { keys: account?.keys, seats, missing: account ? this.#missingKeys(account, usable) : [], problems };
  }

  /** Gives each key the ID of a seat. A key that replaces another one gets its ID, so that a running request stays that of the seat. */
  #identify(keys: readonly SeatKey[]): void {
    const taken = new Set<string>();
    const others = keys.filter(({ key }) => {
      const id = this.#ids.get(key.secret);
      if (id === undefined || taken.has(id)) return true;
      taken.add(id);
      return false;
    });
    for (const { key } of others) {
      const id = newId(key, taken);
      taken.add(id);
      this.#ids.set(key.secret, id);
    }
  }

  /**
   * Returns the key that pays with prepaid credit.
   *
   * @param name - its name or ID; undefined: the only one
   * @param known - the keys of the account; undefined if they weren't just read
   * @throws CommandError (not_found), (usage)
   */
  async creditKey(name: string | undefined, known?: readonly Key[]): Promise<CreditKey> {
    const store = await keyStoreOf(this.#context);
    const keys = known ?? (await this.#readKeys());
    const stored = store.list();
    const key = name === undefined ? onlyCreditKey(stored) : findStoredKey(stored, name);
    if (key.keyType !== undefined && !/credit/i.test(key.keyType)) {
      throw usageError(
        `Key "${key.name ?? key.id}" belongs to a subscription, and doesn't use prepaid credit`,
        'Pass a credit key with --credit-key. Create one with `ci keys create NAME --credit --max-budget 5 --store`.',
      );
    }
    if (key.isActive === false) {
      throw usageError(`Key "${nameOf(key)}" is revoked`, 'Pass another one with --credit-key.');
    }
    const listed = keys?.find(({ id }) => id === key.id);
    return { name: nameOf(key), secret: store.secretOf(key), budget: listed && (listed.maxBudget ?? null) };
  }

  async #readAccount(): Promise<Account | undefined> {
    const api = await this.#context.connections.api();
    if (api.client.managementKey === undefined) return undefined;
    const stored = await storedKeys(this.#context);
    const [keys, pools, status] = [await api.keys.list(), await api.pools.list(), await api.billing.status()];
    const account = { keys, pools, subscriptions: await allSubscriptions(api, status) };
    await updateStoredKeys(this.#context, account, stored);
    return account;
  }

  /** Returns the keys of the account; undefined without a management key, or if the API can't be reached. */
  async #readKeys(): Promise<readonly Key[] | undefined> {
    const api = await this.#context.connections.api();
    if (api.client.managementKey === undefined) return undefined;
    try {
      const stored = await storedKeys(this.#context);
      const keys = await api.keys.list();
      await updateStoredKeys(this.#context, { keys }, stored);
      return keys;
    } catch (error) {
      if (!isTransient(error)) throw error;
      return undefined;
    }
  }

  /** Returns the stored keys and the one of the environment, with their secrets. */
  #usableKeys(
    store: KeyStore,
    { account, problems }: { readonly account: Account | undefined; readonly problems: string[] },
  ): UsableKey[] {
    const usable: UsableKey[] = [];
    for (const key of store.list()) {
      try {
        usable.push({ ...key, secret: store.secretOf(key) });
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        problems.push(`Can't read the secret of key "${nameOf(key)}": ${asClause(error.message)}.`);
      }
    }
    const secret = this.#environmentKey();
    if (secret !== undefined && !usable.some((key) => key.secret === secret)) {
      // It may be older than the stored ones.
      usable.unshift({ ...knownKey(secret, account), secret });
    }
    return usable;
  }

  /** Returns the key in the environment, if it is one of the API in use. An explicit `--profile` takes precedence. */
  #environmentKey(): string | undefined {
    const { settings, world } = this.#context;
    const secret = world.env.CHEAPESTINFERENCE_API_KEY;
    if (!secret || !isConsumptionKey(secret) || settings.profile.origin === '--profile') return undefined;
    return isSandboxKey(secret) === (settings.sandbox.value === true) ? secret : undefined;
  }

  /** @throws CommandError (not_found), (usage) for a name that isn't stored */
  #chosen(keys: readonly UsableKey[], isFirst: boolean): readonly UsableKey[] {
    const { keys: names, pools } = this.#choice;
    const named =
      names.length === 0
        ? keys
        : names.flatMap((name) => (isFirst ? findStoredKey(keys, name) : (findStored(keys, name) ?? [])));
    const fits = isFirst
      ? pools.flatMap((pool) => storedKeysFor(keys, { pool }))
      : keys.filter(({ poolSlug }) => poolSlug !== undefined && pools.includes(poolSlug));
    return pools.length === 0 ? named : named.filter((key) => fits.includes(key));
  }

  /** Returns whether a key belongs to a subscription. Asks the API if that isn't known, because a credit key costs. */
  async #isSeat(key: UsableKey, problems: string[]): Promise<boolean> {
    const known = key.keyType ?? (key.subscriptionId === undefined ? undefined : 'subscription');
    const type = known ?? this.#types.get(key.secret);
    if (type !== undefined) return isSubscription(type);
    try {
      const { usage } = await this.#context.connections.withApiKey(key.secret);
      const asked = (await usage.self()).key?.type;
      if (asked !== undefined && asked !== null) {
        this.#types.set(key.secret, asked);
        return isSubscription(asked);
      }
      problems.push(`Key "${nameOf(key)}" isn't used, because the API doesn't say whether it uses prepaid credit.`);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      const why = asClause(error.message);
      problems.push(`Key "${nameOf(key)}" isn't used, because its type can't be read: ${why}.`);
    }
    return false;
  }

  async #seat(
    { key, subscription }: SeatKey,
    {
      account,
      mayListModels,
      chosen,
      usable,
    }: Pick<FindOptions, 'mayListModels'> & {
      readonly account: Account | undefined;
      /** The keys that become seats. */
      readonly chosen: readonly SeatKey[];
      /** All keys, which commands find by their names. */
      readonly usable: readonly UsableKey[];
    },
  ): Promise<GatewaySeat> {
    const id = this.#ids.get(key.secret) ?? key.maskedKey;
    const isNamesake = (other: UsableKey) => other !== key && nameOf(other) === nameOf(key);
    const isShownTwice = chosen.some((other) => isNamesake(other.key));
    const pool = account?.pools.find(({ slug, id: poolId }) => [slug, poolId].includes(key.poolSlug));
    const hours = subscription ? reservedHours(subscription) : key.subscription?.hours;
    const version = await versionOf(key);
    const source = key.subscriptionId ?? version;
    if (!this.#listed.has(source) && mayListModels(id)) await this.#list(key, source);
    const catalog = pool ? [pool.modelId, ...(pool.models ?? [])].flatMap((each) => each ?? []) : [];
    const listed = this.#listed.get(source) ?? [...new Set(catalog)].map(modelEntry);
    return {
      id,
      name: isShownTwice && key.id !== undefined ? `${nameOf(key)} (${key.id.slice(0, 8)})` : nameOf(key),
      key: usable.some(isNamesake) ? (key.id ?? nameOf(key)) : nameOf(key),
      secret: key.secret,
      pool: key.poolSlug,
      subscriptionId: key.subscriptionId,
      hours: hours && hours.length > 0 ? hours : undefined,
      listed,
      models: listed.length > 0 ? new Set(listed.map((model) => model.id)) : undefined,
      version,
    };
  }

  async #list(key: UsableKey, source: string): Promise<void> {
    try {
      const { inference } = await this.#context.connections.withApiKey(key.secret);
      const { data } = await inference.models();
      if (data.length > 0) this.#listed.set(source, data);
    } catch (error) {
      // It may not answer outside its hours. Then the pool says what it offers.
      if (!(error instanceof CommandError)) throw error;
    }
  }

  #missingKeys({ keys, subscriptions }: Account, usable: readonly UsableKey[]): MissingKey[] {
    const { pools } = this.#choice;
    return subscriptions.flatMap((subscription): MissingKey[] => {
      const { id, poolSlug, status } = subscription;
      const isChosen = this.#choice.keys.length === 0 && (pools.length === 0 || pools.includes(poolSlug));
      if (!isChosen || status !== 'active' || usable.some(({ subscriptionId }) => subscriptionId === id)) return [];
      const key = keys.find(({ subscriptionId, isActive }) => subscriptionId === id && isActive !== false);
      const command = key?.name
        ? `ci keys secret ${shellWord(key.name)} --add`
        : `ci keys create NAME --subscription ${id} --store`;
      return [{ subscriptionId: id, pool: poolSlug, command }];
    });
  }
}

/** Returns whether the type of a key says that it doesn't cost: that of a subscription or a pool. */
function isSubscription(type: string): boolean {
  return /subscription|pool/i.test(type);
}

/** Returns an ID for the seat of a key. @param taken - those of other seats */
function newId({ subscriptionId, id, name, maskedKey }: UsableKey, taken: ReadonlySet<string>): string {
  if (subscriptionId === undefined) return id ?? name ?? maskedKey;
  for (let number = 1; ; number++) if (!taken.has(`${subscriptionId}/${number}`)) return `${subscriptionId}/${number}`;
}

/** Returns as many keys of each subscription as it has seats: those that were stored last, because a rotation revokes the others. */
function newestOfEachSeat(keys: readonly SeatKey[]): readonly SeatKey[] {
  return keys.filter(({ key: { subscriptionId }, subscription }, index) => {
    if (subscriptionId === undefined) return true;
    // Keys of one seat share its limit of one request at a time.
    const later = keys.slice(index + 1).filter(({ key }) => key.subscriptionId === subscriptionId);
    return later.length < seatCount(subscription);
  });
}

/** Returns how many seats a subscription has: one, unless it lists several slots for an hour. */
function seatCount(subscription: PoolSubscription | undefined): number {
  const hours = subscription ? reservedHours(subscription) : [];
  return Math.max(1, ...hours.map((hour) => slotsAt(subscription ?? {}, hour)));
}

/** Returns what the account says about a key that isn't stored. It lists keys with their last characters only. */
function knownKey(secret: string, account: Account | undefined): StoredKey {
  const maskedKey = masked(secret);
  const [key, other] = account?.keys.filter(({ apiKey }) => isMaskOf({ maskedKey }, apiKey)) ?? [];
  if (!account || !key || other) return { maskedKey };
  const known = { maskedKey, id: key.id, name: key.name ?? undefined };
  return { ...known, ...factsOf(account)(known) };
}

function onlyCreditKey(stored: readonly StoredKey[]): StoredKey {
  const [only, second] = stored.filter(({ keyType, isActive }) => keyType === 'credit' && isActive !== false);
  if (only && !second) return only;
  if (only) throw usageError('Several credit keys are stored on this machine', 'Pass one with --credit-key.');
  throw new CommandError('not_found', 'No credit key is stored on this machine', {
    hint: 'Create one with `ci keys create NAME --credit --max-budget 5 --store`.',
  });
}

function nameOf({ name, id, maskedKey }: StoredKey): string {
  return name ?? id ?? maskedKey;
}

/** Returns what changes with each write of a file that is replaced as a whole. */
function fileVersion(file: string): string {
  const { ino, mtimeMs, size } = statsOf(file, statSync) ?? {};
  return [ino, mtimeMs, size].join();
}

/** Returns what changes with the secret of a key, without revealing it. */
async function versionOf({ id, secret }: UsableKey): Promise<string> {
  const { createHash } = await import('node:crypto');
  return createHash('sha256').update(`${id} ${secret}`).digest('hex');
}

/** Returns a model as the API would list it. */
function modelEntry(id: string): ListedModel {
  return { id, object: 'model', owned_by: 'cheapestinference' };
}
