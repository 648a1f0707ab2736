import type { Stub } from '../../cli/verb.ts';

/** The commands of `ci auth`. */
export const commands: readonly Stub[] = [
  {
    term: 'login [options]',
    description: 'save a management key, once the API has accepted it',
    load: () => import('./login.ts'),
  },
  { term: 'logout', description: 'forget a saved key', load: () => import('./logout.ts') },
  {
    term: 'status',
    description: 'show the account in use, and whether its key is accepted',
    load: () => import('./status.ts'),
  },
  { term: 'list|ls', description: 'list the saved profiles', load: () => import('./list.ts') },
  { term: 'switch [profile]', description: 'use another profile from now on', load: () => import('./switch.ts') },
  { term: 'token', description: 'print the management key in use, in full', load: () => import('./token.ts') },
];
