import type { Stub } from '../../cli/verb.ts';

/** The commands of `ci billing`. */
export const commands: readonly Stub[] = [
  { term: 'status', description: 'Show your subscriptions and credit', load: () => import('./status.ts') },
  { term: 'credits', description: 'Show your prepaid credit', load: () => import('./credits.ts') },
  {
    term: 'topup [usd]',
    description: 'Add prepaid credit, by card or with USDC',
    load: () => import('./topup.ts'),
  },
  {
    term: 'verify [txHash]',
    description: 'Add a USDC payment to your credit',
    load: () => import('./verify.ts'),
  },
  { term: 'card', description: 'Save a card in the browser', load: () => import('./card.ts') },
  {
    term: 'subscribe [plan]',
    description: 'Retired: subscribe to a flat plan (see `ci pools subscribe`)',
    load: () => import('./subscribe.ts'),
  },
  {
    term: 'checkout [plan]',
    description: 'Retired: pay for a flat plan in the browser (see `ci pools subscribe`)',
    load: () => import('./checkout.ts'),
  },
  {
    term: 'cancel [subscriptionId]',
    description: 'Retired: cancel a flat plan at the end of its billing period (see `ci pools cancel`)',
    load: () => import('./cancel.ts'),
  },
];
