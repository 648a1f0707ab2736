import { choosePool } from '../../account/choose-pool.ts';
import { PoolCatalog } from '../../account/pool-catalog.ts';
import {
  blockPrice,
  freeInHour,
  freeSeats,
  hasListedPrices,
  localHours,
  poolFields,
  poolName,
  priceText,
  withPool,
} from '../../account/pools.ts';
import type { PoolDetail } from '../../api/pools.ts';
import { poolArgument } from '../../cli/options.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { type Block, blockAt, blockNames, hoursOf, utcHours } from '../../domain/blocks.ts';
import { decimalUsd, toUsd } from '../../domain/money.ts';
import type { Column } from '../../output/output.ts';
import type { Style } from '../../output/style.ts';
import { percent } from '../../output/text.ts';
import { timeOfDay } from '../../output/time.ts';

export const fields = [...poolFields, 'hourSlots'] as const;

/** Which pool `ci pools view` shows. */
export interface Options {
  /** Undefined: ask for it. */
  readonly pool: string | undefined;
}

/** `ci pools view`: shows a pool with its prices, available seats and a chart of the day. */
export default function view(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      examples: ['ci pools view kimi26', "ci pools view kimi26 --json | jq '.annualDiscount'"],
    })
    .addArgument(poolArgument())
    .action((pool: string | undefined) => execute({ pool }, context));
}

/** Shows a pool. */
export async function run(
  options: Options,
  context: Pick<Context, 'api' | 'connections' | 'output' | 'prompts' | 'world'>,
): Promise<void> {
  const { pools } = await context.api();
  const catalog = new PoolCatalog(context);
  const name = await choosePool(context, options.pool, catalog);
  const detail = await withPool(context, name, () => pools.get(name));
  // Only the list is sure to have the exact prices of blocks, and the hardware.
  const listed = hasListedPrices(detail) ? detail : (await catalog.list()).find(({ id }) => id === detail.id);
  const pool: PoolDetail = {
    ...detail,
    ...(listed?.blocks && !detail.blocks ? { blocks: listed.blocks } : {}),
    ...(listed?.infraSpec && !detail.infraSpec ? { infraSpec: listed.infraSpec } : {}),
  };
  const now = await context.connections.now();
  await context.output.record(pool, {
    columns: [...facts, ...blockNames.flatMap((block) => blockFacts(block)), hardwareFact],
    fields,
    drawing: (style, clean) => drawing(clean, style, now, context),
  });
}

const facts: readonly Column<PoolDetail>[] = [
  { field: 'slug', header: 'Pool', value: poolName },
  { field: 'id', header: 'ID', value: (pool) => pool.id },
  { field: 'modelId', header: 'Model', value: (pool) => pool.modelId },
  { field: 'modelName', header: 'Name', value: (pool) => pool.modelName },
  { field: 'status', header: 'Status', value: (pool) => pool.status },
  { field: 'totalSlots', header: 'Seats', value: (pool) => pool.totalSlots },
  { field: 'annualDiscount', header: 'Annual discount', value: (pool) => pool.annualDiscount },
  { field: 'manualProvisioning', header: 'Manual provisioning', value: (pool) => pool.manualProvisioning },
];

/** The last line in a pipe: it came after the others. */
const hardwareFact: Column<PoolDetail> = { field: 'infraSpec', header: 'Hardware', value: hardware };

/** Returns the hardware of a pool in words. The API doesn't document its shape. */
function hardware({ infraSpec }: PoolDetail): string {
  if (typeof infraSpec !== 'object' || infraSpec === null) return infraSpec == null ? '' : String(infraSpec);
  return Object.entries(infraSpec)
    .map(([name, value]) => `${name}: ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(', ');
}

function blockFacts(block: Block): Column<PoolDetail>[] {
  return [
    {
      field: `${block}.pricePerMonth`,
      header: `${block}: price`,
      value: (pool) => {
        const price = blockPrice(pool, pool, block);
        return price && decimalUsd(toUsd(price.cents));
      },
    },
    { field: `${block}.freeSeats`, header: `${block}: available seats`, value: (pool) => freeSeats(pool, block) },
  ];
}

async function drawing(
  pool: PoolDetail,
  style: Style,
  now: Date,
  { output, world: { timeZone } }: Pick<Context, 'output' | 'world'>,
): Promise<string> {
  const { fitted, table } = await import('../../output/table.ts');
  const title = [pool.modelName ?? pool.modelId, poolName(pool)].filter((word) => word != null);
  const lines = [
    ['Status', pool.status ?? ''],
    [
      'Model',
      [pool.modelId, ...(pool.models ?? [])].filter((each, at, all) => each && all.indexOf(each) === at).join(', '),
    ],
    ['Hardware', hardware(pool)],
    ['Seats', pool.totalSlots == null ? '' : `${pool.totalSlots} per block`],
    ['Yearly', pool.annualDiscount ? `${percent(pool.annualDiscount)} off, paid up front` : ''],
    ['Key', pool.manualProvisioning ? 'by email, within 24 hours of subscribing' : 'create it after subscribing'],
  ].filter(([, value]) => value !== '');
  const column = (header: string, cell: (block: Block) => string) => ({
    header: style.dim(header),
    cells: blockNames.map(cell),
  });
  const blocks = [
    column('BLOCK', (block) => style.bold(block)),
    column('UTC', utcHours),
    column('LOCAL', (block) => localHours(block, now, timeZone)),
    column('PRICE/MONTH', (block) => priceText(blockPrice(pool, pool, block))),
    column('SEATS LEFT', (block) => {
      const available = freeSeats(pool, block);
      return available === undefined ? '' : available === 0 ? style.bad('sold out') : style.good(String(available));
    }),
    { ...column('LIVE', (block) => (blockAt(now.getUTCHours()) === block ? 'now' : '')), optional: 1 },
  ];
  return [
    `${style.bold(title[0] ?? '')}  ${style.dim(title[1] ?? '')}`,
    ...(pool.description ? [pool.description] : []),
    '',
    table(
      undefined,
      lines.map(([label = '', value = '']) => [style.dim(label), value]),
    ),
    fitted(blocks, output.width),
    chart(pool, style, now, { timeZone, width: output.width, bars: output.unicode }),
  ].join('\n');
}

const heights = [...'▁▂▃▄▅▆▇█'];
const labelWidth = 6;

interface ChartOptions {
  readonly timeZone: string;
  /** In columns. A line has the hours of a day if they fit, else those of a block. */
  readonly width: number;
  /** Whether the terminal can show bars. */
  readonly bars: boolean;
}

/** Returns a chart of the available seats in each hour of the UTC day, with the local time. */
function chart(pool: PoolDetail, style: Style, now: Date, { timeZone, width, bars }: ChartOptions): string {
  if (!pool.hourSlots?.length) return '';
  const all = Array.from({ length: 24 }, (_, hour) => hour);
  const local = all.map((hour) =>
    timeOfDay(new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate(), hour)), timeZone),
  );
  // Times such as `13:30` if there is room for them, else only hours.
  const wide = Number.isFinite(width) && width >= labelWidth + 24 * 6;
  const cell = wide ? 5 : 2;
  const minutes = wide ? '00' : (local[0]?.slice(3) ?? '00');
  const row = (label: string, cells: readonly string[]) =>
    `${style.dim(label)}${' '.repeat(labelWidth - label.length)}${cells.join(' ')}`.trimEnd();
  const rows = (hours: readonly number[]) => [
    row(
      'UTC',
      hours.map((hour) => {
        const time = `${String(hour).padStart(2, '0')}:00`.slice(0, cell);
        return hour === now.getUTCHours() ? style.bold(time) : style.dim(time);
      }),
    ),
    row(
      'local',
      hours.map((hour) => style.dim((local[hour] ?? '').slice(0, cell))),
    ),
    row(
      'left',
      hours.map((hour) => seats(freeInHour(pool, hour), cell, style)),
    ),
    ...(bars && pool.totalSlots && hours.some((hour) => freeInHour(pool, hour) > 0)
      ? [
          row(
            '',
            hours.map((hour) => bar(freeInHour(pool, hour) / (pool.totalSlots ?? 1), cell)),
          ),
        ]
      : []),
    ...(hours.includes(now.getUTCHours())
      ? [
          row(
            'now',
            hours.map((hour) => (hour === now.getUTCHours() ? '^' : ' ').repeat(cell)),
          ),
        ]
      : []),
  ];
  const lines = width >= labelWidth + 24 * (cell + 1) - 1 ? [all] : blockNames.map(hoursOf);
  const title = `Seats left by hour. Local time is ${timeZone}${minutes === '00' ? '' : `, and hours start at :${minutes}`}.`;
  return `${[title, lines.map((hours) => rows(hours).join('\n')).join('\n\n')].join('\n')}\n`;
}

function seats(available: number, width: number, style: Style): string {
  if (available === 0) return style.bad('·'.padStart(width));
  const text = String(available).padStart(width);
  return available <= 3 ? style.warning(text) : text;
}

/** Returns a bar of a height between 0 and 1. */
function bar(height: number, width: number): string {
  const character = heights[Math.min(heights.length, Math.ceil(height * heights.length)) - 1] ?? ' ';
  return character.repeat(width);
}
