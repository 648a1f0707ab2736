/** The fields of a row of `ci usage --all`. */
export const allFields = [
  'id',
  'name',
  'type',
  'period',
  'requests',
  'tokens',
  'promptTokens',
  'completionTokens',
] as const;

/** The formats that `--format` takes. */
export const allFormats = ['csv', 'json'] as const;

export type AllFormat = (typeof allFormats)[number];
