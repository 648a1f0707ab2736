import type { Stub } from '../../cli/verb.ts';

/** The commands of `ci keys`. */
export const commands: readonly Stub[] = [
  { term: 'list|ls', description: 'list your API keys, secrets masked', load: () => import('./list.ts') },
  {
    term: 'create [options] [name]',
    description: 'make an API key; its secret is shown only now',
    load: () => import('./create.ts'),
  },
  {
    term: 'delete|rm [options] [keys...]',
    description: 'revoke API keys, at once and for good',
    load: () => import('./delete.ts'),
  },
];
