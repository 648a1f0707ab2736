import type { Stub } from '../../cli/verb.ts';

export const notes = `Machines that share a state database act as one: no two buy at once, and all see
the same record of changes. To use one:

  ci config set state-url -   Enter its URL
  ci state init               Create its tables
  ci state move               Bring in the changes made from this machine`;

/** The commands of `ci state`. */
export const commands: readonly Stub[] = [
  { term: 'init', description: 'Create or upgrade the tables of the state database', load: () => import('./init.ts') },
  {
    term: 'status',
    description: 'Show the state database, and the machines that share it',
    load: () => import('./status.ts'),
  },
  {
    term: 'move',
    description: 'Bring the record of this machine into the state database',
    load: () => import('./move.ts'),
  },
  {
    term: 'sync',
    description: 'Bring in the changes that the state database lacks',
    load: () => import('./sync.ts'),
  },
  { term: 'gc', description: 'Remove old changes that are settled', load: () => import('./gc.ts') },
];
