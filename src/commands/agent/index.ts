import type { Stub } from '../../cli/verb.ts';

/** The commands of `ci agent`. */
export const commands: readonly Stub[] = [
  {
    term: 'plans',
    description: 'List what you can buy with USDC',
    load: () => import('./plans.ts'),
  },
  { term: 'wallet', description: 'Manage wallets that pay with USDC', load: () => import('./wallet/index.ts') },
];
