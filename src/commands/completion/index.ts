import type { Stub } from '../../cli/verb.ts';
import type { Shell } from '../../domain/shells.ts';

export const notes = `\`ci completion install\` sets Tab completion up for the shell in use.
Values of your account (pools, keys, subscriptions) are asked of the API in the
background: what is not at hand within a moment is there at the next Tab.`;

/** The commands of `ci completion`. */
export const commands: readonly Stub[] = [
  {
    term: 'install [shell]',
    description: 'set completion up, and say what was changed',
    load: () => import('./install.ts'),
  },
  script('bash', 'bash'),
  script('zsh', 'zsh'),
  script('fish', 'fish'),
  script('powershell', 'PowerShell'),
];

function script(shell: Shell, name: string): Stub {
  const load = async () => ({ default: (await import('./print.ts')).print(shell) });
  return { term: shell, description: `print the script for ${name}`, load };
}
