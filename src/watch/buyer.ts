import { settleChange } from '../account/changes/carry-out.ts';
import { checkEarlier, type EarlierChange, type Obstacle, obstacleError } from '../account/changes/earlier.ts';
import { PoolCatalog } from '../account/pool-catalog.ts';
import { checkRepeat, samePurchasesSince } from '../account/purchase/agree.ts';
import { checkAvailable } from '../account/purchase/availability.ts';
import { type BuyingContext, buyFor } from '../account/purchase/buy.ts';
import { buyAndDeliver, type DeliveredPurchase, type KeyOptions } from '../account/purchase/buy-with-keys.ts';
import { findCovering } from '../account/purchase/covering.ts';
import { plannedPurchase } from '../account/purchase/intent.ts';
import { checkMaximum } from '../account/purchase/limits.ts';
import { fetchPrice, type PricedPurchase } from '../account/purchase/price.ts';
import { boughtEarlier, type PurchaseResult, withinAgreed, withinLimit } from '../account/purchase/purchase-result.ts';
import { isFresh } from '../account/purchase/snapshot.ts';
import { openFallbackFile } from '../account/secrets/undelivered.ts';
import type { Subscription } from '../api/pools.ts';
import { CommandError } from '../domain/errors.ts';
import { toUsd } from '../domain/money.ts';
import type { CheckResult } from '../domain/pace.ts';
import { redacted } from '../domain/secrets.ts';
import { inWords } from '../output/text.ts';
import { isCurrent, noSnapshot, readAccount, type SnapshotTime, subscriptionsOn } from './account-snapshot.ts';
import type { Candidate } from './availability.ts';
import { type BuyOptions, candidateIntent, priceOrRefusal } from './candidate-purchase.ts';
import { askConsent, type Consent } from './consent.ts';
import { FailedPurchases } from './failed-purchases.ts';
import { isTaken, isTemporary } from './failures.ts';
import type { Poll } from './poll.ts';
import { type OwnedSeats, obstacleIn, type PurchaseState, stateAfterCheck } from './purchase-state.ts';
import { RefusalBackoff } from './refusal-backoff.ts';

/** What {@link SeatBuyer.buy} calls while it works. */
export interface PurchaseListener {
  /** Called right before a purchase. */
  readonly buying: () => Promise<void>;
  /** Called after a purchase, with the seats and their keys. */
  readonly bought: (delivered: DeliveredPurchase, seats: OwnedSeats) => Promise<void>;
  /** Called if an open candidate can't be bought. */
  readonly refused: (error: CommandError, candidate: Candidate) => Promise<void>;
}

/** A price, and when it was fetched, in epoch milliseconds. */
interface PolledPrice {
  readonly price: PricedPurchase;
  readonly at: number;
}

/** Buys the first candidate that opens, once. */
export class SeatBuyer {
  readonly #context: BuyingContext;
  readonly #candidates: readonly Candidate[];
  readonly #options: BuyOptions;
  readonly #startedAt: number;
  readonly #failed = new FailedPurchases();
  readonly #backoff: RefusalBackoff;
  #consent: Consent = { limits: new Map() };
  #account = noSnapshot;
  #state: PurchaseState = { kind: 'idle' };

  constructor(context: BuyingContext, candidates: readonly Candidate[], options: BuyOptions) {
    this.#context = context;
    this.#candidates = candidates;
    this.#options = options;
    this.#startedAt = context.clocks.wall();
    this.#backoff = new RefusalBackoff(context.clocks.monotonic);
  }

  /** Whether a purchase may still go through. */
  get isPending(): boolean {
    return this.#state.kind === 'pending' || this.#state.kind === 'unknown';
  }

  /** Whether a candidate is paused, because its purchase was refused moments ago. */
  get isPaused(): boolean {
    return this.#candidates.some((candidate) => this.#backoff.isPaused(candidate));
  }

  /**
   * Fetches the account in advance, so that nothing delays the purchase when a seat opens.
   *
   * @param options - `once`: whether to fetch without retries
   */
  async readAccount(options: { readonly once: boolean }): Promise<void> {
    const history = await this.#context.record.history();
    const time = await this.#snapshotTime();
    // Load the record now rather than when a seat opens.
    await history.open();
    await history.since(time.at);
    // Fetch the account last, so that it includes anything that goes through in between.
    await this.#checkEarlier();
    this.#account = await readAccount(this.#context, this.#candidates, time, options);
  }

  /**
   * Returns the seats of a candidate that the account already has: from a purchase with a lost response, or with `--ensure` from any
   * purchase. Returns undefined while such a purchase may still go through.
   *
   * @throws CommandError (unavailable) with `--ensure` if the account has only part of a candidate, or if its seats won't renew;
   *   (confirmation_required) if another `ci` has bought a candidate since the user was asked, or if the outcome of
   *   an earlier purchase can't be determined; (busy) with `--no-wait`
   */
  async findOwned(): Promise<OwnedSeats | undefined> {
    const state = this.#state;
    if (state.kind === 'owned') return state.seats;
    const obstacle = obstacleIn(state);
    if (obstacle?.kind === 'unclear' || (obstacle && !this.#context.settling.wait)) {
      throw obstacleError(this.#context, obstacle);
    }
    if (obstacle) return undefined;
    const late = await this.#findLate();
    if (late) return this.#own(late);
    if (state.kind === 'unknown') await this.#settleOwn(state.id);
    if (this.#options.ensure) {
      const covered = this.#findCovered();
      return covered && this.#own(covered);
    }
    const { agreed } = this.#consent;
    if (!agreed) return undefined;
    for (const candidate of this.#candidates) {
      // If a purchase that began after the account was fetched has no outcome yet, the next check finds it.
      await checkRepeat(this.#context, this.#intent(candidate), this.#subscriptions(candidate), agreed);
    }
    return undefined;
  }

  /** Asks for consent to one purchase. @throws CommandError as {@link askConsent} */
  async askConsent(poll: Poll): Promise<void> {
    const watch = { candidates: this.#candidates, poll, account: this.#account, options: this.#options };
    this.#consent = await askConsent(this.#context, watch);
  }

  /** Checks that nothing prevents a purchase, and loads what the purchase needs. @throws CommandError */
  async prepare(): Promise<void> {
    const { destination, quantity } = this.#options;
    await this.#context.record.exclusively('purchase', async () => {});
    (await openFallbackFile(this.#context)).discard();
    // The record is redacted. V8 compiles a regular expression on its first and second use.
    for (const text of ['name: value', 'name: value']) redacted(text);
    await (await destination?.prove({ count: quantity }))?.release();
  }

  /**
   * Reports the seats that the account has. Creates their keys if a purchase with a lost response bought them.
   *
   * @throws CommandError with its outcome; (price_above_maximum) afterwards, if the charge was above the agreed price
   */
  async deliver(seats: OwnedSeats, { bought }: Pick<PurchaseListener, 'bought'>): Promise<void> {
    if (seats.note) this.#context.output.note(seats.note);
    await this.#deliver(async () => seats, bought, seats.purchase.kind === 'covered' ? {} : this.#options);
  }

  /**
   * Buys the first of the open candidates that can be bought.
   *
   * @throws CommandError for a failure that ends the watch, or leaves the outcome unknown
   */
  async buy(poll: Poll, open: readonly Candidate[], listener: PurchaseListener): Promise<CheckResult> {
    const obstacle = obstacleIn(this.#state);
    if (obstacle) {
      const [first] = open;
      // A purchase of this watch was reported when its response was lost.
      if (first && this.#state.kind === 'pending') {
        await listener.refused(obstacleError(this.#context, obstacle), first);
      }
      return { kind: 'again' };
    }
    for (const candidate of open) {
      if (this.#backoff.isPaused(candidate)) continue;
      const price = priceOrRefusal(poll, candidate, this.#options);
      if (price instanceof CommandError) {
        await listener.refused(price, candidate);
        continue;
      }
      try {
        this.#checkMaximum(candidate, price);
        await listener.buying();
        await this.#deliver(() => this.#buy(candidate, { price, at: poll.at }), listener.bought);
        return { kind: 'done' };
      } catch (error) {
        if (!(error instanceof CommandError) || this.#isFinal(error)) throw error;
        if (isTemporary(error) || error.outcome === 'unknown') return { kind: 'failed', error };
        await listener.refused(error, candidate);
      }
    }
    return { kind: 'again' };
  }

  /** Updates which candidates are open. The refusals of all others are forgotten. */
  updateOpen(open: readonly Candidate[]): void {
    this.#backoff.keep(open);
  }

  /** Buys a candidate. If the account may have changed, fetches it first, and returns the seats if it already has them. */
  async #buy(candidate: Candidate, polled: PolledPrice): Promise<OwnedSeats> {
    return this.#context.record.exclusively('purchase', async () => {
      if (!isCurrent(this.#account, await this.#snapshotTime())) {
        await this.readAccount({ once: false });
        const owned = await this.findOwned();
        if (owned?.note) this.#context.output.note(owned.note);
        if (owned) return owned;
        const obstacle = obstacleIn(this.#state);
        if (obstacle) throw obstacleError(this.#context, obstacle);
      }
      const price = await this.#priceNow(candidate, polled);
      const begunAt = this.#context.clocks.wall() - 1;
      const account = { existing: this.#subscriptions(candidate), spent: this.#account.spent };
      const repetition = { ensure: this.#options.ensure, agreed: this.#consent.agreed };
      try {
        const purchase = this.#asAgreed(candidate, await buyFor(this.#context, account, price, repetition));
        const charge = purchase.kind === 'bought' ? (purchase.charge ?? price.quote.charge.atMost) : 0;
        return this.#own({ candidate, purchase, charge });
      } catch (error) {
        await this.#addFailure(candidate, error, begunAt);
        throw error;
      }
    });
  }

  /**
   * Returns the polled price, or fetches it again if it is too old: another `ci` or a refusal may have taken a while.
   *
   * @throws CommandError (unavailable); (price_above_maximum); (unexpected_response)
   */
  async #priceNow(candidate: Candidate, { price, at }: PolledPrice): Promise<PricedPurchase> {
    if (isFresh(at, this.#context.clocks.wall())) return price;
    const now = await fetchPrice(new PoolCatalog(this.#context), price.pool.id, candidate.blocks, this.#options);
    checkAvailable(now);
    this.#checkMaximum(candidate, now);
    return now;
  }

  #checkMaximum(candidate: Candidate, price: PricedPurchase): void {
    const limitName = this.#options.maxPrice === undefined ? 'the agreed price of' : '--max-price';
    checkMaximum(price, this.#consent.limits.get(candidate), limitName);
  }

  /** Keeps a failed purchase to check for later. @param begunAt - a time before its entry in the record, epoch milliseconds */
  async #addFailure(candidate: Candidate, error: unknown, begunAt: number): Promise<void> {
    const change = (await samePurchasesSince(this.#context, this.#intent(candidate), begunAt)).at(-1);
    if (change) this.#failed.add(candidate, change, this.#subscriptions(candidate));
    if (error instanceof CommandError && error.status !== undefined) this.#backoff.add(candidate);
    if (change && error instanceof CommandError && error.outcome === 'unknown') {
      this.#state = { kind: 'unknown', id: change.id };
    }
    // No other ci has bought anything since, so the account needn't be fetched again for the next candidate.
    this.#account = { ...this.#account, mark: (await this.#snapshotTime()).mark };
  }

  /** Buys, creates the keys, and reports both. @throws CommandError (price_above_maximum) afterwards */
  async #deliver(
    buy: () => Promise<OwnedSeats>,
    bought: PurchaseListener['bought'],
    keys: KeyOptions = this.#options,
  ): Promise<void> {
    let seats: OwnedSeats | undefined;
    const purchase = async () => {
      seats = await buy();
      return seats.purchase;
    };
    const { quantity } = this.#options;
    const delivered = await buyAndDeliver(this.#context, purchase, { ...keys, quantity }, async (purchased) => {
      if (seats) await bought(purchased, seats);
    });
    if (delivered.kind === 'bought' && delivered.overcharge) throw delivered.overcharge;
  }

  /** Returns whether a failed purchase ends the watch. Only failures that are known to be temporary don't. */
  #isFinal(error: CommandError): boolean {
    if (this.#state.kind === 'owned' || error.outcome === 'applied' || error.code === 'interrupted') return true;
    // From now on, every check includes the purchase, and nothing else is bought.
    if (error.outcome === 'unknown') return !this.#context.settling.wait;
    if (error.code === 'price_above_maximum') return this.#candidates.length === 1;
    return !isTaken(error) && !isTemporary(error);
  }

  /** Checks for earlier purchases that could be the same and have an unknown outcome. */
  async #checkEarlier(): Promise<void> {
    const { settling } = this.#context;
    let obstacle: Obstacle | undefined;
    for (const candidate of this.#candidates) {
      if (this.#state.kind === 'owned') return;
      const ignoresUnclear = this.#options.ensure === true;
      const planned = plannedPurchase(this.#context, this.#intent(candidate));
      const since = settling.again ? this.#startedAt : undefined;
      const earlier = await checkEarlier(this.#context, { ...planned, since });
      if (earlier.found) this.#own(this.#adopt(candidate, earlier.found));
      if (ignoresUnclear && earlier.obstacle?.kind === 'unclear') continue;
      if (obstacle?.kind !== 'unclear') obstacle = earlier.obstacle ?? obstacle;
    }
    this.#state = stateAfterCheck(this.#state, obstacle);
  }

  /** Returns the seats of a purchase by this watch that failed at first, but went through later. */
  async #findLate(): Promise<OwnedSeats | undefined> {
    const history = await this.#context.record.history();
    const late = await this.#failed.findLate(history, (candidate) => this.#subscriptions(candidate));
    if (!late) return undefined;
    const { candidate, earlier } = late;
    const seats = this.#adopt(candidate, earlier);
    const ids = earlier.found.map(({ id }) => id);
    const charge = toUsd(seats.charge);
    await settleChange(this.#context, history, earlier.change.id, { outcome: 'applied', by: 'look', ids, charge });
    return seats;
  }

  /**
   * Ends the wait for a purchase of this watch, once nothing is pending and the account has no new subscription.
   *
   * @param id - its id in the record
   * @throws CommandError if it went through, but another `ci` has adopted it
   */
  async #settleOwn(id: string): Promise<void> {
    const { record, result } = this.#context;
    const recorded = (await (await record.history()).since(this.#startedAt)).find((each) => each.id === id)?.settled;
    const adopted = recorded?.outcome === 'applied' ? recorded : undefined;
    result.lastChange = adopted ? 'applied' : 'not_applied';
    this.#state = { kind: 'idle' };
    if (!adopted || this.#options.ensure) return;
    const message = `The purchase went through, but another ci process counted it as its own: ${inWords(adopted.ids)}`;
    throw new CommandError('confirmation_required', message, {
      hint: 'Run `ci status` to see it.',
      outcome: 'applied',
    });
  }

  /** Adopts an earlier purchase as the purchase of this watch. */
  #adopt(candidate: Candidate, earlier: EarlierChange<'subscribe'>): OwnedSeats {
    const limit = this.#consent.limits.get(candidate);
    const purchase = this.#asAgreed(candidate, withinLimit(boughtEarlier(earlier), candidate.pool, limit));
    this.#context.result.lastChange = 'applied';
    const how = earlier.change.settled?.by === 'answer' ? 'API refused a purchase' : 'response to a purchase was lost';
    const note = `The ${how}, but the purchase went through.`;
    return { candidate, purchase, charge: purchase.charge ?? 0, note };
  }

  /** Removes the overcharge error if the price rose after the poll, but stayed within the agreed limit. */
  #asAgreed<Result extends PurchaseResult>(candidate: Candidate, purchase: Result): Result {
    return withinAgreed(purchase, this.#consent.limits.get(candidate));
  }

  /** Returns the seats of a candidate that subscriptions cover. @throws CommandError (unavailable) if they cover only part of it */
  #findCovered(): OwnedSeats | undefined {
    let refusal: unknown;
    for (const candidate of this.#candidates) {
      const { pool, blocks } = candidate;
      try {
        const subscriptions = findCovering(pool, this.#subscriptions(candidate), blocks, this.#options.quantity);
        if (subscriptions) return { candidate, purchase: { kind: 'covered', subscriptions }, charge: 0 };
      } catch (error) {
        refusal ??= error;
      }
    }
    if (refusal !== undefined) throw refusal;
    return undefined;
  }

  #own(seats: OwnedSeats): OwnedSeats {
    this.#state = { kind: 'owned', seats };
    return seats;
  }

  #subscriptions(candidate: Candidate): readonly Subscription[] {
    return subscriptionsOn(this.#account, candidate);
  }

  #intent(candidate: Candidate) {
    return candidateIntent(candidate, this.#options);
  }

  async #snapshotTime(): Promise<SnapshotTime> {
    const history = await this.#context.record.history();
    return { at: this.#context.clocks.wall(), mark: await history.mark() };
  }
}
