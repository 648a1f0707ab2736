/** The formats that a result can be printed in. */
export const formats = ['table', 'json', 'csv', 'yaml'] as const;

export type Format = (typeof formats)[number];
