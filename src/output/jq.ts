import { raw } from 'jq-wasm';
import { CommandError, messageOf, usageError } from '../domain/errors.ts';

/**
 * Refuses a jq program that does not compile.
 *
 * @throws CommandError (usage)
 */
export async function checkJq(program: string): Promise<void> {
  try {
    // Compiled, and run on nothing.
    await raw('null', `empty | ${program}`);
  } catch (error) {
    throw usageError(`--jq "${program}" is no jq program: ${reason(error)}`);
  }
}

/**
 * What jq makes of a value: a line a result, texts unquoted, as `jq -r -c` prints them.
 *
 * @throws CommandError (filter_failed) when the program fails; then nothing is printed, as no result before the failure is
 */
export async function jq(program: string, value: unknown): Promise<string> {
  try {
    // Texts are unquoted here, as the library drops line breaks from the end of what jq prints.
    const results = await raw(JSON.stringify(value), `[(${program}\n)] | .[]`, ['-c']);
    return results === ''
      ? ''
      : results
          .split('\n')
          .map((line) => `${unquoted(line)}\n`)
          .join('');
  } catch (error) {
    throw new CommandError('filter_failed', `--jq "${program}" failed: ${reason(error)}`);
  }
}

function unquoted(json: string): string {
  const value: unknown = json.startsWith('"') ? JSON.parse(json) : undefined;
  return typeof value === 'string' ? value : json;
}

function reason(error: unknown): string {
  const message = messageOf(error);
  const [line = message] = message.split('\n');
  return line
    .replace(/^jq: error(?: \(at [^)]*\))?: /, '')
    .replace(/ \(Unix shell quoting issues\?\)/, '')
    .replace(/ at <top-level>, line \d+:?$/, '');
}
