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

const fields = ['shell', 'file', 'change', 'firstLine', 'lastLine'] as const;

/** A file that completion lives in, and what was done to it. */
type Installed = Pick<FileChange, 'file' | 'change' | 'firstLine' | 'lastLine'> & { readonly shell: Shell };

/** Where `ci completion install` sets completion up. */
export interface Options {
  /** Undefined: in the shell in use. */
  readonly shell: Shell | undefined;
}

/** `ci completion install`: sets completion up, in files of the user's. */
export default function install(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      local: true,
      examples: ['ci completion install', 'ci completion install zsh --yes'],
    })
    .addArgument(
      choiceArgument('[shell]', `${shells.join(', ')} (default: the one in use)`, shells, (typed) =>
        usageError(`there is no completion for "${typed}"`, `Choose one of ${shells.join(', ')}.`),
      ),
    )
    .action((shell?: Shell) => execute({ shell }, context, command.tree));
}

/** Sets completion up, and prints what was changed. @param tree - returns the tree of the whole program */
export async function run(
  { shell: typed }: Options,
  context: Pick<Context, 'output' | 'prompts' | 'world'>,
  tree: () => Promise<CommandTree>,
): Promise<void> {
  const { output, prompts, world } = context;
  const { env } = world;
  const shell = typed ?? (await shellHere(context));
  const changes = completionChanges(shell, scriptFor(shell, await tree()), env);
  const due = changes.filter(({ change }) => change !== 'unchanged');
  if (due.length > 0) {
    prompts.requireConsent(`completion for ${shell} changes ${due.map(({ file }) => file).join(' and ')}: it`);
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
        throw error.with({ outcome: 'applied', hint: `Written before it: ${done.join(', ')}.` });
      }
    }
  }
  output.done(due.length > 0 ? `Completion for ${shell} is set up.` : `Completion for ${shell} was set up already.`);
  const rows = changes.map(({ file, change, firstLine, lastLine }) => ({ shell, file, change, firstLine, lastLine }));
  await output.list<Installed>(rows, {
    columns,
    fields,
    empty: '',
    drawing: (_style, clean) => clean.map(line).join(''),
  });
  if (due.length > 0)
    output.note(`It works in every ${shell} started from now on. After an update of ci, run this again.`);
}

/** The shell in use, or the one that is picked where that cannot be told. */
async function shellHere({ world: { env }, prompts }: Pick<Context, 'prompts' | 'world'>): Promise<Shell> {
  const choices = shells.map((name) => ({ name, value: name }));
  const missing = `which shell? Name one of ${shells.join(', ')}`;
  return shellInUse(env) ?? (await prompts.pick('Which shell?', choices, missing));
}

/** What will be done to a file; lines that go into one of the user's own are shown. */
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
