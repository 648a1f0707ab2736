import type { Stub } from '../../cli/verb.ts';

/** The commands of `ci config`. */
export const commands: readonly Stub[] = [
  { term: 'get [key]', description: 'print a setting', load: () => import('./get.ts') },
  { term: 'set [key] [value]', description: 'change a setting of the profile in use', load: () => import('./set.ts') },
  { term: 'list|ls', description: 'list the settings, and where each came from', load: () => import('./list.ts') },
  { term: 'path', description: 'print the file of profiles and settings', load: () => import('./path.ts') },
];
