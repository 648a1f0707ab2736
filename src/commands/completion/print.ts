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

/** Which script is printed. */
export interface Options {
  readonly shell: Shell;
}

/** `ci completion bash` and so on: prints the script. */
export function print(shell: Shell): Define {
  return (command, context) => {
    command.tell({ local: true, examples: [examples[shell]] }).action(() => run({ shell }, context, command.tree));
  };
}

/** Prints the completion script of a shell. @param tree - returns the tree of the whole program */
export async function run(
  { shell }: Options,
  { output }: Pick<Context, 'output'>,
  tree: () => Promise<CommandTree>,
): Promise<void> {
  // Whatever format is preferred: it is for the shell to read.
  output.checkFields([]);
  output.raw(scriptFor(shell, await tree()));
}
