import { isMaskOf, type StoreContext, updateStoredKeys } from '../../account/stored-keys/store.ts';
import type { Key } from '../../api/keys.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { masked } from '../../domain/secrets.ts';
import type { StoredKey } from '../../domain/stored-key.ts';
import type { Column } from '../../output/output.ts';
import { distanceTo } from '../../output/time.ts';

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

/** `ci keys list`: lists the API keys, with masked secrets. */
export default function list(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      examples: [
        'ci keys list',
        'ci keys list | cut -f1',
        "ci keys list --json | jq -r '.[] | select(.isActive) | .name'",
      ],
    })
    .action(() => execute(context));
}

/** A key, and whether its secret is stored on this machine. */
type ListedKey = Key & { readonly stored: boolean };

/** Returns whether a key is stored under its name, without its ID, as a key that was added while the account couldn't be read. */
function isStoredAs({ name, apiKey }: Key, stored: StoredKey): boolean {
  return name === stored.name && isMaskOf(stored, apiKey);
}

/** Prints the API keys, with masked secrets. */
export async function run(context: StoreContext & Pick<Context, 'api' | 'connections' | 'output'>): Promise<void> {
  const { keys } = await context.api();
  const listed = await keys.list();
  const stored = await updateStoredKeys(context, { keys: listed });
  const ids = new Set(stored.map(({ id }) => id));
  const unidentified = stored.filter(({ id }) => id === undefined);
  const found = listed.map(
    (key): ListedKey => ({
      ...key,
      ...(key.apiKey ? { apiKey: masked(key.apiKey) } : {}),
      stored: ids.has(key.id) || unidentified.some((each) => isStoredAs(key, each)),
    }),
  );
  const poolOf = await poolNames(context, found);
  const now = await context.connections.now();
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
    timeColumn('createdAt', 'CREATED', 2, (key) => key.createdAt),
    timeColumn('lastUsedAt', 'LAST USED', 1, (key) => key.lastUsedAt),
    ...(context.output.isForPeople ? [] : [pool]),
    {
      field: 'stored',
      header: 'STORED',
      optional: 4,
      value: (key) => key.stored,
      show: (key) => (key.stored ? 'here' : ''),
    },
  ];
  await context.output.list(found, { columns, fields, empty: 'No keys. Run `ci keys create NAME` to create one.' });

  function timeColumn(
    field: string,
    header: string,
    optional: number,
    value: (key: ListedKey) => string | null | undefined,
  ): Column<ListedKey> {
    return {
      field,
      header,
      value,
      optional,
      show: (key, style) => distanceTo(value(key), now) || style.dim('never'),
    };
  }
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
