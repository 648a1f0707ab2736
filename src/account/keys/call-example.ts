import { loginShell } from '../../config/shell.ts';
import type { Context } from '../../context/context.ts';
import { quoted, shellWord } from '../../domain/shell-word.ts';
import { factLines, harmless } from '../../output/text.ts';
import { widthOf } from '../../output/width.ts';
import { shellLines } from '../../output/wrap.ts';
import { programOf } from '../program.ts';
import type { Description } from '../secrets/destination.ts';
import { defaultVariable } from '../secrets/dotenv-file.ts';
import { servedSandbox } from '../web-pages.ts';

/** The key to call the API with. */
export interface Callable {
  /** Where its secret is; undefined if it was only shown. */
  readonly saved: Description | undefined;
  /** Its name, to take it from this machine. */
  readonly name?: string | null | undefined;
  /** A model that it can use; default: the call lists the models. */
  readonly model?: string | undefined;
}

/** Returns how to call the API with a new key: {@link baseUrlFacts} and {@link callCommand}. */
export function callExample(context: Pick<Context, 'settings' | 'world'>, key: Callable, width: number): string {
  return `${factLines(baseUrlFacts(context))}\n${callCommand(context, key, width)}`;
}

/** Returns the base URLs of the API, as labels and values. */
export function baseUrlFacts(context: Pick<Context, 'settings'>): [string, string][] {
  const base = baseUrl(context);
  return [
    ['Base URL', `${base}/v1 (OpenAI)`],
    ['', `${base}/anthropic (Anthropic)`],
  ];
}

function baseUrl({ settings }: Pick<Context, 'settings'>): string {
  return settings.sandbox.value ? servedSandbox : settings.apiUrl.value.replace(/\/+$/, '');
}

/**
 * Returns a `curl` command that calls the API with a new key and can be copied. It reads the key from its variable, so that the secret
 * is in no shell history.
 *
 * @param width - of the terminal, in columns
 */
export function callCommand(
  { settings, world }: Pick<Context, 'settings' | 'world'>,
  { saved, name, model }: Callable,
  width: number,
): string {
  const base = baseUrl({ settings });
  const [variable = defaultVariable] = saved?.variables ?? [];
  const file = saved?.dotenvFile;
  const curl = `curl ${base}/v1/${model === undefined ? 'models' : 'chat/completions'} --header "Authorization: Bearer $${variable}"`;
  // The name of the model comes from the API.
  const body = { model: model && harmless(model), messages: [{ role: 'user', content: 'Hi' }] };
  const call =
    model === undefined
      ? curl
      : `${curl} --header "Content-Type: application/json" --data ${quoted(JSON.stringify(body))}`;
  const stored = saved?.isStored && !saved.variables ? `eval "$(${storedKeyCommand({ settings }, name)})"` : undefined;
  const load = stored ?? (file === undefined ? undefined : `. ${shellWord(file)}`);
  const command = load === undefined ? call : `${load} && ${call}`;
  const steps = [
    ...(settings.sandbox.value ? ['run `ci sandbox serve` in another terminal'] : []),
    ...(load === undefined ? [`set ${variable} to the key`] : []),
  ];
  const title = steps.length === 0 ? 'Try it:' : `To try it, ${steps.join(', and ')}, then run:`;
  const isForSh = load !== undefined && loginShell(world.env) === 'fish';
  return `${title}
${isForSh ? linesForSh(command, width) : shellLines(command, width)}`;
}

/** Returns the command that prints the variables of a stored key for sh. */
function storedKeyCommand({ settings }: Pick<Context, 'settings'>, name: Callable['name']): string {
  const key = name == null ? '' : ` --key ${shellWord(name)}`;
  return `${programOf({ settings })} env --shell sh${key}`;
}

/** Returns a command for sh, to be run by a shell that can't read dotenv files. Line breaks are escaped inside the quotation marks. */
function linesForSh(command: string, width: number): string {
  const start = '  sh -c ';
  // Quotation marks inside of others take more columns. Less indentation leaves them room.
  const measure = (text: string) => widthOf(quoted(text));
  const lines = shellLines(command, width - start.length, measure).trimStart();
  return start + quoted(lines.replaceAll('\n    ', '\n  '));
}
