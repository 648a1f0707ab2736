const hour = 3_600_000;

/** The periods that the API counts usage for, from the shortest to the longest, with its names for them (Usage, "usage"). */
export const periods = {
  '1h': { field: 'last1h', title: 'last hour', milliseconds: hour },
  '24h': { field: 'last24h', title: 'last 24 hours', milliseconds: 24 * hour },
  '7d': { field: 'last7d', title: 'last 7 days', milliseconds: 7 * 24 * hour },
  '30d': { field: 'last30d', title: 'last 30 days', milliseconds: 30 * 24 * hour },
} as const;

export type Period = keyof typeof periods;
