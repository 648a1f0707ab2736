import type { ChosenKey } from '../account/stored-keys/choose.ts';
import { keyStoreOf, type StoreContext } from '../account/stored-keys/store.ts';
import { shellWord } from '../domain/shell-word.ts';
import { findStored, type StoredKey } from '../domain/stored-key.ts';
import { ownCommand } from './own-command.ts';
import type { Start, Tool } from './tool.ts';

/** Returns the command that starts a tool with the key. */
export async function startCommand(
  context: StoreContext,
  { tool, key, start }: { readonly tool: Tool; readonly key: ChosenKey; readonly start: Start },
): Promise<string> {
  const { keyFrom } = tool;
  const variables = Object.entries(start.env ?? {}).map(([name, value]) => `${name}=${shellWord(value)} `);
  const words = start.words.map(shellWord).join(' ');
  const isSet = context.world.env.CHEAPESTINFERENCE_API_KEY === key.secret;
  if (keyFrom === 'command' || keyFrom === 'file' || (keyFrom === 'variable' && isSet))
    return variables.join('') + words;
  const format = keyFrom === 'OPENAI_API_KEY' ? 'openai' : keyFrom === 'ANTHROPIC_AUTH_TOKEN' ? 'anthropic' : 'none';
  const option =
    isSet || (await isUsedByDefault(context, key.stored))
      ? ''
      : ` --key ${shellWord((await keyNameOf(context, key)) ?? '')}`;
  const own = ownCommand(context).map(shellWord).join(' ');
  return `${variables.join('')}${own} run --for ${format}${option} -- ${words}`;
}

/** Returns whether `ci run` uses a stored key without options. */
async function isUsedByDefault(context: StoreContext, key: StoredKey | undefined): Promise<boolean> {
  // A key in the environment takes precedence.
  if (!key || context.world.env.CHEAPESTINFERENCE_API_KEY) return false;
  const stored = (await keyStoreOf(context)).list();
  const { defaultKey } = context.profiles.get(context.settings.profile.value) ?? {};
  const byDefault = defaultKey === undefined ? undefined : findStored(stored, defaultKey);
  const [only = byDefault, second] = stored;
  const used = byDefault ?? (second ? undefined : only);
  return used?.id === key.id && used?.name === key.name;
}

/** Returns the name of a stored key, or its ID if the name doesn't identify it on a command line; undefined if it isn't stored. */
export async function keyNameOf(context: StoreContext, { stored }: ChosenKey): Promise<string | undefined> {
  if (!stored) return undefined;
  const namesakes = (await keyStoreOf(context)).list().filter(({ name }) => name === stored.name);
  const isUsable = namesakes.length === 1 && stored.name !== undefined && !stored.name.startsWith('-');
  return isUsable ? stored.name : (stored.id ?? stored.name);
}
