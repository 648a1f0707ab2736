import path from 'node:path';
import { workingDirectory } from '../../config/folders.ts';
import type { Context } from '../../context/context.ts';

/** The longest name of a key that is taken from a prompt. */
const longest = 100;

/**
 * Asks for the name of a new key, and suggests that of the working directory. Names don't have to be unique, but a second key of the same
 * name is hardly ever what the user wants.
 *
 * @param missing - the error if nobody can be asked
 */
export async function askKeyName(
  context: Pick<Context, 'api' | 'prompts' | 'world'>,
  missing: string,
): Promise<string> {
  const { prompts, world } = context;
  prompts.requireSomebody(missing);
  const keys = await (await context.api()).keys.list();
  const taken = new Set(keys.filter(({ isActive }) => isActive !== false).map(({ name }) => name?.trim()));
  const check = (text: string) => {
    if (text.trim() === '') return 'Enter a name.';
    if (text.length > longest) return `Use at most ${longest} characters.`;
    return taken.has(text.trim()) ? `Key "${text.trim()}" already exists. Enter another name.` : undefined;
  };
  const directory = path.basename(workingDirectory(world) ?? '').trim() || 'default';
  let suggestion = directory;
  for (let count = 2; taken.has(suggestion); count++) suggestion = `${directory}-${count}`;
  return (await prompts.text('Key name:', missing, check, suggestion)).trim();
}
