import { createKeys } from '../../account/keys/create-for-seats.ts';
import { askKeyName } from '../../account/keys/key-name.ts';
import { tryKey, worksFrom } from '../../account/keys/try-key.ts';
import { createAndDeliver } from '../../account/secrets/delivery.ts';
import { keyByEmail } from '../../account/subscriptions.ts';
import { isLive, nextLive } from '../../domain/coverage.ts';
import { CommandError, withoutPeriod } from '../../domain/errors.ts';
import { inWords } from '../../output/text.ts';
import { widthOf } from '../../output/width.ts';
import { isPending, noTerminal, type Step, seatsForKeys } from './wizard.ts';

/** Asks for the name of the key, or of the keys of several seats, which get a number each. */
export const chooseKeyName: Step = async (wizard) => {
  const { context, prompts, keyName } = wizard;
  if (isPending(wizard)) return 'silent';
  const { length: count } = seatsForKeys(wizard);
  wizard.keyName = await askKeyName(context, noTerminal, { prompts, count: Math.max(1, count), earlier: keyName });
  return 'asked';
};

/** Creates a key for each seat, and delivers their secrets. */
export const createSeatKeys: Step = async (wizard) => {
  const { context, destination, keyName = 'default' } = wizard;
  if (isPending(wizard)) {
    context.output.note(keyByEmail);
    return 'silent';
  }
  if (!destination) throw new CommandError('internal', 'no destination was chosen for the key');
  const seats = seatsForKeys(wizard);
  const created = await createAndDeliver(context, {
    destination,
    count: seats.length,
    create: (keep) => createKeys(context, seats, { name: keyName, keep, isBought: wizard.purchase !== undefined }),
    // The summary shows the keys.
    print: async (_created, saved) => {
      wizard.saved = saved;
    },
  });
  const keys = created.subscriptions.flatMap(({ id: subscriptionId, key }) =>
    key?.apiKey ? [{ id: key.id ?? undefined, name: key.name ?? keyName, apiKey: key.apiKey, subscriptionId }] : [],
  );
  wizard.keys = keys;
  if (keys.length > 0) {
    const names = inWords(keys.map(({ name }) => `"${name}"`));
    wizard.done.push(
      `created the ${keys.length === 1 ? 'key' : 'keys'} ${names}, ${destination.describe(keys.length).words}`,
    );
  }
  if (created.failure) throw created.failure;
  return 'changed';
};

/** Sends a request with the key if its block is live. Otherwise, says when the block starts. */
export const tryFirstKey: Step = async (wizard) => {
  const { context, keys = [], subscriptions = [], pool } = wizard;
  const { output, world } = context;
  const [first] = keys;
  const [subscription] = subscriptions;
  if (!first || !subscription) return 'silent';
  const now = await context.connections.now();
  if (!isLive(subscription, now)) {
    const next = nextLive(subscription, now);
    if (next) output.note(worksFrom(next, now, world.timeZone));
    return 'silent';
  }
  try {
    const api = await context.connections.withApiKey(first.apiKey);
    const model = pool?.modelId ?? (await api.inference.models()).data[0]?.id ?? '';
    const line = await tryKey(api, model, 'openai');
    output.note(withinLine(`✓ The key works. ${model} says: ${line}`, output.width));
  } catch (error) {
    if (!(error instanceof CommandError) || error.code === 'interrupted') throw error;
    output.note(
      `The key was created, but the first request with it failed: ${withoutPeriod(error.message)}. Try again in a moment.`,
    );
  }
  return 'silent';
};

/** Returns text that fits one line of the terminal. */
function withinLine(text: string, width: number): string {
  return widthOf(text) <= width ? text : `${text.slice(0, width - 1).trimEnd()}…`;
}
