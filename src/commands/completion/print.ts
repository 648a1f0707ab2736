import { scriptFor } from '../../cli/completion/script.ts';
import type { Define } from '../../cli/verb.ts';
import type { Shell } from '../../domain/shells.ts';

const examples: Readonly<Record<Shell, string>> = {
  bash: 'source <(ci completion bash)',
  zsh: 'source <(ci completion zsh)',
  fish: 'ci completion fish | source',
  powershell: 'ci completion powershell | Out-String | Invoke-Expression',
};

/** `ci completion bash` and so on: prints the script. */
export function print(shell: Shell): Define {
  return (command, context, tree) => {
    command.tell({ local: true, examples: [examples[shell]] }).action(async () => {
      // Whatever format is preferred: it is for the shell to read.
      context.output.checkFields([]);
      context.output.raw(scriptFor(shell, await tree()));
    });
  };
}
