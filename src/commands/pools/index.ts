import type { Stub } from '../../cli/verb.ts';

/** The commands of `ci pools`. */
export const commands: readonly Stub[] = [
  {
    term: 'list|ls',
    description: 'List pools with their prices and available blocks',
    load: () => import('./list.ts'),
  },
  {
    term: 'view|show [pool]',
    description: "Show a pool's prices, and its available seats by hour",
    load: () => import('./view.ts'),
  },
  {
    term: 'quote [pool]',
    description: 'Show the price of a subscription',
    load: () => import('./quote.ts'),
  },
  {
    term: 'subscribe [pool]',
    description: 'Reserve blocks of a pool, and charge your saved card',
    load: () => import('./subscribe.ts'),
  },
  {
    term: 'watch [pool...]',
    description: 'Wait for a seat, and optionally buy it',
    load: () => import('./watch.ts'),
  },
  {
    term: 'subscriptions [pool]',
    description: 'List your subscriptions on all pools or one',
    load: () => import('./subscriptions.ts'),
  },
  {
    term: 'keys [pool]',
    description: 'List the keys of your subscriptions on a pool',
    load: () => import('./keys.ts'),
  },
  {
    term: 'cancel [pool]',
    description: 'Cancel your most recent subscription on a pool at the end of its billing period',
    load: () => import('./cancel.ts'),
  },
];
