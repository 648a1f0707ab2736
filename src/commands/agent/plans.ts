import { AgentApi, type Product } from '../../api/agent.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { type Block, blockNames, isBlock, utcHours } from '../../domain/blocks.ts';
import { decimalUsd } from '../../domain/money.ts';
import type { Column } from '../../output/output.ts';
import type { Style } from '../../output/style.ts';
import { grouped } from '../../output/text.ts';

export const fields = [
  'type',
  'pool',
  'plan',
  'name',
  'description',
  'models',
  'currency',
  'duration',
  'blocks',
  'price',
  'minAmount',
  'agentCheckout',
  'agentTopup',
] as const;

type ProductBlock = NonNullable<Product['blocks']>[number];

/** `ci agent plans`: lists what can be bought with USDC, without an account. */
export default function plans(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      examples: ['ci agent plans', `ci agent plans --jq '.[] | select(.pool == "kimi26") | .blocks[].priceUsdc'`],
    })
    .action(() => execute(context));
}

/** Lists what the API sells for USDC. Sends no key. */
export async function run({ connections, output }: Pick<Context, 'connections' | 'output'>): Promise<void> {
  const { client } = await connections.withoutKey();
  const { products } = await new AgentApi(client).catalog();
  await output.list(products, {
    columns,
    fields,
    empty: "You can't buy anything with USDC at the moment.",
    drawing: (style, clean) => drawing(clean, style, output.width),
  });
}

const columns: readonly Column<Product>[] = [
  { field: 'type', header: 'TYPE', value: ({ type }) => type },
  { field: 'pool', header: 'POOL', value: ({ pool, plan }) => pool ?? plan },
  { field: 'name', header: 'NAME', value: ({ name }) => name },
  { field: 'duration', header: 'DURATION', value: ({ duration }) => duration },
  ...blockNames.flatMap(blockColumns),
  { field: 'price', header: 'USDC', value: ({ price }) => decimalUsd(price) },
  { field: 'minAmount', header: 'MINIMUM', value: ({ minAmount }) => decimalUsd(minAmount) },
];

function blockColumns(name: Block): Column<Product>[] {
  const blockOf = ({ blocks }: Product) => blocks?.find(({ block }) => block === name);
  const header = name.toUpperCase();
  return [
    { field: `${name}.hoursUtc`, header: `${header} (UTC)`, value: (product) => blockOf(product)?.hoursUtc },
    {
      field: `${name}.priceUsdc`,
      header: `${header} USDC`,
      value: (product) => decimalUsd(blockOf(product)?.priceUsdc),
    },
    {
      field: `${name}.availableSeats`,
      header: `${header} SEATS`,
      value: (product) => blockOf(product)?.availableSeats,
    },
  ];
}

/** Returns a table with a row per block of each pool, and the minimum of credit below it. */
async function drawing(products: readonly Product[], style: Style, width: number): Promise<string> {
  const { fitted } = await import('../../output/table.ts');
  const credit = products.filter(({ type }) => type === 'credits');
  const rows = products.filter(({ type }) => type !== 'credits').flatMap(rowsOf);
  const column = (header: string, cell: (row: Row) => string) => ({ header: style.dim(header), cells: rows.map(cell) });
  const table = fitted(
    [
      column('POOL', ({ product }) =>
        style.bold(product.pool ?? product.plan ?? product.name ?? product.description ?? ''),
      ),
      column('BLOCK', ({ block }) => block?.block ?? ''),
      column('HOURS (UTC)', ({ block }) => (block ? hours(block) : '')),
      { ...column('USDC', ({ product, block }) => decimalUsd(block?.priceUsdc ?? product.price)), right: true },
      { ...column('SEATS', ({ block }) => (block ? seats(block, style) : '')), right: true },
      { ...column('DURATION', ({ product }) => product.duration ?? ''), optional: 2 },
      { ...column('MODELS', ({ product }) => product.models?.join(', ') ?? ''), optional: 1 },
    ],
    width,
  );
  const minimums = credit.map(({ minAmount }) =>
    minAmount == null ? 'Credit: unknown minimum\n' : `Credit: ${decimalUsd(minAmount)} USDC or more\n`,
  );
  return [rows.length > 0 ? table : '', minimums.join('')].filter((part) => part !== '').join('\n');
}

/** A line of the table. A pool has one per block, a plan has one. */
interface Row {
  readonly product: Product;
  readonly block: ProductBlock | undefined;
}

function rowsOf(product: Product): Row[] {
  const { blocks } = product;
  return blocks && blocks.length > 0 ? blocks.map((block) => ({ product, block })) : [{ product, block: undefined }];
}

/** Returns the hours of a block as other commands show them, or as the API writes them. */
function hours({ block, hoursUtc }: ProductBlock): string {
  if (hoursUtc == null) return isBlock(block) ? utcHours(block) : '';
  return hoursUtc.replace(/ UTC$/, '').replace(/^(\d\d:\d\d)-(\d\d:\d\d)$/, '$1–$2');
}

function seats({ availableSeats }: ProductBlock, style: Style): string {
  return availableSeats === 0 ? style.dim('sold out') : grouped(availableSeats);
}
