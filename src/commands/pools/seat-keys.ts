import { CommandError } from '../../domain/errors.ts';
import { inWords } from '../../output/text.ts';
import type { Context } from '../context.ts';
import type { Hold } from '../delivery.ts';
import { makeKey } from '../keys/make.ts';
import type { PoolSubscription } from '../subscriptions.ts';

/** What was bought, with its keys as far as they could be made. */
export interface WithKeys {
  readonly subscriptions: PoolSubscription[];
  readonly failure?: CommandError;
}

/** Makes a key for each seat that can have one. What was made is told even when not all could be. */
export async function createKeys(
  context: Context,
  bought: PoolSubscription[],
  name: string,
  hold: Hold,
): Promise<WithKeys> {
  const done: PoolSubscription[] = [];
  for (const [at, subscription] of bought.entries()) {
    if (subscription.status === 'pending_key') {
      done.push(subscription);
      continue;
    }
    const keyName = bought.length > 1 ? `${name}-${at + 1}` : name;
    try {
      const key = await makeKey(context, { name: keyName, subscriptionId: subscription.id }, hold);
      done.push({ ...subscription, key });
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      const unknown = error.outcome === 'unknown';
      const fate = error.outcome === 'applied' ? 'is of no use' : unknown ? 'may not have been made' : 'was not made';
      const failure = error.with({
        message: `subscribed, but the key "${keyName}" ${fate}: ${error.message}`,
        outcome: unknown ? 'unknown' : 'applied',
        hint: `Bought: ${inWords(bought.map(({ id }) => id))}. Look with \`ci keys list\`, then \`ci keys create ${keyName} --subscription ${subscription.id}\`.`,
      });
      return { subscriptions: [...done, ...bought.slice(at)], failure };
    }
  }
  return { subscriptions: done };
}
