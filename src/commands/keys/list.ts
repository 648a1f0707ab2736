import type { Key } from '../../api/keys.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { masked } from '../../domain/secrets.ts';
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
] as const;

/** `ci keys list`: the API keys, secrets masked. */
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

/** Prints the API keys, their secrets masked. */
export async function run(context: Pick<Context, 'api' | 'connections' | 'output'>): Promise<void> {
  const { keys } = await context.api();
  const found = (await keys.list()).map((key) => (key.apiKey ? { ...key, apiKey: masked(key.apiKey) } : key));
  const now = await context.connections.now();
  const columns: Column<Key>[] = [
    { field: 'id', header: 'ID', hasIds: true, value: ({ id }) => id },
    { field: 'name', header: 'NAME', value: ({ name }) => name },
    { field: 'keyType', header: 'TYPE', value: ({ keyType }) => keyType, optional: 3 },
    {
      field: 'isActive',
      header: 'STATUS',
      value: ({ isActive }) => isActive,
      show: ({ isActive }, style) => (isActive == null ? '' : isActive ? style.good('active') : style.bad('inactive')),
    },
    { field: 'apiKey', header: 'KEY', value: ({ apiKey }) => apiKey },
    timeColumn('createdAt', 'CREATED', 2, (key) => key.createdAt),
    timeColumn('lastUsedAt', 'LAST USED', 1, (key) => key.lastUsedAt),
  ];
  await context.output.list(found, { columns, fields, empty: 'No keys. `ci keys create NAME` creates one.' });

  function timeColumn(
    field: string,
    header: string,
    optional: number,
    value: (key: Key) => string | null | undefined,
  ): Column<Key> {
    return {
      field,
      header,
      value,
      optional,
      show: (key, style) => distanceTo(value(key), now) || style.dim('never'),
    };
  }
}
