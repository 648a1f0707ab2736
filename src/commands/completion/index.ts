import type { Shell } from '../../domain/shells.ts';
import { addVerbs, type Verb, verb } from '../command.ts';
import type { Context } from '../context.ts';
import type { CommandTree } from '../help/tree.ts';
import install from './install.ts';
import { scriptFor } from './script.ts';

const examples: Readonly<Record<Shell, string>> = {
  bash: 'source <(ci completion bash)',
  zsh: 'source <(ci completion zsh)',
  fish: 'ci completion fish | source',
  powershell: 'ci completion powershell | Out-String | Invoke-Expression',
};

/** `ci completion`. */
export default function completion(noun: Verb, context: Context, tree: () => Promise<CommandTree>): void {
  noun.addHelpText(
    'after',
    `
\`ci completion install\` sets Tab completion up for the shell in use.
Values of your account (pools, keys, subscriptions) are asked of the API in the
background: what is not at hand within a moment is there at the next Tab.`,
  );
  addVerbs(noun, [
    install(context, tree),
    script('bash', 'bash', context, tree),
    script('zsh', 'zsh', context, tree),
    script('fish', 'fish', context, tree),
    script('powershell', 'PowerShell', context, tree),
  ]);
}

/** `ci completion bash` and so on: prints the script. */
function script(shell: Shell, name: string, context: Context, tree: () => Promise<CommandTree>): Verb {
  const command = verb(shell, `print the script for ${name}`, { local: true, examples: [examples[shell]] });
  // Whatever format is preferred: it is for the shell to read.
  command.action(async () => {
    context.output.checkFields([]);
    context.output.raw(scriptFor(shell, await tree()));
  });
  return command;
}
