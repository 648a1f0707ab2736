import { scriptFor } from '../../cli/completion/script.ts';
import type { CommandTree } from '../../cli/help/command-tree.ts';
import type { Define } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import type { Shell } from '../../domain/shells.ts';

const examples: Readonly<Record<Shell, string>> = {
  bash: 'source <(ci completion bash)',
  zsh: 'source <(ci completion zsh)',
  fish: 'ci completion fish | source',
  powershell: 'ci completion powershell | Out-String | Invoke-Expression',
};

/** The script that is printed. */
export interface Options {
  readonly shell: Shell;
}

/** `ci completion bash` and the like: print the script of a shell. */
export function print(shell: Shell): Define {
  return (command, context) => {
    command.tell({ local: true, examples: [examples[shell]] }).action(() => run({ shell }, context, command.tree));
  };
}

/** Prints the completion script of a shell. @param tree - returns the command tree */
export async function run(
  { shell }: Options,
  { output }: Pick<Context, 'output'>,
  tree: () => Promise<CommandTree>,
): Promise<void> {
  // Ignores the preferred format, because a shell reads this.
  output.checkFields([]);
  output.raw(scriptFor(shell, await tree()));
}
