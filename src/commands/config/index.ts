import type { Stub } from '../../cli/verb.ts';

/** The commands of `ci config`. */
export const commands: readonly Stub[] = [
  { term: 'get [key]', description: 'Print the value of a setting', load: () => import('./get.ts') },
  { term: 'set [key] [value]', description: 'Change a setting of the profile in use', load: () => import('./set.ts') },
  { term: 'unset [key]', description: 'Remove a setting of the profile in use', load: () => import('./unset.ts') },
  { term: 'list|ls', description: 'List the settings, and where each comes from', load: () => import('./list.ts') },
  { term: 'path', description: 'Print the path of the config file', load: () => import('./path.ts') },
];
