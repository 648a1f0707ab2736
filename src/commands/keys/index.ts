import type { Stub } from '../../cli/verb.ts';

/** The commands of `ci keys`. */
export const commands: readonly Stub[] = [
  { term: 'list|ls', description: 'List your API keys, with masked secrets', load: () => import('./list.ts') },
  {
    term: 'create [name]',
    description: 'Create an API key, and show or save its secret',
    load: () => import('./create.ts'),
  },
  {
    term: 'secret [key]',
    description: 'Print the secret of a key stored on this machine',
    load: () => import('./secret.ts'),
  },
  {
    term: 'rotate [keys...]',
    description: 'Replace API keys: create, deliver and prove new ones, then revoke the old',
    load: () => import('./rotate.ts'),
  },
  {
    term: 'delete|revoke|rm [keys...]',
    description: 'Revoke API keys immediately',
    load: () => import('./delete.ts'),
  },
];
