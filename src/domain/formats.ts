/** The output formats of results. */
export const formats = ['table', 'json', 'csv', 'yaml'] as const;

export type Format = (typeof formats)[number];
