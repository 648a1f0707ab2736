import type { Stub } from '../../cli/verb.ts';

/** The commands of `ci keys`. */
export const commands: readonly Stub[] = [
  { term: 'list|ls', description: 'list your API keys, secrets masked', load: () => import('./list.ts') },
  {
    term: 'create [options] [name]',
    description: 'create an API key, and show its secret once',
    load: () => import('./create.ts'),
  },
  {
    term: 'delete|rm [options] [keys...]',
    description: 'revoke API keys, at once and for good',
    load: () => import('./delete.ts'),
  },
];
