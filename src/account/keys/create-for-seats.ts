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

/**
 * Creates a key for each seat that can have one. Returns those that were created even if not all could be.
 *
 * @param isBought - whether the seats were bought by this command, which the error then says
 */
export async function createKeys(
  context: KeyContext,
  seats: readonly PoolSubscription[],
  { name, keep, isBought }: { readonly name: string; readonly keep: KeepKey; readonly isBought: boolean },
): Promise<SeatsWithKeys> {
  const done: PoolSubscription[] = [];
  const keyNameOf = (at: number) => seatKeyName(name, at, seats.length);
  for (const [at, subscription] of seats.entries()) {
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
      const create = `\`${commandFor(keyName, subscription)}\``;
      const advice = unknown
        ? `Run \`ci history reconcile --wait\` to find out. If the key doesn't exist, run ${create}.`
        : `Run \`ci keys list\` to check, then ${create}.`;
      const next = isCreated ? error.hint : advice;
      const isApplied = isBought || done.some(({ key }) => key?.apiKey !== undefined);
      const failure = error.with({
        message: `${isBought ? 'Subscribed, but key' : 'Key'} "${keyName}" ${fate}: ${asClause(error.message)}`,
        outcome: isApplied && !unknown ? 'applied' : error.outcome,
        // Running it again would charge again, or create the earlier keys again.
        retryable: error.retryable && !isApplied,
        hint: [isBought && `Bought: ${inWords(seats.map(({ id }) => id))}.`, next, othersHint(seats, at, keyNameOf)]
          .filter(Boolean)
          .join(' '),
      });
      return { subscriptions: [...done, ...seats.slice(at)], failure };
    }
  }
  return { subscriptions: done };
}

/** Returns how to create the keys of the seats after one; empty without such seats. */
function othersHint(seats: readonly PoolSubscription[], at: number, keyNameOf: (at: number) => string): string {
  const commands = seats.flatMap(({ id, status }, index) =>
    index > at && status !== 'pending_key' ? [`\`${commandFor(keyNameOf(index), { id })}\``] : [],
  );
  if (commands.length === 0) return '';
  return `${commands.length === 1 ? 'Another seat has' : `${commands.length} more seats have`} no key. Run ${inWords(commands)}.`;
}

/** Returns the command that creates the key of a seat. */
function commandFor(keyName: string, { id }: Pick<PoolSubscription, 'id'>): string {
  return `ci keys create ${shellWord(keyName)} --subscription ${shellWord(id)}`;
}
