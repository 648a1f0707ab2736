import { programOf } from '../account/program.ts';
import { type ChoiceContext, chooseKey } from '../account/stored-keys/choose.ts';
import { originOfApi } from '../account/stored-keys/store.ts';
import { servedSandbox, serveSandboxNote } from '../account/web-pages.ts';
import { apiFormatOption, keyOption, keyPoolOption } from '../cli/key-options.ts';
import { choiceOption } from '../cli/values.ts';
import type { Verb } from '../cli/verb.ts';
import { evaluatingShell } from '../config/shell.ts';
import type { Context } from '../context/context.ts';
import { usageError } from '../domain/errors.ts';
import { type ApiFormat, keyVariables } from '../domain/key-variables.ts';
import { shellWord } from '../domain/shell-word.ts';
import { type EvaluatingShell, evaluatingShells } from '../domain/shells.ts';
import { assignments } from '../output/assignments.ts';
import { maskInLog } from '../output/workflow-commands.ts';

const fields = [
  'CHEAPESTINFERENCE_API_KEY',
  'OPENAI_API_KEY',
  'OPENAI_BASE_URL',
  'ANTHROPIC_AUTH_TOKEN',
  'ANTHROPIC_BASE_URL',
  'ANTHROPIC_API_KEY',
] as const;

const fileFormats = ['dotenv', 'json'] as const;

/** The options of `ci env`. */
export interface Options {
  readonly key?: string;
  readonly pool?: string;
  readonly for: ApiFormat;
  /** Undefined: the shell in use. */
  readonly shell?: EvaluatingShell;
  readonly format?: (typeof fileFormats)[number];
}

/** `ci env`: prints the variables with which programs use a stored key. */
export default function env(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      local: true,
      exits: [5],
      examples: [
        'eval "$(ci env)"',
        'ci env --shell fish | source',
        'ci env --shell powershell | Out-String | Invoke-Expression',
        'ci env --key prod-api --for openai --format dotenv > .env',
      ],
    })
    .addOption(keyOption())
    .addOption(keyPoolOption())
    .addOption(apiFormatOption())
    .addOption(
      choiceOption(
        '--shell <shell>',
        'Shell: sh (also for bash and zsh), fish or powershell (default: the one in use)',
        evaluatingShells,
      ),
    )
    .addOption(choiceOption('--format <format>', 'Print dotenv or json instead of shell commands', fileFormats))
    .action((options: Options) => execute(options, context));
}

/** Prints the variables of a stored key. */
export async function run(options: Options, context: ChoiceContext): Promise<void> {
  const { shell, format, for: apiFormat, ...choice } = options;
  const { output, settings, world } = context;
  if (shell !== undefined && format !== undefined)
    throw usageError("--shell and --format can't be combined", 'Pass one of them.');
  const isSandbox = settings.sandbox.value;
  const baseUrl = isSandbox ? servedSandbox : await originOfApi(settings);
  const { secret } = await chooseKey(context, choice);
  const variables = keyVariables({ secret, baseUrl, format: apiFormat });
  maskInLog(world, [secret]);
  if (isSandbox) output.note(serveSandboxNote);
  if (format === 'json') return output.line(JSON.stringify(variables, undefined, output.isTerminal ? 2 : undefined));
  // The format of a profile must not break what a shell evaluates.
  const { requested } = output;
  if (format === undefined && shell === undefined && requested !== undefined && requested !== 'table')
    return output.record(variables, { fields: Object.keys(variables) });
  const target = format ?? shell ?? evaluatingShell(world.env);
  output.raw(assignments(variables, target));
  if (output.isTerminal && target !== 'dotenv')
    output.note(
      `\nTo set these variables in ${options.shell ?? 'this shell'}, run:\n  ${loadCommand(target, `${programOf(context)} env${choiceWords(options)}`)}`,
    );
}

/** Returns the options that choose the key and the variables, as typed. */
function choiceWords({ key, pool, for: apiFormat, shell }: Options): string {
  const format = apiFormat === 'all' ? undefined : apiFormat;
  const options = { '--key': key, '--pool': pool, '--for': format, '--shell': shell };
  return Object.entries(options)
    .map(([name, value]) => (value === undefined ? '' : ` ${name} ${shellWord(value)}`))
    .join('');
}

/** Returns how a shell evaluates the output of a command. */
function loadCommand(shell: EvaluatingShell, command: string): string {
  switch (shell) {
    case 'sh':
      return `eval "$(${command})"`;
    case 'fish':
      return `${command} | source`;
    case 'powershell':
      return `${command} | Out-String | Invoke-Expression`;
  }
}
