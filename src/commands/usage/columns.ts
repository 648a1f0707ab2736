import type { KeyUsage } from '../../api/usage.ts';
import { type Period, periods } from '../../domain/usage-periods.ts';
import type { Column } from '../../output/output.ts';
import { grouped } from '../../output/text.ts';

/** Returns the usage of a key in a period. */
export function figures(key: KeyUsage, period: Period) {
  return key.usage?.[periods[period].field] ?? {};
}

/**
 * Returns the columns of a table of usage.
 *
 * @param most - the tokens of the key with the longest bar
 */
export function usageColumns(period: Period, most: number): readonly Column<KeyUsage>[] {
  const count = (field: 'requests' | 'tokens' | 'promptTokens' | 'completionTokens', header: string) => ({
    field,
    header,
    right: true,
    value: (key: KeyUsage) => figures(key, period)[field],
    show: (key: KeyUsage) => grouped(figures(key, period)[field]),
    total: (keys: readonly KeyUsage[]) =>
      grouped(keys.reduce((sum, key) => sum + (figures(key, period)[field] ?? 0), 0)),
  });
  return [
    { field: 'id', header: 'ID', value: ({ id }) => id, optional: 4, hasIds: true },
    {
      field: 'name',
      header: 'KEY',
      value: ({ name }) => name,
      show: ({ name, id }, style) => style.bold(name ?? id),
      total: (_keys, style) => style.bold('Total'),
    },
    { field: 'type', header: 'TYPE', value: ({ type }) => type, optional: 5 },
    count('requests', 'REQUESTS'),
    count('tokens', 'TOKENS'),
    { ...count('promptTokens', 'PROMPT'), optional: 3 },
    { ...count('completionTokens', 'COMPLETION'), optional: 2 },
    {
      field: 'share',
      header: '',
      audience: 'people',
      optional: 6,
      value: () => '',
      show: (key, style) => style.good(bar(figures(key, period).tokens ?? 0, most)),
    },
  ];
}

const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** Returns a bar of up to 12 columns. */
export function bar(value: number, most: number): string {
  const length = most > 0 ? Math.max(0, Math.round((value / most) * 12 * 8)) : 0;
  return '█'.repeat(Math.floor(length / 8)) + (eighths[length % 8] ?? '');
}
