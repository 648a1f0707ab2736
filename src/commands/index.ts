import type { Stub } from '../cli/verb.ts';

/** The nouns: only the one that was typed is loaded. */
export const nouns: readonly Stub[] = [
  {
    term: 'setup',
    description: 'from nothing to a working API key, step by step',
    load: () => import('./setup/index.ts'),
  },
  { term: 'status', description: 'the account at a glance, and what needs care', load: () => import('./status.ts') },
  { term: 'pools', description: 'find pools, see prices, subscribe', load: () => import('./pools/index.ts') },
  { term: 'keys', description: 'make, list and revoke API keys', load: () => import('./keys/index.ts') },
  { term: 'usage', description: 'what the keys were used for', load: () => import('./usage/index.ts') },
  { term: 'billing', description: 'the account, credit and cards', load: () => import('./billing/index.ts') },
  { term: 'history', description: 'what was changed from this machine', load: () => import('./history/index.ts') },
  { term: 'auth', description: 'sign in and out, and between accounts', load: () => import('./auth/index.ts') },
  { term: 'config', description: 'settings', load: () => import('./config/index.ts') },
  { term: 'api', description: 'send any request with the stored key', load: () => import('./api.ts') },
  { term: 'sandbox', description: 'the whole API on this machine, no money', load: () => import('./sandbox/index.ts') },
  {
    term: 'completion',
    description: 'Tab completion for bash, zsh, fish, PowerShell',
    load: () => import('./completion/index.ts'),
  },
  { term: 'open', description: "a page of the vendor's in the browser", load: () => import('./open.ts') },
  { term: 'doctor', description: 'what could be in the way', load: () => import('./doctor.ts') },
  { term: 'plans', description: 'retired: the flat plans', load: () => import('./plans/index.ts') },
];
