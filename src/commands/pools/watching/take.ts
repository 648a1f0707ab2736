import type { Subscription } from '../../../api/pools.ts';
import { CommandError } from '../../../domain/errors.ts';
import { type Cents, formatUsd } from '../../../domain/money.ts';
import type { Checked } from '../../../domain/pace.ts';
import type { BillingCycle } from '../../../domain/quote.ts';
import { judgeSubscribe, type SubscribeIntent } from '../../../domain/reconcile.ts';
import { redacted } from '../../../domain/secrets.ts';
import type { Candidate } from '../../../domain/watching.ts';
import { factLines, inWords } from '../../../output/text.ts';
import { isLeftBehind, type RecordedChange } from '../../../state/history.ts';
import { idsOfOthers, settleChange } from '../../change.ts';
import type { Context } from '../../context.ts';
import { blockHours, priceText } from '../../pool.ts';
import { type Bought, buyFor } from '../buy.ts';
import { alreadyCovering } from '../covering.ts';
import { buyAndDeliver, type Told, type Wanted } from '../deliver.ts';
import { checkMaximum, type PricedPurchase } from '../purchase.ts';
import { type Agreement, checkRepeat, consentToRepeat, sameSince } from '../repeat.ts';
import { checkSpending, monthlySpending } from '../spending.ts';
import { withMaskedKey } from '../subscription.ts';
import type { Look } from './look.ts';

/** After an answer to a purchase was lost nothing is bought for so long, milliseconds: what comes late is seen before. */
const restAfterLoss = 60_000;

/** What was seen of the account is looked at again when it is older than this, milliseconds: the machine may have slept since. */
const freshFor = 5000;

/** How to take what opens. */
export interface TakeOptions extends Wanted {
  readonly quantity: number;
  readonly billingCycle: BillingCycle;
  readonly maxPrice?: Cents;
  readonly ensure?: true;
  readonly again?: true;
  /** Until when, as typed: `6h`. */
  readonly patience?: string | undefined;
}

/** A candidate that is held: it was bought, now or by a purchase whose answer was lost, or it was covered already. */
export interface Held {
  readonly candidate: Candidate;
  readonly got: Bought;
  /** At most; 0 when it was covered already. */
  readonly charge: Cents;
  /** What is to be said about it first. */
  readonly note?: string;
}

/** A purchase whose answer was lost, and that was not found when it was looked for. */
interface Lost {
  readonly candidate: Candidate;
  readonly charge: Cents;
  readonly change: RecordedChange;
}

/** The account as it was looked at. */
interface Account {
  /** My subscriptions on each pool. */
  readonly mine: ReadonlyMap<string, readonly Subscription[]>;
  /** Of {@link monthlySpending}. */
  readonly spent: Cents | undefined;
  /** When the look began, epoch milliseconds. */
  readonly at: number;
  /** The record's, from before the look: what another `ci` on this machine buys changes it. */
  readonly mark: string | undefined;
}

/** Told while an opening is taken. */
export interface Listener {
  /** A candidate is about to be bought. */
  readonly buying: () => Promise<void>;
  /** What was bought for a candidate, and charged at most. */
  readonly bought: (told: Told, candidate: Candidate, charge: Cents) => Promise<void>;
  /** Why a candidate that is open was not bought. */
  readonly refused: (error: CommandError, candidate: Candidate) => Promise<void>;
}

/** Takes the first candidate that opens, once. */
export class Taker {
  readonly #context: Context;
  readonly #candidates: readonly Candidate[];
  readonly #options: TakeOptions;
  readonly #limits = new Map<Candidate, Cents>();
  #agreed: Agreement | undefined;
  #account: Account = { mine: new Map(), spent: undefined, at: Number.NEGATIVE_INFINITY, mark: undefined };
  #notBefore = Number.NEGATIVE_INFINITY;
  readonly #lost: Lost[] = [];

  constructor(context: Context, candidates: readonly Candidate[], options: TakeOptions) {
    this.#context = context;
    this.#candidates = candidates;
    this.#options = options;
  }

  /**
   * Looks at the account, so that a seat that opens can be bought without a look.
   *
   * @param once - whether a failure is the caller's to repeat
   */
  async lookAtAccount(once: boolean): Promise<void> {
    const history = await this.#context.history();
    const at = this.#context.clock();
    const mark = history.mark();
    // Read here, so that it need not be when a seat is free.
    history.recent();
    const { pools } = await this.#context.api();
    const mine = new Map<string, readonly Subscription[]>();
    for (const { pool } of this.#candidates) {
      if (!mine.has(pool)) mine.set(pool, await pools.subscriptions(pool, { once }));
    }
    this.#account = { mine, spent: await monthlySpending(this.#context, { once }), at, mark };
  }

  /**
   * The candidate that is held already, as the account was looked at: by a purchase of this watch that came late, or with
   * `--ensure` by any.
   *
   * @throws CommandError (unavailable) with `--ensure` when part of one is held, or is held and ends; (confirmation_required) when
   *   another `ci` on this machine has bought one since it was agreed to one purchase
   */
  async held(): Promise<Held | undefined> {
    const isUnderWay = await this.#isUnderWay();
    const late = isUnderWay ? undefined : await this.#late();
    if (late) return late;
    if (this.#options.ensure) return this.#covered();
    if (!this.#agreed || isUnderWay) return undefined;
    for (const candidate of this.#candidates) {
      await checkRepeat(this.#context, this.#intent(candidate), this.#mineOn(candidate), this.#agreed);
    }
    return undefined;
  }

  /** Tells of what is held; of what came late the keys are made. @throws CommandError with its outcome */
  async deliver({ candidate, got, charge, note }: Held, { bought }: Pick<Listener, 'bought'>): Promise<void> {
    if (note) this.#context.output.note(note);
    await buyAndDeliver(
      this.#context,
      async () => got,
      this.#options,
      (told) => bought(told, candidate, charge),
    );
  }

  /**
   * Asks for consent to one purchase, up front: nobody is there when it is made.
   *
   * @throws CommandError (price_above_maximum) when the only candidate costs too much; (confirmation_required), (declined)
   */
  async consent(look: Look): Promise<void> {
    const { prompts } = this.#context;
    prompts.requireConsent('watching with --subscribe charges the saved card, which');
    const purchases = new Map<Candidate, PricedPurchase>();
    for (const candidate of this.#candidates) {
      const purchase = pricedIfStated(look, candidate, this.#options);
      if (purchase) purchases.set(candidate, purchase);
      const limit = this.#options.maxPrice ?? purchase?.quote.charge.atMost;
      if (limit === undefined) throw unpriced(candidate);
      this.#limits.set(candidate, limit);
      if (!purchase || this.#candidates.length > 1) continue;
      checkMaximum(purchase, limit);
      checkSpending(this.#context, purchase, this.#account.spent);
    }
    if (prompts.canAsk) {
      this.#context.output.note(factLines(await this.#facts(purchases)));
      await prompts.consent(`Charge up to ${formatUsd(Math.max(...this.#limits.values()))} as soon as one opens?`);
    }
    if (this.#options.ensure || this.#options.again) return;
    const agreed = { repeated: new Set<string>(), at: this.#context.clock() };
    for (const candidate of this.#candidates) {
      const mine = async () => this.#mineOn(candidate);
      const { repeated } = await consentToRepeat(this.#context, this.#intent(candidate), mine);
      for (const id of repeated) agreed.repeated.add(id);
    }
    this.#agreed = agreed;
  }

  /** Proves that nothing on this machine will be in the way, and has loaded what a purchase needs. @throws CommandError */
  async makeReady(): Promise<void> {
    const { save } = this.#options;
    await this.#context.exclusively('purchase', async () => {});
    (await this.#context.openRefuge()).discard();
    // What is written to the record is redacted, and patterns are compiled when they are used for the first and the second time.
    for (const text of ['name: value', 'name: value']) redacted(text);
    if (save !== undefined) await (await this.#context.openDotenv(save)).discard();
  }

  /**
   * Buys the first of the open candidates that can be bought.
   *
   * @throws CommandError for whatever leaves no hope for another check, or leaves the outcome unknown
   */
  async take(look: Look, open: readonly Candidate[], { buying, bought, refused }: Listener): Promise<Checked> {
    const { monotonic } = this.#context.clocks;
    if (monotonic() < this.#notBefore) return { kind: 'again' };
    for (const candidate of open) {
      const purchase = pricedIfStated(look, candidate, this.#options);
      if (!purchase) {
        await refused(unpriced(candidate), candidate);
        continue;
      }
      let held: Held | undefined;
      let told = false;
      const buy = async () => {
        held = await this.#buy(candidate, purchase);
        return held.got;
      };
      try {
        checkMaximum(purchase, this.#limits.get(candidate), this.#limitName);
        await buying();
        await buyAndDeliver(this.#context, buy, this.#options, (what) => {
          told = true;
          return bought(what, held?.candidate ?? candidate, held?.charge ?? 0);
        });
        return { kind: 'done' };
      } catch (error) {
        if (told || !(error instanceof CommandError) || this.#isFinal(error)) throw error;
        if (isPassing(error)) return { kind: 'failed', error };
        await refused(error, candidate);
      }
    }
    return { kind: 'again' };
  }

  /** Buys, unless the account may have changed since it was looked at, and one of the candidates is held now. */
  async #buy(candidate: Candidate, purchase: PricedPurchase): Promise<Held> {
    return this.#context.exclusively('purchase', async () => {
      const history = await this.#context.history();
      const { at, mark } = this.#account;
      if (history.mark() !== mark || Math.abs(this.#context.clock() - at) > freshFor) {
        await this.lookAtAccount(false);
        const held = await this.held();
        if (held?.note) this.#context.output.note(held.note);
        if (held) return held;
      }
      const account = { mine: this.#mineOn(candidate), spent: this.#account.spent };
      const repetition = { ensure: this.#options.ensure, agreed: this.#agreed };
      const charge = purchase.quote.charge.atMost;
      try {
        const got = await buyFor(this.#context, account, purchase, repetition);
        return { candidate, got, charge: got.kind === 'bought' ? charge : 0 };
      } catch (error) {
        await this.#noteLoss(candidate, charge);
        // No other purchase was made since, and this one was not carried out: the next candidate needs no new look.
        this.#account = { ...this.#account, mark: history.mark() };
        throw error;
      }
    });
  }

  /** Nothing is bought for a while after a purchase that may come late: one of which no answer said that it was refused. */
  async #noteLoss(candidate: Candidate, charge: Cents): Promise<void> {
    const change = (await sameSince(this.#context, this.#intent(candidate), 0)).at(-1);
    if (change?.settled?.by !== 'look' || this.#lost.some((lost) => lost.change.id === change.id)) return;
    this.#notBefore = this.#context.clocks.monotonic() + restAfterLoss;
    this.#lost.push({ candidate, charge, change });
  }

  get #limitName(): string {
    return this.#options.maxPrice === undefined ? 'the agreed' : '--max-price';
  }

  /** Whether a failure ends the watch. Everything does that is not known to pass. */
  #isFinal(error: CommandError): boolean {
    if (error.outcome === 'applied' || error.outcome === 'unknown') return true;
    if (error.code === 'price_above_maximum') return this.#candidates.length === 1;
    return !isTaken(error) && !isPassing(error);
  }

  /** Whether another `ci` on this machine is buying: what is new may be its, and what it bought is known when it is done. */
  async #isUnderWay(): Promise<boolean> {
    const { id } = await this.#context.recordedAccount();
    const history = await this.#context.history();
    return history
      .recent()
      .some(
        (each) =>
          each.account.id === id &&
          each.intent.action === 'subscribe' &&
          each.settled === undefined &&
          !isLeftBehind(each),
      );
  }

  /** What a purchase has bought that was looked for in vain. */
  async #late(): Promise<Held | undefined> {
    const history = await this.#context.history();
    for (const { candidate, charge, change } of this.#lost) {
      const { id, before } = change;
      const mine = this.#mineOn(candidate);
      const others = idsOfOthers(history.recent(), id);
      const verdict = judgeSubscribe(this.#intent(candidate), before, mine, others);
      if (verdict.outcome === 'not_applied') continue;
      const isNew = (each: Subscription) => !before.ids?.includes(each.id) && !others.has(each.id);
      const found = verdict.outcome === 'applied' ? verdict.found : mine.filter(isNew);
      settleChange(this.#context, history, id, { outcome: 'applied', by: 'look', ids: found.map((each) => each.id) });
      const note = 'The purchase whose answer was lost was carried out after all.';
      const subscriptions = found.map((each) => withMaskedKey({ ...each, poolSlug: candidate.pool }));
      return { candidate, got: { kind: 'bought', subscriptions }, charge, note };
    }
    return undefined;
  }

  #covered(): Held | undefined {
    let refusal: unknown;
    for (const candidate of this.#candidates) {
      const { pool, blocks } = candidate;
      try {
        const subscriptions = alreadyCovering(pool, this.#mineOn(candidate), blocks, this.#options.quantity);
        if (subscriptions) return { candidate, got: { kind: 'covered', subscriptions }, charge: 0 };
      } catch (error) {
        refusal ??= error;
      }
    }
    if (refusal !== undefined) throw refusal;
    return undefined;
  }

  #mineOn({ pool }: Candidate): readonly Subscription[] {
    return this.#account.mine.get(pool) ?? [];
  }

  #intent({ pool, blocks }: Candidate): SubscribeIntent {
    const { quantity, billingCycle } = this.#options;
    return { action: 'subscribe', pool, blocks, quantity, billingCycle };
  }

  async #facts(purchases: ReadonlyMap<Candidate, PricedPurchase>): Promise<(readonly [string, string])[]> {
    const { quantity, billingCycle, maxPrice, createKey, patience } = this.#options;
    const now = await this.#context.now();
    const { timeZone } = this.#context;
    const lines = this.#candidates.flatMap((candidate) =>
      candidate.blocks.map((block) => {
        const monthly = purchases.get(candidate)?.quote.blocks.find((each) => each.block === block)?.monthly;
        const price = monthly ? `${priceText(monthly)}  ` : '';
        return `${candidate.pool}  ${block.padEnd(8)}  ${price}${blockHours(block, now, timeZone)}`;
      }),
    );
    const several = this.#candidates.length > 1;
    const together = this.#candidates.some(({ blocks }) => blocks.length > 1);
    const limit = maxPrice === undefined ? 'at most what it costs now' : `at most ${formatUsd(maxPrice)}`;
    const what = together ? 'when all its blocks are open' : 'when it opens';
    return [
      ...lines.map((line, at) => [at === 0 ? 'Waits for' : '', line] as const),
      ['Takes', several ? `the first of them, ${what}, and no other` : `it, ${what}`],
      ['Seats', `${quantity} in each block`],
      ['Charged', `once, ${limit}, to the saved card`],
      ['Renews', `every ${billingCycle}, until canceled`],
      ...(createKey === undefined ? [] : [['Key', createKey] as const]),
      ['Gives up', patience === undefined ? 'never' : `after ${patience}`],
      ['Account', this.#context.account()],
    ];
  }
}

/** Somebody else was faster; not every generation of the API says so with 409. */
function isTaken({ code, message }: CommandError): boolean {
  if (code === 'unavailable') return true;
  return (
    code === 'invalid_request' && /sold.?out|not enough|no (?:free |more )?(?:seat|slot)|unavailable/i.test(message)
  );
}

/** What may have passed at the next check. */
function isPassing({ code }: CommandError): boolean {
  return ['timeout', 'unreachable', 'server_error', 'unexpected_response', 'rate_limited', 'busy'].includes(code);
}

function pricedIfStated(look: Look, candidate: Candidate, options: TakeOptions): PricedPurchase | undefined {
  try {
    return look.priced(candidate, options);
  } catch (error) {
    if (error instanceof CommandError && error.code === 'unexpected_response') return undefined;
    throw error;
  }
}

function unpriced({ pool, blocks }: Candidate): CommandError {
  return new CommandError('input_required', `the API states no price for ${inWords(blocks)} of ${pool}`, {
    hint: 'Say what it may cost at the most: --max-price 49.',
    outcome: 'not_applied',
  });
}
