import type { Stub } from '../../cli/verb.ts';

/** The commands of `ci plans`. */
export const commands: readonly Stub[] = [
  {
    term: 'list|ls',
    description: 'Retired: list the flat plans (see `ci pools list`)',
    load: () => import('./list.ts'),
  },
];
