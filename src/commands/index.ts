import type { Stub } from '../cli/verb.ts';

/** The heading in help of commands that have another name, too. */
const shortcuts = 'Shortcuts:';

/** The commands of `ci`. Only the one that was typed is loaded. */
export const nouns: readonly Stub[] = [
  {
    term: 'setup',
    description: 'Get a working API key, step by step',
    load: () => import('./setup/index.ts'),
  },
  {
    term: 'status',
    description: 'Show your subscriptions and what needs attention',
    load: () => import('./status.ts'),
  },
  {
    term: 'pools',
    description: 'List pools and reserve blocks',
    load: () => import('./pools/index.ts'),
  },
  { term: 'keys', description: 'Create, list and revoke API keys', load: () => import('./keys/index.ts') },
  {
    term: 'run -- <command...>',
    description: 'Run a command with an API key in its environment',
    load: () => import('./run.ts'),
  },
  { term: 'env', description: 'Print the variables of an API key for a shell', load: () => import('./env.ts') },
  {
    term: 'connect [tool]',
    description: 'Connect a coding agent or another tool to a key',
    load: () => import('./connect/index.ts'),
  },
  {
    term: 'gateway',
    description: 'Spread many requests over all your seats',
    load: () => import('./gateway/index.ts'),
  },
  { term: 'models', description: 'List the models that an API key can use', load: () => import('./models.ts') },
  { term: 'usage', description: 'Show requests and tokens per key', load: () => import('./usage/index.ts') },
  { term: 'billing', description: 'Manage credit and cards', load: () => import('./billing/index.ts') },
  {
    term: 'agent',
    description: 'Buy with USDC on Base, without an account',
    load: () => import('./agent/index.ts'),
  },
  { term: 'export', description: 'Print the account as a file', load: () => import('./export.ts') },
  {
    term: 'plan [file]',
    description: 'Show what differs between a file and the account',
    load: () => import('./plan.ts'),
  },
  {
    term: 'apply [file]',
    description: 'Make the account as a file says',
    load: () => import('./apply.ts'),
  },
  { term: 'history', description: 'Show the record of changes', load: () => import('./history/index.ts') },
  {
    term: 'state',
    description: 'Manage the state database that machines share',
    load: () => import('./state/index.ts'),
  },
  { term: 'auth', description: 'Sign in and out, and switch profiles', load: () => import('./auth/index.ts') },
  { term: 'config', description: 'Manage settings', load: () => import('./config/index.ts') },
  { term: 'api', description: 'Send an authenticated API request', load: () => import('./api.ts') },
  { term: 'sandbox', description: 'Run an emulator of the API', load: () => import('./sandbox/index.ts') },
  { term: 'completion', description: 'Set up tab completion', load: () => import('./completion/index.ts') },
  { term: 'open', description: 'Open a CheapestInference page', load: () => import('./open.ts') },
  { term: 'doctor', description: 'Diagnose problems', load: () => import('./doctor.ts') },
  { term: 'plans', description: 'List flat plans (retired)', load: () => import('./plans/index.ts') },
  {
    term: 'login',
    description: 'Same as `ci auth login`',
    section: shortcuts,
    load: () => import('./auth/login.ts'),
  },
  {
    term: 'logout',
    description: 'Same as `ci auth logout`',
    section: shortcuts,
    load: () => import('./auth/logout.ts'),
  },
  {
    term: 'whoami',
    description: 'Same as `ci auth status`',
    section: shortcuts,
    load: () => import('./auth/status.ts'),
  },
  { term: 'version', description: 'Same as `ci --version`', section: shortcuts, load: () => import('./version.ts') },
];
