/** Pages of CheapestInference. */
export const pages = {
  dashboard: 'https://cheapestinference.com/dashboard',
  docs: 'https://docs.cheapestinference.com',
  keys: 'https://cheapestinference.com/dashboard',
  billing: 'https://cheapestinference.com/dashboard',
  pools: 'https://cheapestinference.com/pools',
} as const;
