import path from 'node:path';
import { createKeys } from '../../account/keys/create-for-seats.ts';
import { secretsOf } from '../../account/purchase/buy-with-keys.ts';
import { makeAndDeliver } from '../../account/secrets/delivery.ts';
import { openDotenv, openOwnDotenv } from '../../account/secrets/dotenv.ts';
import { keyByMail } from '../../account/subscriptions.ts';
import { hoursInWords, isLive, nextLive } from '../../domain/coverage.ts';
import { CommandError } from '../../domain/errors.ts';
import { framed } from '../../output/frame.ts';
import { relativeTime, timeOfDay } from '../../output/time.ts';
import { isPending } from './destination.ts';
import type { Destination, Step, Wizard } from './wizard.ts';

/** The variable that holds the key of a seat, counted from 0. */
export function variableOf(seat: number): string {
  return `CHEAPESTINFERENCE_API_KEY${seat === 0 ? '' : `_${seat + 1}`}`;
}

/** What the key is called. */
export const keyName: Step = async (wizard) => {
  const { context, prompts } = wizard;
  if (isPending(wizard.subscriptions)) return 'silent';
  const suggestion = path.basename(context.world.cwd) || 'default';
  const check = (text: string) => {
    if (text.trim() === '') return 'Type something.';
    return text.length > 100 ? 'That is too long: keep it to 100 characters.' : undefined;
  };
  const typed = await prompts.text('What shall the key be called?', 'there is nobody to ask', check, suggestion);
  wizard.keyName = typed.trim();
  return 'asked';
};

/** Makes a key for each seat and puts it where it shall go. */
export const key: Step = async (wizard) => {
  const { context, destination, keyName = 'default', subscriptions = [] } = wizard;
  if (isPending(subscriptions)) {
    context.output.note(keyByMail);
    return 'silent';
  }
  if (!destination) throw new CommandError('internal', 'no place was chosen for the key');
  const place = await open(wizard, destination);
  let delivered = false;
  try {
    const made = await makeAndDeliver(context, {
      make: (hold) => createKeys(context, [...subscriptions], keyName, hold),
      deliver: async (all) => {
        const secrets = secretsOf({ kind: 'bought', ...all });
        if (secrets.length === 0) return;
        delivered = true;
        await place.put(secrets);
      },
    });
    if (made.failure) throw made.failure;
    wizard.keys = made.subscriptions.flatMap(({ key }) =>
      key?.apiKey ? [{ id: key.id ?? undefined, name: key.name ?? keyName, apiKey: key.apiKey }] : [],
    );
    wizard.done.push(
      `made ${wizard.keys.length === 1 ? 'the key' : `${wizard.keys.length} keys`} "${keyName}", ${place.told}`,
    );
  } finally {
    if (!delivered) await place.discard();
  }
  return 'silent';
};

/** A destination, proven as far as it can be. */
interface Place {
  put(secrets: readonly string[]): Promise<void>;
  discard(): Promise<void>;
  /** Where it is then, in words. */
  readonly told: string;
}

async function open({ context }: Wizard, destination: Destination): Promise<Place> {
  const nothing = async () => {};
  if (destination.kind === 'screen') {
    return { put: async (secrets) => showOnce(context, secrets), discard: nothing, told: 'shown once' };
  }
  if (destination.kind === 'clipboard') {
    const { clipboard } = destination;
    return { put: (secrets) => clipboard.copy(secrets.join('\n')), discard: nothing, told: 'in the clipboard' };
  }
  const openFile = (file: string) =>
    destination.kind === 'shell' ? openOwnDotenv(context, file) : openDotenv(context, file);
  // The key isn't created if the shell can't be made to load it.
  if (destination.kind === 'shell') destination.profile.check();
  const dotenv = await openFile(destination.file);
  return {
    put: async ([first = '', ...others]) => {
      await dotenv.set(variableOf(0), first);
      for (const [at, secret] of others.entries()) {
        await (await openFile(destination.file)).set(variableOf(at + 1), secret);
      }
      if (destination.kind === 'shell') destination.profile.load(dotenv.file);
      const warning = await dotenv.gitWarning();
      if (warning !== undefined) context.output.note(warning);
    },
    discard: () => dotenv.discard(),
    told: destination.kind === 'shell' ? `loaded by every new ${destination.profile.shell}` : `in ${dotenv.file}`,
  };
}

function showOnce({ output }: Wizard['context'], secrets: readonly string[]): void {
  const frames = secrets.map((secret) =>
    framed(secret, 'Keep it now: it is shown only once', output.style, output.width),
  );
  output.raw(`\n${frames.join('\n')}`);
}

/** Proves that the key works: by a completion while its block is live; else it is said when that begins. */
export const proof: Step = async (wizard) => {
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
    output.note(`The key was made, but a first request with it failed: ${error.message}. Try again in a moment.`);
  }
  return 'silent';
};
