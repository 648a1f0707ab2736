import path from 'node:path';
import { createKeys } from '../../account/keys/create-for-seats.ts';
import { createAndDeliver } from '../../account/secrets/delivery.ts';
import { keyByMail } from '../../account/subscriptions.ts';
import { workingDirectory } from '../../config/folders.ts';
import { hoursInWords, isLive, nextLive } from '../../domain/coverage.ts';
import { CommandError } from '../../domain/errors.ts';
import { relativeTime, timeOfDay } from '../../output/time.ts';
import { isPending, nobody, type Step } from './wizard.ts';

/** Asks for the name of the key. */
export const chooseKeyName: Step = async (wizard) => {
  const { context, prompts } = wizard;
  if (isPending(wizard)) return 'silent';
  const suggestion = path.basename(workingDirectory(context.world) ?? '') || 'default';
  const check = (text: string) => {
    if (text.trim() === '') return 'Enter a name.';
    return text.length > 100 ? 'Use at most 100 characters.' : undefined;
  };
  const typed = await prompts.text('Key name:', nobody, check, suggestion);
  wizard.keyName = typed.trim();
  return 'asked';
};

/** Creates a key for each seat, and delivers their secrets. */
export const createSeatKeys: Step = async (wizard) => {
  const { context, destination, keyName = 'default', subscriptions = [] } = wizard;
  if (isPending(wizard)) {
    context.output.note(keyByMail);
    return 'silent';
  }
  if (!destination) throw new CommandError('internal', 'no destination was chosen for the key');
  const created = await createAndDeliver(context, {
    destination,
    create: (keep) => createKeys(context, [...subscriptions], keyName, keep),
    // The summary shows the keys.
    print: async (_created, saved) => {
      wizard.saved = saved;
    },
  });
  if (created.failure) throw created.failure;
  wizard.keys = created.subscriptions.flatMap(({ key }) =>
    key?.apiKey ? [{ id: key.id ?? undefined, name: key.name ?? keyName, apiKey: key.apiKey }] : [],
  );
  const { length } = wizard.keys;
  wizard.done.push(
    `created ${length === 1 ? 'the key' : `${length} keys`} "${keyName}", ${destination.describe(length).words}`,
  );
  return 'silent';
};

/** Sends a request with the key if its block is live; else says when the block begins. */
export const tryKey: Step = async (wizard) => {
  const { context, keys = [], subscriptions = [], pool } = wizard;
  const { output, world } = context;
  const { timeZone } = world;
  const [first] = keys;
  const [subscription] = subscriptions;
  if (!first || !subscription) return 'silent';
  const now = await context.connections.now();
  if (!isLive(subscription, now)) {
    const next = nextLive(subscription, now);
    if (next) {
      output.note(
        `The key answers from ${timeOfDay(next, timeZone)} local time, ${relativeTime(next, now)}, when ${hoursInWords(subscription)} begins.`,
      );
    }
    return 'silent';
  }
  try {
    const { inference } = await context.connections.withApiKey(first.apiKey);
    const model = pool?.modelId ?? (await inference.models()).data[0]?.id ?? '';
    const { choices } = await inference.chat(model, [{ role: 'user', content: 'Say hello in one short sentence.' }]);
    const [line = ''] = (choices[0]?.message?.content ?? '').trim().split('\n');
    output.note(`✓ The key works. ${model} says: ${line}`);
  } catch (error) {
    if (!(error instanceof CommandError) || error.code === 'interrupted') throw error;
    output.note(`The key was created, but a first request with it failed: ${error.message}. Try again in a moment.`);
  }
  return 'silent';
};
