import type { Stub } from '../../cli/verb.ts';

/** The commands of `ci billing`. */
export const commands: readonly Stub[] = [
  { term: 'status', description: 'show subscriptions and credit', load: () => import('./status.ts') },
  { term: 'credits', description: 'show the prepaid credit', load: () => import('./credits.ts') },
  {
    term: 'topup [options] [usd]',
    description: 'add to the prepaid credit, by card or USDC',
    load: () => import('./topup.ts'),
  },
  { term: 'verify [options] [txHash]', description: 'have a USDC payment credited', load: () => import('./verify.ts') },
  { term: 'card', description: 'save a card, in the browser', load: () => import('./card.ts') },
  {
    term: 'subscribe [options] [plan]',
    description: 'Retired: subscribe to a flat plan (see `ci pools subscribe`)',
    load: () => import('./subscribe.ts'),
  },
  {
    term: 'checkout [plan]',
    description: 'Retired: pay for a flat plan in the browser (see `ci pools subscribe`)',
    load: () => import('./checkout.ts'),
  },
  {
    term: 'cancel [options] [subscriptionId]',
    description: 'Retired: cancel a flat plan at the end of its billing period (see `ci pools cancel`)',
    load: () => import('./cancel.ts'),
  },
];
