import path from 'node:path';
import { workingDirectory } from '../../config/folders.ts';
import type { Context } from '../../context/context.ts';
import type { Prompts } from '../../prompts/prompts.ts';

/** The longest name of a key that is taken from a prompt. */
const longest = 100;

/** How to ask for the name of a key. */
interface NameOptions {
  /** How many keys get the name, each with a number; default: 1, without a number. */
  readonly count?: number;
  /** An earlier answer, to edit. */
  readonly earlier?: string | undefined;
  /** Asks the question; default: the context's. */
  readonly prompts?: Prompts;
}

/**
 * Asks for the name of a new key, and suggests that of the working directory. Names don't have to be unique, but users rarely want
 * two keys with the same name.
 *
 * @param missing - the error if it can't prompt
 */
export async function askKeyName(
  context: Pick<Context, 'api' | 'prompts' | 'world'>,
  missing: string,
  { count = 1, earlier, prompts = context.prompts }: NameOptions = {},
): Promise<string> {
  prompts.requirePrompt(missing);
  const keys = await (await context.api()).keys.list();
  const existing = new Set(keys.filter(({ isActive }) => isActive !== false).map(({ name }) => name?.trim()));
  const taken = (name: string) =>
    Array.from({ length: count }, (_, at) => seatKeyName(name, at, count)).find((each) => existing.has(each));
  const check = (text: string) => {
    const name = text.trim();
    if (name === '') return 'Enter a name.';
    if (name.length > longest) return `Use at most ${longest} characters.`;
    const other = taken(name);
    return other === undefined ? undefined : `Key "${other}" already exists. Enter another name.`;
  };
  const directory = path.basename(workingDirectory(context.world) ?? '').trim() || 'default';
  let suggestion = directory;
  for (let number = 2; taken(suggestion) !== undefined; number++) suggestion = `${directory}-${number}`;
  const question = count === 1 ? 'Key name:' : `Key name (${count} keys: NAME-1 to NAME-${count}):`;
  return (await prompts.text(question, missing, check, suggestion, earlier)).trim();
}

/**
 * Returns the name of the key of a seat: with a number if there are several seats.
 *
 * @param at - the index of the seat
 */
export function seatKeyName(name: string, at: number, count: number): string {
  return count > 1 ? `${name}-${at + 1}` : name;
}
