import { blockState, isOpen, listedBlock, poolFields, poolName } from '../../account/pools.ts';
import type { Pool, PoolDetail } from '../../api/pools.ts';
import { blocksOption } from '../../cli/options.ts';
import { choiceOption } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { type Block, blockNames } from '../../domain/blocks.ts';
import { decimalUsd, shownUsd } from '../../domain/money.ts';
import type { Column } from '../../output/output.ts';
import { percent } from '../../output/text.ts';

export const fields = poolFields;

/** The statuses of a pool (Unlimited Subscriptions API, "List available plans"). Drafts aren't listed. */
const statuses = ['active', 'funding', 'activating', 'paused'] as const;

/** Which pools `ci pools list` shows. */
export interface Options {
  readonly available?: true;
  readonly blocks?: readonly Block[];
  readonly model?: string;
  readonly status?: (typeof statuses)[number];
}

/** A narrower terminal, in columns, shows a record per pool, without what only a table has room for. */
const narrowest = 60;

/** The options as typed: `--block` is another name of `--blocks`. */
interface Flags extends Options {
  readonly block?: readonly Block[];
}

/** `ci pools list`: shows the pools, their prices and which blocks are available. */
export default function list(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      examples: [
        'ci pools list --available',
        'ci pools list --blocks europe --model kimi',
        "ci pools list --json | jq -r '.[].slug'",
      ],
    })
    .option('--available', 'Only pools with an available seat')
    .addOption(blocksOption('--blocks <names>', 'Only pools where all of these blocks are available'))
    .addOption(blocksOption('--block <names>', 'Another name for --blocks').hideHelp())
    .option('--model <text>', 'Only pools with this text in the model name')
    .addOption(choiceOption('--status <word>', `Only pools with this status: ${statuses.join(', ')}`, statuses))
    .action(({ block, ...options }: Flags) => execute(block ? { ...options, blocks: block } : options, context));
}

/** Shows the pools that match. */
export async function run(options: Options, context: Pick<Context, 'api' | 'output'>): Promise<void> {
  const { pools } = await context.api();
  const listed = await pools.list();
  const asksForSeats = options.available === true || options.blocks !== undefined;
  const found: Pool[] = [];
  for (const pool of listed) {
    // If the list has no blocks, only the pool itself says which seats are available.
    const unstated = asksForSeats && pool.status === 'active' && !pool.blocks?.length;
    if (matches(unstated ? await pools.get(pool.id) : pool, options)) found.push(pool);
  }
  await context.output.list(found, {
    columns: context.output.width < narrowest ? columns.filter(({ audience }) => audience !== 'people') : columns,
    fields,
    empty: 'No pools match.',
  });
}

function matches(pool: PoolDetail, { available, blocks, model, status }: Options): boolean {
  const models = [pool.modelId, pool.modelName, pool.slug, ...(pool.models ?? [])];
  return (
    (!available || blockNames.some((each) => isOpen(pool, each))) &&
    (blocks ?? []).every((each) => isOpen(pool, each)) &&
    (model === undefined || models.some((name) => name?.toLowerCase().includes(model.toLowerCase()))) &&
    (status === undefined || pool.status?.toLowerCase() === status)
  );
}

const columns: readonly Column<Pool>[] = [
  { field: 'slug', header: 'POOL', value: poolName, show: (pool, style) => style.bold(poolName(pool)) },
  { field: 'modelName', header: 'MODEL', optional: 5, value: (pool) => pool.modelName ?? pool.modelId },
  {
    field: 'status',
    header: 'STATUS',
    value: (pool) => pool.status,
    show: ({ status }, style) => (status === 'active' ? style.good(status) : style.warning(status ?? '')),
  },
  {
    field: 'minPricePerDay',
    header: 'FROM/MONTH',
    optional: 1,
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
        const shownPrice = shownUsd(price) || '–';
        const state = blockState(pool, block);
        if (state === 'sold-out') return style.dim('sold out');
        if (!isOpen(pool, block)) return style.dim(shownPrice);
        return state === 'limited' ? `${shownPrice} ${style.warning('few left')}` : shownPrice;
      },
    }),
  ),
  {
    field: 'annualDiscount',
    header: 'YEARLY',
    audience: 'people',
    optional: 4,
    value: ({ annualDiscount }) => annualDiscount,
    show: ({ annualDiscount }) => (annualDiscount ? `${percent(annualDiscount)} off` : ''),
  },
  {
    field: 'totalSlots',
    header: 'SEATS/BLOCK',
    audience: 'people',
    optional: 3,
    value: ({ totalSlots }) => totalSlots,
  },
  { field: 'modelId', header: 'MODEL ID', audience: 'people', optional: 2, value: ({ modelId }) => modelId },
  ...blockNames.map(
    (block): Column<Pool> => ({
      field: `${block}.pricePerMonth`,
      header: `${block.toUpperCase()}/MONTH`,
      audience: 'programs',
      value: (pool) => decimalUsd(listedBlock(pool, block)?.pricePerMonth),
    }),
  ),
];
