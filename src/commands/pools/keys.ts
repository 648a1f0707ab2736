import { withPool } from '../../account/pools.ts';
import { chosenPoolOfMine, keyByMail, poolSubscriptions } from '../../account/subscriptions.ts';
import type { PoolKey } from '../../api/pools.ts';
import { poolArgument } from '../../cli/options.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { masked } from '../../domain/secrets.ts';
import type { Column } from '../../output/output.ts';
import { maskInLog } from '../../output/workflow-commands.ts';

export const fields = ['id', 'name', 'apiKey', 'isActive', 'subscriptionId', 'createdAt'] as const;

interface Options {
  readonly reveal?: true;
}

/** `ci pools keys`: the keys of my subscriptions on a pool. */
export default function keys(command: Verb, context: Context): void {
  command
    .tell({
      fields,
      examples: ['ci pools keys kimi26', "ci pools keys kimi26 --reveal --json | jq -r '.[0].apiKey'"],
    })
    .addArgument(poolArgument())
    .option('--reveal', 'show the secrets in full')
    .action((pool: string | undefined, options: Options) => listPoolKeys(context, pool, options));
}

async function listPoolKeys(context: Context, typed: string | undefined, { reveal }: Options): Promise<void> {
  const { pools } = await context.api();
  const pool = await chosenPoolOfMine(context, typed, ({ status }) => status !== 'canceled');
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

/** That there are none, and how one is come by. */
async function noKeys(context: Context, pool: string): Promise<string> {
  const none = `No keys on ${pool}.`;
  if (!context.output.isForPeople) return none;
  const mine = await poolSubscriptions(context, pool);
  if (mine.some(({ status }) => status === 'active')) return `${none} \`ci keys create --pool ${pool}\` makes one.`;
  if (mine.some(({ status }) => status === 'pending_key')) return `${none} ${keyByMail}`;
  return `${none} \`ci pools subscribe ${pool}\` reserves blocks of it.`;
}

const columns: readonly Column<PoolKey>[] = [
  { field: 'id', header: 'ID', value: ({ id }) => id },
  { field: 'name', header: 'NAME', value: ({ name }) => name },
  {
    field: 'isActive',
    header: 'STATUS',
    value: ({ isActive }) => isActive,
    show: ({ isActive }, style) => (isActive == null ? '' : isActive ? style.good('active') : style.bad('inactive')),
  },
  { field: 'apiKey', header: 'KEY', value: ({ apiKey }) => apiKey },
  { field: 'subscriptionId', header: 'SUBSCRIPTION', value: ({ subscriptionId }) => subscriptionId, optional: 1 },
];
