/** How keys are grouped in a report. */
export const groupings = ['key', 'prefix'] as const;

export type Grouping = (typeof groupings)[number];

/** Returns the part of a name before its first separator (`-`, `_`, `.`, `/` or `:`), or the whole name: `acme` of `acme-prod`. */
export function prefixOf(name: string): string {
  return /^[^-_./:]+/.exec(name)?.[0] ?? name;
}
