import type { Subscription } from '../../api/pools.ts';
import { CommandError } from '../../domain/errors.ts';
import { judgeSubscribe } from '../../domain/reconcile.ts';
import type { History, RecordedChange } from '../../state/history.ts';
import type { EarlierChange } from '../changes/earlier.ts';
import { idsOfOthers } from '../changes/find-outcome.ts';
import type { Candidate } from './availability.ts';

/** A purchase that failed, and what the account shows of it now. */
interface LatePurchase {
  readonly candidate: Candidate;
  readonly earlier: EarlierChange<'subscribe'>;
}

/** The purchases of a watch that failed. The API may carry out one of them later. */
export class FailedPurchases {
  readonly #changes = new Map<Candidate, RecordedChange>();

  /**
   * Adds a failed purchase. The first of a candidate stands for all of them: whatever appears late wasn't there before it.
   *
   * @param subscriptions - on the pool, from before the purchase
   */
  add(candidate: Candidate, change: RecordedChange, subscriptions: readonly Subscription[]): void {
    if (this.#changes.has(candidate)) return;
    this.#changes.set(candidate, { ...change, before: { ids: subscriptions.map(({ id }) => id) } });
  }

  /**
   * Returns a purchase that went through after all.
   *
   * @param subscriptionsOn - the user's subscriptions on the pool of a candidate
   * @throws CommandError (server_error) if one went through, but not as requested
   */
  findLate(
    history: History,
    subscriptionsOn: (candidate: Candidate) => readonly Subscription[],
  ): LatePurchase | undefined {
    for (const [candidate, change] of this.#changes) {
      const { id, intent, before, at } = change;
      if (intent.action !== 'subscribe') continue;
      const recorded = history.since(Date.parse(at));
      if (recorded.some((each) => each.id === id && each.settled?.outcome === 'applied')) continue;
      const verdict = judgeSubscribe(intent, before, subscriptionsOn(candidate), idsOfOthers(recorded, change));
      if (verdict.outcome === 'unknown') throw boughtDifferently(candidate, verdict.why);
      if (verdict.outcome === 'applied') return { candidate, earlier: { change, intent, found: verdict.found } };
    }
    return undefined;
  }
}

function boughtDifferently({ pool }: Candidate, why: string): CommandError {
  return new CommandError('server_error', `the API refused a purchase of ${pool}, but it went through: ${why}`, {
    hint: `Check \`ci pools subscriptions ${pool}\`; \`ci pools cancel ${pool}\` ends the most recent one with its period.`,
    outcome: 'applied',
  });
}
