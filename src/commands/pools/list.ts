import { blockState, isOpen, listedBlock, poolFields, poolName } from '../../account/pools.ts';
import type { Pool, PoolDetail } from '../../api/pools.ts';
import { blocksOption } from '../../cli/options.ts';
import { oneOf, ValueOption } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { type Block, blockNames } from '../../domain/blocks.ts';
import { decimalUsd, shownUsd } from '../../domain/money.ts';
import type { Column } from '../../output/output.ts';
import { percent } from '../../output/text.ts';

export const fields = poolFields;

/** Unlimited Subscriptions API, "List available plans": a pool's `status`. A draft is not listed. */
const statuses = ['active', 'funding', 'activating', 'paused'] as const;

/** Which pools `ci pools list` shows. */
export interface Options {
  readonly available?: true;
  readonly block?: readonly Block[];
  readonly model?: string;
  readonly status?: string;
}

/** `ci pools list`: shows the pools, their prices and which blocks are available. */
export default function list(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      examples: [
        'ci pools list --available',
        'ci pools list --block europe --model kimi',
        "ci pools list --json | jq -r '.[].slug'",
      ],
    })
    .option('--available', 'only pools with a free seat')
    .addOption(blocksOption('--block <names>', 'only pools where these blocks are open'))
    .option('--model <text>', 'only pools whose model holds this text')
    .addOption(new ValueOption('--status <word>', `only pools in this state: ${statuses.join(', ')}`, oneOf(statuses)))
    .action((options: Options) => execute(options, context));
}

/** Shows the pools that fit. */
export async function run(options: Options, context: Pick<Context, 'api' | 'output'>): Promise<void> {
  const { pools } = await context.api();
  const listed = await pools.list();
  const asksForSeats = options.available === true || options.block !== undefined;
  const found: Pool[] = [];
  for (const pool of listed) {
    // If the list states no blocks, only the pool itself says which seats are available.
    const unstated = asksForSeats && pool.status === 'active' && !pool.blocks?.length;
    if (matches(unstated ? await pools.get(pool.id) : pool, options)) found.push(pool);
  }
  const { isTerminal, width } = context.output;
  await context.output.list(found, {
    columns: isTerminal && width > 80 ? [...columns, ...whereThereIsRoom] : columns,
    fields,
    empty: 'No pool matches.',
  });
}

function matches(pool: PoolDetail, { available, block, model, status }: Options): boolean {
  const models = [pool.modelId, pool.modelName, pool.slug, ...(pool.models ?? [])];
  return (
    (!available || blockNames.some((each) => isOpen(pool, each))) &&
    (block ?? []).every((each) => isOpen(pool, each)) &&
    (model === undefined || models.some((name) => name?.toLowerCase().includes(model.toLowerCase()))) &&
    (status === undefined || pool.status?.toLowerCase() === status.toLowerCase())
  );
}

const columns: readonly Column<Pool>[] = [
  { field: 'slug', header: 'POOL', value: poolName, show: (pool, style) => style.bold(poolName(pool)) },
  { field: 'modelName', header: 'MODEL', value: (pool) => pool.modelName ?? pool.modelId },
  {
    field: 'status',
    header: 'STATUS',
    value: (pool) => pool.status,
    show: ({ status }, style) => (status === 'active' ? style.good(status) : style.warning(status ?? '')),
  },
  {
    field: 'minPricePerDay',
    header: 'FROM/MONTH',
    value: ({ minPricePerDay }) => decimalUsd(minPricePerDay),
    show: ({ minPricePerDay }) => shownUsd(minPricePerDay),
  },
  ...blockNames.map(
    (block): Column<Pool> => ({
      field: block,
      header: block.toUpperCase(),
      value: (pool) => blockState(pool, block),
      show: (pool, style) => {
        const price = listedBlock(pool, block)?.pricePerMonth;
        const words = shownUsd(price) || '–';
        const state = blockState(pool, block);
        if (state === 'sold-out') return style.dim('sold out');
        if (!isOpen(pool, block)) return style.dim(words);
        return state === 'limited' ? `${words} ${style.warning('few')}` : words;
      },
    }),
  ),
];

/** Shown on a wide terminal. */
const whereThereIsRoom: readonly Column<Pool>[] = [
  {
    field: 'annualDiscount',
    header: 'YEAR',
    optional: 3,
    value: ({ annualDiscount }) => annualDiscount,
    show: ({ annualDiscount }) => (annualDiscount ? `${percent(annualDiscount)} off` : ''),
  },
  { field: 'totalSlots', header: 'SEATS/BLOCK', optional: 2, value: ({ totalSlots }) => totalSlots },
  { field: 'modelId', header: 'MODEL ID', optional: 1, value: ({ modelId }) => modelId },
];
