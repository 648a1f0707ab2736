import type { EarlierChange } from '../account/changes/earlier.ts';
import { idsOfOthers } from '../account/changes/find-outcome.ts';
import type { Subscription } from '../api/pools.ts';
import { CommandError } from '../domain/errors.ts';
import { judgeSubscribe } from '../domain/reconcile.ts';
import type { ChangeLog, RecordedChange } from '../state/change-log.ts';
import type { Candidate } from './availability.ts';

/** A purchase that failed at first, and the subscriptions that it created after all. */
interface LatePurchase {
  readonly candidate: Candidate;
  readonly earlier: EarlierChange<'subscribe'>;
}

/** The failed purchases of a watch. The API may still carry out one of them. */
export class FailedPurchases {
  readonly #changes = new Map<Candidate, RecordedChange>();

  /**
   * Adds a failed purchase. The first one of a candidate stands for all: anything that appears later wasn't there before it.
   *
   * @param subscriptions - the user's subscriptions on the pool, from before the purchase
   */
  add(candidate: Candidate, change: RecordedChange, subscriptions: readonly Subscription[]): void {
    if (this.#changes.has(candidate)) return;
    this.#changes.set(candidate, { ...change, before: { ids: subscriptions.map(({ id }) => id) } });
  }

  /**
   * Returns a purchase that went through after all.
   *
   * @param subscriptionsOn - returns the user's subscriptions on the pool of a candidate
   * @throws CommandError (server_error) if one went through, but not as requested
   */
  async findLate(
    history: ChangeLog,
    subscriptionsOn: (candidate: Candidate) => readonly Subscription[],
  ): Promise<LatePurchase | undefined> {
    for (const [candidate, change] of this.#changes) {
      const { id, intent, before, at } = change;
      if (intent.action !== 'subscribe') continue;
      const recorded = await history.since(Date.parse(at));
      if (recorded.some((each) => each.id === id && each.settled?.outcome === 'applied')) continue;
      const verdict = judgeSubscribe(intent, before, subscriptionsOn(candidate), idsOfOthers(recorded, change));
      if (verdict.outcome === 'unknown') throw boughtDifferently(candidate, verdict.why);
      if (verdict.outcome === 'applied') return { candidate, earlier: { change, intent, found: verdict.found } };
    }
    return undefined;
  }
}

function boughtDifferently({ pool }: Candidate, why: string): CommandError {
  return new CommandError('server_error', `The API refused a purchase of ${pool}, but it went through: ${why}`, {
    hint: `Run \`ci pools subscriptions ${pool}\` to see it, and \`ci pools cancel ${pool}\` to cancel the most recent one.`,
    outcome: 'applied',
  });
}
