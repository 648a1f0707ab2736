import { ownCommand } from '../account/own-command.ts';
import type { ChosenKey } from '../account/stored-keys/choose.ts';
import { keyStoreOf, type StoreContext } from '../account/stored-keys/store.ts';
import type { KeyStore } from '../config/stored-keys.ts';
import { usableKeys } from '../config/usable-keys.ts';
import type { Context } from '../context/context.ts';
import { CommandError } from '../domain/errors.ts';
import type { ApiFormat } from '../domain/key-variables.ts';
import { shellWord } from '../domain/shell-word.ts';
import type { Start, Tool } from './tool.ts';

/** Returns what precedes the command that starts a tool. */
export function startLabel({ settings }: Pick<Context, 'settings'>, gateway = false): string {
  return settings.sandbox.value && !gateway
    ? 'In another terminal, run `ci sandbox serve`. Then start it with:'
    : 'Start it with:';
}

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
  const store = await keyStoreOf(context);
  const option = isUsedByDefault(context, store, key) ? '' : ` --key ${shellWord(keyNameIn(store, key) ?? '')}`;
  const own = ownCommand(context).map(shellWord).join(' ');
  return `${variables.join('')}${own} run --for ${formatOf(tool)}${option} -- ${words}`;
}

/** Returns the command that starts a tool with the gateway, which is started if it doesn't run. */
export function gatewayStart(
  context: Pick<Context, 'settings' | 'world'>,
  { tool, start }: { readonly tool: Tool; readonly start: Start },
): string {
  const variables = Object.entries(start.env ?? {}).map(([name, value]) => `${name}=${shellWord(value)} `);
  const own = ownCommand(context).map(shellWord).join(' ');
  return `${variables.join('')}${own} run --gateway --for ${formatOf(tool)} -- ${start.words.map(shellWord).join(' ')}`;
}

/** Returns the variables that a tool reads its key from. */
function formatOf({ keyFrom }: Tool): ApiFormat {
  return keyFrom === 'OPENAI_API_KEY' ? 'openai' : keyFrom === 'ANTHROPIC_AUTH_TOKEN' ? 'anthropic' : 'none';
}

/** Returns whether `ci run` uses a key without options. */
function isUsedByDefault(
  { profiles, settings, world }: StoreContext,
  store: KeyStore,
  { secret, stored }: ChosenKey,
): boolean {
  const { defaultKey } = profiles.get(settings.profile.value) ?? {};
  try {
    const usable = usableKeys({ env: world.env, ...settings }, store, { defaultKey });
    if (usable.secret !== undefined) return usable.secret === secret;
    const [only, second] = usable.stored;
    return !second && only?.id === stored?.id && only?.name === stored?.name;
  } catch (error) {
    // `ci run` would fail.
    if (error instanceof CommandError) return false;
    throw error;
  }
}

/** Returns the name of a stored key, or its ID if the name doesn't identify it on a command line; undefined if it isn't stored. */
export function keyNameIn(store: KeyStore, { stored }: ChosenKey): string | undefined {
  if (!stored) return undefined;
  const namesakes = store.list().filter(({ name }) => name === stored.name);
  const isUsable = namesakes.length === 1 && stored.name !== undefined && !stored.name.startsWith('-');
  return isUsable ? stored.name : (stored.id ?? stored.name);
}
