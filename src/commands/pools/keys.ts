import { withPool } from '../../account/pools.ts';
import { choosePoolOfMine, keyByEmail, poolSubscriptions } from '../../account/subscriptions.ts';
import type { PoolKey } from '../../api/pools.ts';
import { poolArgument } from '../../cli/options.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { masked } from '../../domain/secrets.ts';
import type { Column } from '../../output/output.ts';
import { maskInLog } from '../../output/workflow-commands.ts';

export const fields = ['id', 'name', 'apiKey', 'isActive', 'subscriptionId', 'createdAt'] as const;

type KeysContext = Pick<Context, 'api' | 'connections' | 'output' | 'prompts' | 'world'>;

/** Which keys `ci pools keys` shows, and how. */
export interface Options {
  /** Undefined: ask. */
  readonly pool: string | undefined;
  readonly reveal?: true;
}

/** Declares `ci pools keys`, which lists the keys of the user's subscriptions on a pool. */
export default function keys(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      examples: ['ci pools keys kimi26', "ci pools keys kimi26 --reveal --json | jq -r '.[0].apiKey'"],
    })
    .addArgument(poolArgument())
    .option('--reveal', 'Show the secrets in full')
    .action((pool: string | undefined, flags: Omit<Options, 'pool'>) => execute({ pool, ...flags }, context));
}

/** Lists the keys. Secrets are masked without `--reveal`. */
export async function run({ reveal, ...options }: Options, context: KeysContext): Promise<void> {
  const { pools } = await context.api();
  const pool = await choosePoolOfMine(context, options.pool, ({ status }) => status !== 'canceled');
  const found = await withPool(context, pool, () => pools.keys(pool));
  const shown = reveal ? found : found.map((key) => (key.apiKey ? { ...key, apiKey: masked(key.apiKey) } : key));
  if (reveal)
    maskInLog(
      context.world,
      found.flatMap(({ apiKey }) => apiKey ?? []),
    );
  const empty = shown.length > 0 ? '' : await noKeys(context, pool);
  await context.output.list(shown, { columns, fields, empty });
}

/** Returns the note for an empty list, which says how to get a key. */
async function noKeys(context: Pick<Context, 'api' | 'output'>, pool: string): Promise<string> {
  const none = `No keys on ${pool}.`;
  if (!context.output.isForPeople) return none;
  const mine = await poolSubscriptions(context, pool);
  if (mine.some(({ status }) => status === 'active'))
    return `${none} Run \`ci keys create --pool ${pool}\` to create one.`;
  if (mine.some(({ status }) => status === 'pending_key')) return `${none} ${keyByEmail}`;
  return `${none} Run \`ci pools subscribe ${pool}\` to reserve blocks.`;
}

const columns: readonly Column<PoolKey>[] = [
  { field: 'id', header: 'ID', hasIds: true, value: ({ id }) => id },
  { field: 'name', header: 'NAME', value: ({ name }) => name },
  {
    field: 'isActive',
    header: 'STATUS',
    value: ({ isActive }) => isActive,
    show: ({ isActive }, style) => (isActive == null ? '' : isActive ? style.good('active') : style.bad('inactive')),
  },
  { field: 'apiKey', header: 'KEY', value: ({ apiKey }) => apiKey, optional: 3 },
  {
    field: 'subscriptionId',
    header: 'SUBSCRIPTION',
    optional: 2,
    hasIds: true,
    value: ({ subscriptionId }) => subscriptionId,
  },
];
