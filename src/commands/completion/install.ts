import { scriptFor } from '../../cli/completion/script.ts';
import type { CommandTree } from '../../cli/help/command-tree.ts';
import { choiceArgument } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import { completionChanges } from '../../completion/setup.ts';
import { shellInUse } from '../../config/shell.ts';
import type { Context } from '../../context/context.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import { type Shell, shells } from '../../domain/shells.ts';
import { applyChange, type FileChange } from '../../output/file-change.ts';
import type { Column } from '../../output/output.ts';
import { inWords } from '../../output/text.ts';

const fields = ['shell', 'file', 'change', 'firstLine', 'lastLine'] as const;

/** A file of completion, and what was changed in it. */
type Installed = Pick<FileChange, 'file' | 'change' | 'firstLine' | 'lastLine'> & { readonly shell: Shell };

/** The shell that `ci completion install` sets up. */
export interface Options {
  /** Undefined: the shell in use. */
  readonly shell: Shell | undefined;
}

/** `ci completion install`: sets up completion in the user's files. */
export default function install(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      local: true,
      examples: ['ci completion install', 'ci completion install zsh --yes'],
    })
    .addArgument(
      choiceArgument('[shell]', `Shell: ${inWords(shells, 'or')} (default: your shell)`, shells, (typed) =>
        usageError(`Completion doesn't support "${typed}"`, `Choose ${inWords(shells, 'or')}.`),
      ),
    )
    .action((shell?: Shell) => execute({ shell }, context, command.tree));
}

/** Sets up completion, and prints what was changed. @param tree - returns the command tree */
export async function run(
  { shell: typed }: Options,
  context: Pick<Context, 'output' | 'prompts' | 'world'>,
  tree: () => Promise<CommandTree>,
): Promise<void> {
  const { output, prompts, world } = context;
  const { env } = world;
  const shell = typed ?? (await currentShell(context));
  const changes = completionChanges(shell, scriptFor(shell, await tree()), env);
  const due = changes.filter(({ change }) => change !== 'unchanged');
  if (due.length > 0) {
    prompts.requireConsent();
    if (prompts.canAsk) {
      output.note(`Completion for ${shell}:\n${due.flatMap(planned).join('\n')}`);
      await prompts.consent('Change these files?');
    }
    for (const [at, change] of due.entries()) {
      try {
        applyChange(change);
      } catch (error) {
        if (!(error instanceof CommandError) || at === 0) throw error;
        const done = due.slice(0, at).map(({ file }) => file);
        throw error.with({ outcome: 'applied', hint: `These files were already changed: ${done.join(', ')}.` });
      }
    }
  }
  output.done(due.length > 0 ? `Completion for ${shell} is set up.` : `Completion for ${shell} is already set up.`);
  const rows = changes.map(({ file, change, firstLine, lastLine }) => ({ shell, file, change, firstLine, lastLine }));
  await output.list<Installed>(rows, {
    columns,
    fields,
    empty: '',
    drawing: (_style, clean) => clean.map(line).join(''),
  });
  if (due.length > 0) output.note(`Start a new ${shell} shell to use it. After updating ci, run this command again.`);
}

/** Returns the shell in use, or asks for it if that is unknown. */
async function currentShell({ world: { env }, prompts }: Pick<Context, 'prompts' | 'world'>): Promise<Shell> {
  const choices = shells.map((name) => ({ name, value: name }));
  const missing = `Can't ask for a shell without a terminal. Pass ${inWords(shells, 'or')}`;
  return shellInUse(env) ?? (await prompts.pick('Shell:', choices, missing));
}

/** Describes the change of a file. Shows the lines that are added to a file of the user. */
function planned({ file, change, firstLine, lastLine, text }: FileChange): string[] {
  const whole = firstLine === 1 && lastLine >= text.split('\n').length - 1;
  const what = change === 'created' ? 'new file' : `lines ${firstLine}–${lastLine} ${change}`;
  const lines = text.split(/\r?\n/).slice(firstLine - 1, lastLine);
  return [`  ${file}: ${what}`, ...(whole && lines.length > 10 ? [] : lines.map((each) => `    ${each}`))];
}

function line({ file, change, firstLine, lastLine }: Installed): string {
  return `${file}: lines ${firstLine}–${lastLine} ${change}\n`;
}

const columns: readonly Column<Installed>[] = fields.map((field) => ({
  field,
  header: field.toUpperCase(),
  value: (row) => row[field],
}));
