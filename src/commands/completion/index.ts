import type { Stub } from '../../cli/verb.ts';
import type { Shell } from '../../domain/shells.ts';

export const notes = `\`ci completion install\` sets up tab completion for your shell. Names of pools,
keys and subscriptions are fetched in the background: if they are missing, press
Tab again.`;

/** The commands of `ci completion`. */
export const commands: readonly Stub[] = [
  {
    term: 'install [shell]',
    description: 'Set up tab completion for a shell',
    load: () => import('./install.ts'),
  },
  script('bash', 'bash'),
  script('zsh', 'zsh'),
  script('fish', 'fish'),
  script('powershell', 'PowerShell'),
];

function script(shell: Shell, name: string): Stub {
  const load = async () => ({ default: (await import('./print.ts')).print(shell) });
  return { term: shell, description: `Print the completion script for ${name}`, load };
}
