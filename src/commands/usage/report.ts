import { readFileSync } from 'node:fs';
import { reach, type UsageReport, type UsageRow, type Used, usageReport } from '../../account/usage/report.ts';
import { counts } from '../../account/usage/snapshot.ts';
import { type StoredUsage, UsageStore } from '../../account/usage/store.ts';
import { choiceOption, namesOf, ValueOption } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import { resolved } from '../../config/folders.ts';
import { keyFor } from '../../config/settings.ts';
import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import { CommandError, messageOf } from '../../domain/errors.ts';
import { decimalUsd, formatUsd, parseUsd, toUsd } from '../../domain/money.ts';
import { type Span, tolerance } from '../../domain/usage-bounds.ts';
import { type Grouping, groupings } from '../../domain/usage-groups.ts';
import { type Prices, parsePrices } from '../../domain/usage-prices.ts';
import type { Column } from '../../output/output.ts';
import { grouped, inWords } from '../../output/text.ts';
import { bar } from './columns.ts';
import { type Month, parseMonth, requireMonth } from './month.ts';
import { utcMinute } from './times.ts';

const fields = ['month', 'from', 'to', 'complete', 'gaps', 'by', 'rows'] as const;

/** Spans that notes list; the JSON has all. */
const mostListed = 5;

/** What `ci usage report` reports. */
export interface Options {
  readonly month?: Month;
  readonly by: Grouping;
  readonly prices?: string;
}

type ReportContext = Pick<Context, 'clocks' | 'output' | 'profiles' | 'record' | 'settings' | 'world'>;

/** `ci usage report`: shows what each key used in a month. */
export default function report(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      local: true,
      exits: [4, 5],
      examples: [
        'ci usage report --month 2026-11',
        'ci usage report --month 2026-11 --by prefix --prices prices.csv',
        'ci usage report --month 2026-11 -o csv > 2026-11.csv',
      ],
    })
    .addOption(
      new ValueOption('--month <yyyy-mm>', 'Month in UTC', {
        words: [],
        source: null,
        list: false,
        alone: [],
      }).argParser(parseMonth),
    )
    .addOption(
      choiceOption(
        '--by <group>',
        `Sum keys of the same name or prefix: ${inWords(groupings, 'or')}`,
        groupings,
      ).default('key'),
    )
    .addOption(new ValueOption('--prices <file>', 'Add the cost, from prices in a CSV or JSON file', namesOf('files')))
    .action((options: Options) => execute(options, context));
}

/** Shows what each key used in a month, as far as the snapshots prove it. */
export async function run({ month: typed, by, prices: file }: Options, context: ReportContext): Promise<void> {
  const { clocks, output, settings, profiles } = context;
  const month = requireMonth(typed);
  const prices = file === undefined ? undefined : readPrices(file, context);
  if (!settings.sandbox.value && keyFor(settings, profiles) === undefined) {
    throw new CommandError('not_signed_in', "You aren't signed in", { hint: 'Run `ci auth login`.' });
  }
  const store = await UsageStore.of(context);
  const stored = await readMonth(store, month);
  const last = stored.snapshots.at(-1);
  // The clock of the sandbox may be ahead of this machine's.
  const isOver = Math.max(clocks.wall(), last?.latest ?? 0) >= month.to;
  if (last === undefined || last.latest <= month.from) {
    throw new CommandError('not_found', `There are no usage snapshots for ${month.name}`, {
      hint: 'Take one with `ci usage snapshot`. To take them regularly, run `ci usage snapshot --install`.',
    });
  }
  const found = usageReport(stored, { span: { from: month.from, to: isOver ? month.to : undefined }, by, prices });
  const rows = found.rows.map((row) => printed(row, { isOver, hasCost: prices !== undefined }));
  const isComplete = isOver && found.gaps.length === 0 && found.rows.every((row) => row.isComplete);
  const { measured, gaps } = found;
  const whole = { month: month.name, ...textOf(measured), complete: isComplete, gaps: gaps.map(textOf), by, rows };
  await output.list(
    rows,
    {
      columns: columnsOf(rows, { isOver, hasCost: prices !== undefined }),
      fields,
      title: `Usage in ${month.name}, UTC`,
      empty: `No keys in ${month.name}.`,
    },
    whole,
  );
  for (const line of notesOn(found, { month, isOver, isForPeople: output.isForPeople })) output.note(line);
}

/** Reads the snapshots of a month. Those long after it are only needed if there is none at its end. */
async function readMonth(store: UsageStore, { from, to }: Month): Promise<StoredUsage> {
  const moments = await store.moments(from - reach.before, to + reach.after);
  const hasEnd = moments.some(({ earliest, latest }) => earliest > to - tolerance && latest < to + tolerance);
  return store.read(from - reach.before, to + (hasEnd ? reach.before : reach.after));
}

/** A row as JSON prints it. */
interface Row extends Used {
  readonly name: string;
  readonly ids: readonly string[];
  readonly atMost: Used<number | null>;
  readonly complete: boolean;
  readonly gaps: readonly { readonly from: string; readonly to: string }[];
  /** In USD; only with prices. */
  readonly cost?: number | null;
}

function printed(
  { name, ids, used, most, isComplete, gaps, cost }: UsageRow,
  { isOver, hasCost }: { readonly isOver: boolean; readonly hasCost: boolean },
): Row {
  return {
    name,
    ids,
    ...used,
    atMost: most,
    // A program may read only the rows.
    complete: isOver && isComplete,
    gaps: gaps.map(textOf),
    ...(hasCost && { cost: cost === null ? null : toUsd(cost) }),
  };
}

function textOf({ from, to }: Span): { readonly from: string; readonly to: string } {
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}

function columnsOf(
  rows: readonly Row[],
  { isOver, hasCost }: { readonly isOver: boolean; readonly hasCost: boolean },
): Column<Row>[] {
  const most = rows.reduce((sofar, { tokens }) => Math.max(sofar, tokens), 0);
  const figure = (field: (typeof counts)[number], header: string): Column<Row> => ({
    field,
    header,
    right: true,
    value: (row) => row[field],
    show: (row) => `${row[field] === row.atMost[field] ? '' : '≥ '}${grouped(row[field])}`,
    total: (all) => grouped(all.reduce((sum, row) => sum + row[field], 0)),
  });
  return [
    {
      field: 'name',
      header: 'KEY',
      value: ({ name }) => name,
      show: ({ name }, style) => style.bold(name),
      total: (_rows, style) => style.bold('Total'),
    },
    { field: 'ids', header: 'IDS', audience: 'programs', value: ({ ids }) => ids.join(' ') },
    figure('requests', 'REQUESTS'),
    figure('tokens', 'TOKENS'),
    { ...figure('promptTokens', 'PROMPT'), optional: 3 },
    { ...figure('completionTokens', 'COMPLETION'), optional: 2 },
    ...counts.map(
      (count): Column<Row> => ({
        field: `atMost${count.charAt(0).toUpperCase()}${count.slice(1)}`,
        header: 'AT MOST',
        audience: 'programs',
        value: ({ atMost }) => atMost[count],
      }),
    ),
    {
      field: 'complete',
      header: '',
      optional: 1,
      value: ({ complete }) => complete,
      // In a month that isn't over, a note says so of all rows.
      show: ({ complete, gaps }, style) =>
        complete || (!isOver && gaps.length === 0) ? '' : style.warning('incomplete'),
    },
    ...(hasCost ? [costColumn] : []),
    {
      field: 'share',
      header: '',
      audience: 'people',
      optional: 4,
      value: () => '',
      show: ({ tokens }, style) => style.good(bar(tokens, most)),
    },
  ];
}

const costColumn: Column<Row> = {
  field: 'cost',
  header: 'COST',
  right: true,
  value: ({ cost }) => decimalUsd(cost),
  show: ({ cost }) => (cost == null ? 'no price' : formatUsd(parseUsd(cost))),
  total: (rows) => formatUsd(rows.reduce((sum, { cost }) => sum + parseUsd(cost ?? 0), 0)),
};

function notesOn(
  { measured, gaps, rows, unpriced, contradictory }: UsageReport,
  { month, isOver, isForPeople }: { readonly month: Month; readonly isOver: boolean; readonly isForPeople: boolean },
): string[] {
  const notes = [`Measured from ${utcMinute(measured.from)} to ${utcMinute(measured.to)}.`];
  if (!isOver) notes.push(`${month.name} isn't over. Usage since the last snapshot is missing.`);
  if (gaps.length > 0) {
    notes.push(`Warning: No snapshots cover ${listed(gaps.map(spanInWords))}. Usage in these times may be missing.`);
  }
  const own = rows.filter((row) => row.gaps.some((gap) => !isIn(gap, gaps)));
  if (own.length > 0) {
    notes.push(
      `Warning: The snapshots of ${listed(own.map(({ name }) => name))} have gaps of their own, such as after the last snapshot of a revoked key. See \`gaps\` with --json.`,
    );
  }
  if (contradictory > 0) {
    notes.push(
      `Warning: The snapshots of ${counted(contradictory, 'key')} contradict each other. The figures are sums of separate periods.`,
    );
  }
  if (rows.some(({ used, most }) => counts.some((count) => used[count] !== most[count]))) {
    notes.push(
      `${isForPeople ? 'Figures with ≥' : 'Some figures'} are the least that is proven. See \`atMost\` with --json for the most.`,
    );
  }
  if (unpriced.length > 0) {
    notes.push(`Warning: No price for ${listed(unpriced)}. Add one for the name, its prefix or *.`);
  }
  return notes;
}

function isIn(gap: Span, others: readonly Span[]): boolean {
  return others.some(({ from, to }) => gap.from >= from && gap.to <= to);
}

function spanInWords({ from, to }: Span): string {
  return `${utcMinute(from)} to ${utcMinute(to)}`;
}

/** Returns the first entries of a list, and the number of others. */
function listed(all: readonly string[]): string {
  const others = all.length - mostListed;
  return others > 0 ? `${all.slice(0, mostListed).join(', ')} and ${others} more` : inWords(all, 'and');
}

function readPrices(file: string, { world }: ReportContext): Prices {
  let text: string;
  try {
    text = readFileSync(resolved(file, world), 'utf8');
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError('file_error', `Can't read ${file}: ${messageOf(error)}`, {
      hint: 'Pass a CSV or JSON file with prices to --prices.',
      cause: error,
    });
  }
  return parsePrices(text, file);
}
