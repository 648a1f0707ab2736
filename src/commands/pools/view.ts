import type { PoolDetail } from '../../api/pools.ts';
import { type Block, blockAt, blockNames, startHour, utcHours } from '../../domain/blocks.ts';
import { occurrence } from '../../domain/coverage.ts';
import { decimalUsd, toUsd } from '../../domain/money.ts';
import type { Column } from '../../output/output.ts';
import type { Style } from '../../output/style.ts';
import { timeOfDay, timeSpan } from '../../output/time.ts';
import { type Verb, verb } from '../command.ts';
import type { Context } from '../context.ts';
import {
  blockPrice,
  chosenPool,
  freeInHour,
  freeSeats,
  hasListedPrices,
  poolFields,
  poolName,
  withPool,
} from '../pool.ts';
import { priceText } from './purchase.ts';

export const fields = [...poolFields, 'hourSlots'] as const;

/** `ci pools view`: one pool with its prices, free seats and a chart of the day. */
export default function view(context: Context): Verb {
  const command = verb('view', 'show prices, free seats and the hours of the day', {
    fields,
    examples: ['ci pools view kimi26', "ci pools view kimi26 --json | jq '.annualDiscount'"],
  });
  command.argument('[pool]', 'slug or UUID').action((pool?: string) => viewPool(context, pool));
  return command;
}

async function viewPool(context: Context, typed: string | undefined): Promise<void> {
  const { pools } = await context.api();
  const name = await chosenPool(context, typed);
  const detail = await withPool(context, name, () => pools.get(name));
  // Only the list states the blocks' exact prices.
  const listed = hasListedPrices(detail) ? detail : (await pools.list()).find(({ id }) => id === detail.id);
  const pool: PoolDetail = listed?.blocks && !detail.blocks ? { ...detail, blocks: listed.blocks } : detail;
  const now = await context.now();
  await context.output.record(pool, {
    columns: [...facts, ...blockNames.flatMap((block) => blockFacts(block))],
    fields,
    drawing: (style, clean) => drawing(clean, style, now, context.timeZone),
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
    { field: `${block}.freeSeats`, header: `${block}: free seats`, value: (pool) => freeSeats(pool, block) },
  ];
}

async function drawing(pool: PoolDetail, style: Style, now: Date, timeZone: string): Promise<string> {
  const { table } = await import('../../output/table.ts');
  const title = [pool.modelName ?? pool.modelId, poolName(pool)].filter((word) => word != null);
  const lines = [
    ['Status', pool.status ?? ''],
    [
      'Model',
      [pool.modelId, ...(pool.models ?? [])].filter((each, at, all) => each && all.indexOf(each) === at).join(', '),
    ],
    ['Seats', pool.totalSlots == null ? '' : `${pool.totalSlots} a block`],
    ['Year', pool.annualDiscount ? `${percent(pool.annualDiscount)} off, paid upfront` : ''],
    ['Key', pool.manualProvisioning ? 'by mail, within 24 hours of subscribing' : 'made by you, after subscribing'],
  ].filter(([, value]) => value !== '');
  const blocks = blockNames.map((block) => {
    const { from, to } = occurrence(startHour(block), now);
    const live = blockAt(now.getUTCHours()) === block;
    const free = freeSeats(pool, block);
    const price = blockPrice(pool, pool, block);
    return [
      style.bold(block),
      utcHours(block),
      timeSpan(from, to, timeZone),
      price ? priceText(price) : '',
      free === undefined ? '' : free === 0 ? style.bad('sold out') : style.good(String(free)),
      live ? 'now' : '',
    ];
  });
  return [
    `${style.bold(title[0] ?? '')}  ${style.dim(title[1] ?? '')}`,
    ...(pool.description ? [pool.description] : []),
    '',
    table(
      undefined,
      lines.map(([label = '', value = '']) => [style.dim(label), value]),
    ),
    table(
      ['BLOCK', 'UTC', 'LOCAL', 'PRICE/MONTH', 'FREE SEATS', ''].map((header) => style.dim(header)),
      blocks,
    ),
    chart(pool, style, now, timeZone),
  ].join('\n');
}

/** Free seats hour by hour of the UTC day, with the local hour at which each begins. */
function chart(pool: PoolDetail, style: Style, now: Date, timeZone: string): string {
  if (!pool.hourSlots?.length) return '';
  const hours = Array.from({ length: 24 }, (_, hour) => hour);
  const local = hours.map((hour) => {
    const start = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate(), hour));
    return timeOfDay(start, timeZone);
  });
  const minutes = local[0]?.slice(3) ?? '00';
  const row = (label: string, cells: readonly string[]) => `${style.dim(label.padEnd(6))}${cells.join(' ')}`;
  const current = now.getUTCHours();
  return `${[
    `Free seats by the hour; local is ${timeZone}${minutes === '00' ? '' : `, each hour at :${minutes}`}`,
    row(
      'UTC',
      hours.map((hour) => (hour === current ? style.bold : style.dim)(String(hour).padStart(2, '0'))),
    ),
    row(
      'free',
      hours.map((hour) => seats(freeInHour(pool, hour), style)),
    ),
    row(
      'local',
      local.map((time) => style.dim(time.slice(0, 2))),
    ),
  ].join('\n')}\n`;
}

function seats(free: number, style: Style): string {
  const text = String(free).padStart(2);
  return free === 0 ? style.bad(' ·') : free <= 3 ? style.warning(text) : style.good(text);
}

function percent(fraction: number): string {
  return `${Number((fraction * 100).toFixed(2))} %`;
}
