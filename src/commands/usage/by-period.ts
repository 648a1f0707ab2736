import { type Period, periods } from '../../domain/usage-periods.ts';
import type { Column } from '../../output/output.ts';
import { grouped } from '../../output/text.ts';
import { allFields } from './all-fields.ts';
import { figures } from './columns.ts';
import { currentUsage, type UsageContext } from './keys.ts';

/** What a key used in a period. Null: the API didn't say. */
interface Row {
  readonly id: string;
  readonly name: string | null;
  readonly type: string | null;
  readonly period: Period;
  readonly requests: number | null;
  readonly tokens: number | null;
  readonly promptTokens: number | null;
  readonly completionTokens: number | null;
}

const lengths: readonly Period[] = ['1h', '24h', '7d', '30d'];

/** Shows the usage of all keys, with a row per key and period. */
export async function usageByPeriod(context: UsageContext, refresh: boolean): Promise<void> {
  const keys = await currentUsage(context, refresh);
  const rows = keys.flatMap((key) =>
    lengths.map((period): Row => {
      const { requests = null, tokens = null, promptTokens = null, completionTokens = null } = figures(key, period);
      const { id, name = null, type = null } = key;
      return { id, name, type, period, requests, tokens, promptTokens, completionTokens };
    }),
  );
  await context.output.list(rows, {
    columns,
    fields: allFields,
    title: `Usage in the ${periods['1h'].title}, 24 hours, 7 days and 30 days`,
    empty: 'No API keys. Run `ci keys create` to create one.',
  });
}

const columns: readonly Column<Row>[] = [
  { field: 'id', header: 'ID', value: ({ id }) => id, optional: 4, hasIds: true },
  { field: 'name', header: 'KEY', value: ({ name }) => name, show: ({ name, id }, style) => style.bold(name ?? id) },
  { field: 'type', header: 'TYPE', value: ({ type }) => type, optional: 3 },
  { field: 'period', header: 'PERIOD', value: ({ period }) => period },
  count('requests', 'REQUESTS'),
  count('tokens', 'TOKENS'),
  { ...count('promptTokens', 'PROMPT'), optional: 2 },
  { ...count('completionTokens', 'COMPLETION'), optional: 1 },
];

function count(field: 'requests' | 'tokens' | 'promptTokens' | 'completionTokens', header: string): Column<Row> {
  return { field, header, right: true, value: (row) => row[field], show: (row) => grouped(row[field]) };
}
