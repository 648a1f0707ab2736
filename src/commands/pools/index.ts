import type { Stub } from '../../cli/verb.ts';

/** The commands of `ci pools`. */
export const commands: readonly Stub[] = [
  {
    term: 'list|ls [options]',
    description: 'List pools with their prices and available blocks',
    load: () => import('./list.ts'),
  },
  {
    term: 'view|show [pool]',
    description: 'Show the prices of a pool, and its available seats by hour',
    load: () => import('./view.ts'),
  },
  {
    term: 'quote [options] [pool]',
    description: 'Show the price of a subscription',
    load: () => import('./quote.ts'),
  },
  {
    term: 'subscribe [options] [pool]',
    description: 'Reserve blocks of a pool, and charge the saved card',
    load: () => import('./subscribe.ts'),
  },
  {
    term: 'watch [options] [pool...]',
    description: 'Wait for a seat, and optionally buy it',
    load: () => import('./watch.ts'),
  },
  {
    term: 'subscriptions [pool]',
    description: 'List your subscriptions, to all pools or one',
    load: () => import('./subscriptions.ts'),
  },
  {
    term: 'keys [options] [pool]',
    description: 'list the keys of your subscriptions on a pool, secrets masked',
    load: () => import('./keys.ts'),
  },
  {
    term: 'cancel [options] [pool]',
    description: 'Cancel your most recent subscription on a pool at the end of its billing period',
    load: () => import('./cancel.ts'),
  },
];
