/** Pages of CheapestInference. */
export const pages = {
  dashboard: 'https://cheapestinference.com/dashboard',
  docs: 'https://docs.cheapestinference.com',
  keys: 'https://cheapestinference.com/dashboard',
  billing: 'https://cheapestinference.com/dashboard',
  pools: 'https://cheapestinference.com/pools',
} as const;

/** The default port of `ci sandbox serve`. */
export const sandboxPort = 8787;

/** The address of `ci sandbox serve` with the default port. */
export const servedSandbox = `http://127.0.0.1:${sandboxPort}`;

/** The note about programs that call the sandbox at that address. */
export const serveSandboxNote = 'Programs can reach the sandbox while `ci sandbox serve` runs in another terminal.';
