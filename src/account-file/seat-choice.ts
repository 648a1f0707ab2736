import { isRenewing, type PoolSubscription } from '../account/subscriptions.ts';
import type { Subscription } from '../api/pools.ts';
import type { CurrentKey } from '../domain/account-plan.ts';
import type { DesiredKey } from '../domain/desired-account.ts';
import { CommandError } from '../domain/errors.ts';

/** What the choice of seats depends on. */
interface SeatsAndKeys {
  readonly subscriptions: readonly PoolSubscription[];
  readonly keys: readonly CurrentKey[];
  /** The IDs of the subscriptions that were just reserved. */
  readonly reserved: ReadonlySet<string>;
}

/** Chooses the seats of new keys: of those of a pool, the one with the fewest keys. */
export class SeatChoice {
  readonly #subscriptions: readonly PoolSubscription[];
  readonly #reserved: ReadonlySet<string>;
  /** The number of keys of each subscription. */
  readonly #keys = new Map<string, number>();

  constructor({ subscriptions, keys, reserved }: SeatsAndKeys) {
    this.#subscriptions = subscriptions;
    this.#reserved = reserved;
    for (const { isActive, subscriptionId } of keys)
      if (isActive !== false && subscriptionId != null) this.#add(subscriptionId);
  }

  /**
   * Returns the ID of the subscription for a new key; undefined for a credit key.
   *
   * @param earlier - the subscription of an earlier request for the same key, which is chosen again if it can be
   * @throws CommandError (unavailable) if no active subscription fits the key
   */
  choose({ type, pool, subscription }: DesiredKey, earlier?: string): string | undefined {
    if (type === 'credit') return undefined;
    const usable = this.#subscriptions.filter(({ status }) => status === 'active');
    const seats = usable.filter(({ id, poolSlug }) =>
      subscription === undefined ? poolSlug === pool : id === subscription,
    );
    const again = seats.find(({ id }) => id === earlier);
    const [chosen] = again ? [again] : seats.toSorted((one, other) => this.#rank(one) - this.#rank(other));
    if (!chosen) throw this.#noSeat(pool, subscription);
    this.#add(chosen.id);
    return chosen.id;
  }

  /** Returns a number that is lower for a better seat: first those that renew, then those with fewer keys, then new ones. */
  #rank(subscription: Subscription): number {
    const { id } = subscription;
    const keys = this.#keys.get(id) ?? 0;
    return (isRenewing(subscription) ? 0 : 1e9) + 2 * keys + (this.#reserved.has(id) ? 0 : 1);
  }

  #add(id: string): void {
    this.#keys.set(id, (this.#keys.get(id) ?? 0) + 1);
  }

  #noSeat(pool: string | undefined, subscription: string | undefined): CommandError {
    const isPending = this.#subscriptions.some(
      ({ id, poolSlug, status }) =>
        status === 'pending_key' && (subscription === undefined ? poolSlug === pool : id === subscription),
    );
    const what = pool === undefined ? `active subscription ${subscription}` : `active subscription on ${pool}`;
    return new CommandError(
      'unavailable',
      isPending
        ? `The seat ${pool === undefined ? subscription : `on ${pool}`} has no key yet: it arrives by email`
        : `You have no ${what}`,
      { hint: isPending ? 'Run `ci apply` again when the seat is active.' : undefined, outcome: 'not_applied' },
    );
  }
}
