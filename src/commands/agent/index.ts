import type { Stub } from '../../cli/verb.ts';

/** The commands of `ci agent`. */
export const commands: readonly Stub[] = [
  {
    term: 'plans',
    description: 'List what you can buy with USDC',
    load: () => import('./plans.ts'),
  },
  {
    term: 'subscribe [pool]',
    description: 'Pay for a subscription and get its API key',
    load: () => import('./subscribe.ts'),
  },
  { term: 'topup [usd]', description: 'Pay for credit', load: () => import('./topup.ts') },
  {
    term: 'claim <txHash>',
    description: 'Claim what a payment was for',
    load: () => import('./claim.ts'),
  },
  { term: 'wallet', description: 'Manage wallets that pay with USDC', load: () => import('./wallet/index.ts') },
];
