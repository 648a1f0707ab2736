import type { Shell } from '../../domain/shells.ts';
import type { CommandTree } from '../help/command-tree.ts';
import { bashScript } from './bash.ts';
import { fishScript } from './fish.ts';
import { powershellScript } from './powershell.ts';
import { tablesOf } from './tables.ts';
import { zshScript } from './zsh.ts';

/** Returns the completion script of a shell, generated from the command tree. */
export function scriptFor(shell: Shell, tree: CommandTree): string {
  const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript, powershell: powershellScript };
  return scripts[shell](tablesOf(tree));
}
