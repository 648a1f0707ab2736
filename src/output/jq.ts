import { raw } from 'jq-wasm/inline';
import { CommandError, messageOf, usageError } from '../domain/errors.ts';

/**
 * Refuses a jq expression that doesn't compile.
 *
 * @throws CommandError (usage)
 */
export async function checkJq(program: string): Promise<void> {
  try {
    // With `empty`, the expression is compiled but never run.
    await run('null', `empty | ${program}`);
  } catch (error) {
    throw usageError(`"${program}" is not a valid jq expression: ${reason(error)}`);
  }
}

/**
 * Filters a value with a jq expression. Returns a line per result, with strings unquoted, as `jq -r -c` prints them.
 *
 * @throws CommandError (filter_failed) if the expression fails, even after some results
 */
export async function jq(program: string, value: unknown): Promise<string> {
  try {
    // Strings are unquoted here because the library drops line breaks at the end of jq's output.
    const results = await run(JSON.stringify(value), `[(${program}\n)] | .[]`);
    return results === ''
      ? ''
      : results
          .split('\n')
          .map((line) => `${unquoted(line)}\n`)
          .join('');
  } catch (error) {
    throw new CommandError('filter_failed', `The jq expression "${program}" failed: ${reason(error)}`);
  }
}

/** Runs jq. Returns a line of JSON per result. @throws Error if it fails */
async function run(json: string, program: string): Promise<string> {
  const { stdout, stderr, exitCode } = await raw(json, program, ['-c']);
  if (exitCode !== 0) throw new Error(stderr || `exit code ${exitCode}`);
  return stdout;
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
    .replace(/ at <top-level>, line \d+(?:, column \d+)?:?$/, '');
}
