import type { Stub } from '../../cli/verb.ts';

/** The commands of `ci auth`. */
export const commands: readonly Stub[] = [
  {
    term: 'login',
    description: 'Sign in with a management key',
    shortcut: 'ci login',
    load: () => import('./login.ts'),
  },
  {
    term: 'logout',
    description: 'Remove a saved key from this machine',
    shortcut: 'ci logout',
    load: () => import('./logout.ts'),
  },
  {
    term: 'status',
    description: 'Show the account in use, and check its key',
    shortcut: 'ci whoami',
    load: () => import('./status.ts'),
  },
  { term: 'list|ls', description: 'List the saved profiles', load: () => import('./list.ts') },
  { term: 'switch [profile]', description: 'Switch to another profile', load: () => import('./switch.ts') },
  { term: 'token', description: 'Print the management key in use', load: () => import('./token.ts') },
];
