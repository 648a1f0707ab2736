import { asClause, CommandError } from '../../domain/errors.ts';
import { shellWord } from '../../domain/shell-word.ts';
import { inWords } from '../../output/text.ts';
import type { KeepKey } from '../secrets/delivery.ts';
import type { PoolSubscription } from '../subscriptions.ts';
import { createKey, type KeyContext } from './create.ts';
import { seatKeyName } from './key-name.ts';

/** Subscriptions with their keys. */
export interface SeatsWithKeys {
  readonly subscriptions: PoolSubscription[];
  /** Why the keys of the later seats weren't created. */
  readonly failure?: CommandError;
}

/** Creates a key for each seat that can have one. Returns those that were created even if not all could be. */
export async function createKeys(
  context: KeyContext,
  bought: PoolSubscription[],
  name: string,
  keep: KeepKey,
): Promise<SeatsWithKeys> {
  const done: PoolSubscription[] = [];
  const keyNameOf = (at: number) => seatKeyName(name, at, bought.length);
  for (const [at, subscription] of bought.entries()) {
    if (subscription.status === 'pending_key') {
      done.push(subscription);
      continue;
    }
    const keyName = keyNameOf(at);
    try {
      const key = await createKey(context, { name: keyName, subscriptionId: subscription.id }, keep);
      done.push({ ...subscription, key });
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      const unknown = error.outcome === 'unknown';
      const isCreated = error.outcome === 'applied';
      const fate = isCreated ? "can't be used" : unknown ? 'may not have been created' : "wasn't created";
      const look = unknown ? 'Run `ci history reconcile --wait` to find out' : 'Run `ci keys list` to check';
      const next = isCreated ? error.hint : `${look}, then \`${commandFor(keyName, subscription)}\`.`;
      const failure = error.with({
        message: `Subscribed, but key "${keyName}" ${fate}: ${asClause(error.message)}`,
        outcome: unknown ? 'unknown' : 'applied',
        // Running it again would charge again.
        retryable: false,
        hint: [`Bought: ${inWords(bought.map(({ id }) => id))}.`, next, othersHint(bought, at, keyNameOf)]
          .filter(Boolean)
          .join(' '),
      });
      return { subscriptions: [...done, ...bought.slice(at)], failure };
    }
  }
  return { subscriptions: done };
}

/** Says how to create the keys of the seats after one; empty if there are none. */
function othersHint(bought: readonly PoolSubscription[], at: number, keyNameOf: (at: number) => string): string {
  const commands = bought.flatMap(({ id, status }, index) =>
    index > at && status !== 'pending_key' ? [`\`${commandFor(keyNameOf(index), { id })}\``] : [],
  );
  if (commands.length === 0) return '';
  return `${commands.length === 1 ? 'Another seat has' : `${commands.length} more seats have`} no key. Run ${inWords(commands)}.`;
}

/** Returns the command that creates the key of a seat. */
function commandFor(keyName: string, { id }: Pick<PoolSubscription, 'id'>): string {
  return `ci keys create ${shellWord(keyName)} --subscription ${shellWord(id)}`;
}
