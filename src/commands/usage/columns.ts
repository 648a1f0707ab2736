import type { KeyUsage } from '../../api/usage.ts';
import type { Column } from '../../output/output.ts';
import { grouped } from '../../output/text.ts';

/** The periods that the API counts over, and its own names for them (Usage, "usage"). */
export const periods = { '1h': 'last1h', '24h': 'last24h', '7d': 'last7d', '30d': 'last30d' } as const;

export type Period = keyof typeof periods;

/** What a key used in a period. */
export function figures(key: KeyUsage, period: Period) {
  return key.usage?.[periods[period]] ?? {};
}

/** A key's figures over one period, in a table; a key that used most has the longest bar. */
export function usageColumns(period: Period, most: number): readonly Column<KeyUsage>[] {
  const count = (field: 'requests' | 'tokens' | 'promptTokens' | 'completionTokens', header: string) => ({
    field,
    header,
    right: true,
    value: (key: KeyUsage) => figures(key, period)[field],
    show: (key: KeyUsage) => grouped(figures(key, period)[field]),
  });
  return [
    { field: 'id', header: 'ID', value: ({ id }) => id, optional: 3 },
    { field: 'name', header: 'KEY', value: ({ name }) => name, show: ({ name, id }, style) => style.bold(name ?? id) },
    { field: 'type', header: 'TYPE', value: ({ type }) => type, optional: 4 },
    count('requests', 'REQUESTS'),
    count('tokens', 'TOKENS'),
    { ...count('promptTokens', 'PROMPT'), optional: 2 },
    { ...count('completionTokens', 'COMPLETION'), optional: 1 },
    {
      field: 'share',
      header: '',
      optional: 5,
      // A picture for people: a pipe has the figures.
      value: () => '',
      show: (key, style) => style.good(bar(figures(key, period).tokens ?? 0, most)),
    },
  ];
}

const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of up to 12 columns. */
function bar(value: number, most: number): string {
  const length = most > 0 ? Math.max(0, Math.round((value / most) * 12 * 8)) : 0;
  return '█'.repeat(Math.floor(length / 8)) + (eighths[length % 8] ?? '');
}
