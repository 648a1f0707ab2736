import { Option } from 'commander';
import { keysOlderThan } from '../../account/keys/age.ts';
import { lastUseInWords, statesLastUse } from '../../account/keys/last-use.ts';
import { isMaskOf, type StoreContext, storedKeys, updateStoredKeys } from '../../account/stored-keys/store.ts';
import type { Key } from '../../api/keys.ts';
import type { KeyUsage } from '../../api/usage.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { parseDuration } from '../../domain/duration.ts';
import { masked } from '../../domain/secrets.ts';
import type { StoredKey } from '../../domain/stored-key.ts';
import type { Column } from '../../output/output.ts';
import { ageInWords } from '../../output/time.ts';

export const fields = [
  'id',
  'name',
  'apiKey',
  'keyPlan',
  'keyType',
  'isActive',
  'subscriptionId',
  'subscriptionStatus',
  'subscriptionExpiresAt',
  'maxBudget',
  'rpm',
  'tpm',
  'createdAt',
  'lastUsedAt',
  'stored',
] as const;

/** Which keys `ci keys list` lists. */
export interface Options {
  /** Only those that were created longer ago, in milliseconds. */
  readonly olderThan?: number;
  /** Only those that certainly weren't used for this long, in milliseconds. */
  readonly unusedFor?: number;
}

/** `ci keys list`: lists the API keys, with masked secrets. */
export default function list(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      examples: [
        'ci keys list',
        'ci keys list | cut -f1',
        "ci keys list --json | jq -r '.[] | select(.isActive) | .name'",
        "ci keys list --unused-for 30d --json | jq -r '.[].id'",
      ],
    })
    .addOption(
      new Option('--older-than <duration>', 'Only keys created longer ago than this, such as 90d').argParser(
        (text: string) => parseDuration(text, '--older-than'),
      ),
    )
    .addOption(
      new Option('--unused-for <duration>', "Only keys that haven't been used for this long, such as 30d").argParser(
        (text: string) => parseDuration(text, '--unused-for'),
      ),
    )
    .action((options: Options) => execute(options, context));
}

/** A key, and whether its secret is stored on this machine. */
type ListedKey = Key & { readonly stored: boolean };

type ListContext = StoreContext & Pick<Context, 'api' | 'connections' | 'output'>;

/** Prints the API keys, with masked secrets. */
export async function run(options: Options, context: ListContext): Promise<void> {
  const { keys } = await context.api();
  const stored = await storedKeys(context);
  const all = await keys.list();
  await updateStoredKeys(context, { keys: all }, stored);
  const isStored = storedTest(stored);
  const now = await context.connections.now();
  const found = (await chosen(context, all, options, now)).map(
    (key): ListedKey => ({
      ...key,
      ...(key.apiKey ? { apiKey: masked(key.apiKey) } : {}),
      stored: isStored(key),
    }),
  );
  const poolOf = await poolNames(context, found);
  const usage = context.output.isForPeople ? await knownUsage(context, found) : undefined;
  const pool: Column<ListedKey> = { field: 'poolSlug', header: 'POOL', value: poolOf, optional: 5 };
  const columns: Column<ListedKey>[] = [
    { field: 'id', header: 'ID', hasIds: true, value: ({ id }) => id },
    { field: 'name', header: 'NAME', value: ({ name }) => name },
    // In a pipe it comes last, so that the other columns stay where scripts expect them.
    ...(context.output.isForPeople ? [pool] : []),
    { field: 'keyType', header: 'TYPE', value: ({ keyType }) => keyType, optional: 3 },
    {
      field: 'isActive',
      header: 'STATUS',
      value: ({ isActive }) => isActive,
      show: ({ isActive }, style) => (isActive == null ? '' : isActive ? style.good('active') : style.bad('inactive')),
    },
    { field: 'apiKey', header: 'KEY', value: ({ apiKey }) => apiKey, optional: 6 },
    {
      field: 'createdAt',
      header: 'AGE',
      optional: 2,
      value: ({ createdAt }) => createdAt,
      show: ({ createdAt }, style) => ageInWords(createdAt, now) || style.dim('unknown'),
    },
    {
      field: 'lastUsedAt',
      header: 'LAST USED',
      optional: 1,
      value: ({ lastUsedAt }) => lastUsedAt,
      show: (key, style) => {
        const words = lastUseInWords(key, now, usage?.get(key.id));
        return key.lastUsedAt ? words : style.dim(words);
      },
    },
    ...(context.output.isForPeople ? [] : [pool]),
    {
      field: 'stored',
      header: 'STORED',
      optional: 4,
      value: (key) => key.stored,
      show: (key) => (key.stored ? 'here' : ''),
    },
  ];
  const isFiltered = options.olderThan !== undefined || options.unusedFor !== undefined;
  const empty =
    isFiltered && all.length > 0 ? 'No matching keys.' : 'No keys. Run `ci keys create NAME` to create one.';
  await context.output.list(found, { columns, fields, empty });
}

/** Returns the keys that the options choose. Notes how many can't be told, which aren't chosen. */
async function chosen(
  context: ListContext,
  all: readonly Key[],
  { olderThan, unusedFor }: Options,
  now: Date,
): Promise<readonly Key[]> {
  const { output } = context;
  let keys = all;
  if (olderThan !== undefined) {
    const { older, unknown } = keysOlderThan(keys, olderThan, now);
    if (unknown.length > 0)
      output.note(`${areNotListed(unknown)}, because the API doesn't say when ${theyWere(unknown)} created.`);
    keys = older;
  }
  if (unusedFor !== undefined) {
    const { findUnusedKeys, longestProof } = await import('../../account/keys/unused.ts');
    const { unused, unknown, readAgo } = await findUnusedKeys(context, keys, unusedFor, now);
    if (readAgo !== undefined && readAgo > 0) {
      const { agoInWords } = await import('../../account/usage/source.ts');
      output.note(`Usage updated ${agoInWords(readAgo)}.`);
    }
    if (unknown.length > 0) {
      const reason =
        unusedFor > longestProof && !unknown.every(statesLastUse)
          ? 'the API counts usage for 30 days only'
          : `the API doesn't say when ${theyWere(unknown)} last used`;
      output.note(`${areNotListed(unknown)}, because ${reason}.`);
    }
    keys = unused;
  }
  return keys;
}

function areNotListed({ length }: readonly Key[]): string {
  return length === 1 ? "1 key isn't listed" : `${length} keys aren't listed`;
}

function theyWere({ length }: readonly Key[]): string {
  return length === 1 ? 'it was' : 'they were';
}

/** Returns a function that says whether a key is stored on this machine. */
function storedTest(stored: readonly StoredKey[]): (key: Key) => boolean {
  const ids = new Set(stored.map(({ id }) => id));
  // Keys that were added while the account couldn't be read have no ID.
  const unidentified = new Map<string | null | undefined, StoredKey[]>();
  for (const each of stored) {
    if (each.id !== undefined) continue;
    const namesakes = unidentified.get(each.name);
    if (namesakes) namesakes.push(each);
    else unidentified.set(each.name, [each]);
  }
  return ({ id, name, apiKey }) =>
    ids.has(id) || (unidentified.get(name)?.some((each) => isMaskOf(each, apiKey)) ?? false);
}

/** Returns the usage of each key, if the list doesn't say when the keys were used, and the usage was read recently. */
async function knownUsage(
  context: ListContext,
  keys: readonly Key[],
): Promise<ReadonlyMap<string, KeyUsage> | undefined> {
  if (keys.every(statesLastUse)) return undefined;
  const { cachedUsage, freshness } = await import('../../account/usage/source.ts');
  const cached = await cachedUsage(context);
  return cached && cached.age < freshness ? new Map(cached.keys.map((each) => [each.id, each])) : undefined;
}

/** Returns a function that names the pool of a key: the plan of a subscription's key. If the list doesn't say it, the account does. */
async function poolNames(context: Pick<Context, 'api' | 'output'>, keys: readonly Key[]) {
  const isUnstated = keys.some(({ subscriptionId, keyPlan }) => subscriptionId != null && keyPlan == null);
  const isNeeded = context.output.hasColumns && isUnstated;
  const pledges = isNeeded ? ((await (await context.api()).billing.status()).poolPledges ?? []) : [];
  const slugs = new Map(pledges.map(({ id, poolSlug }) => [id, poolSlug]));
  return ({ subscriptionId, keyPlan }: Key) =>
    subscriptionId == null ? undefined : (keyPlan ?? slugs.get(subscriptionId));
}
