import type { Subscription } from '../../api/pools.ts';
import { accountLabel } from '../../config/settings.ts';
import type { Context } from '../../context/context.ts';
import { CommandError } from '../../domain/errors.ts';
import { type Cents, formatUsd, toUsd } from '../../domain/money.ts';
import type { Checked } from '../../domain/pace.ts';
import type { BillingCycle } from '../../domain/quote.ts';
import { judgeSubscribe, type SubscribeIntent } from '../../domain/reconcile.ts';
import { redacted } from '../../domain/secrets.ts';
import type { Candidate } from '../../domain/watching.ts';
import { factLines, inWords } from '../../output/text.ts';
import type { RecordedChange } from '../../state/history.ts';
import { settleChange } from '../changes/carry-out.ts';
import { checkEarlier, type EarlierChange, noteRisk, type Obstacle, obstacleError } from '../changes/earlier.ts';
import { idsOfOthers } from '../changes/find-outcome.ts';
import { blockHours, priceText } from '../pools.ts';
import { boughtEarlier, buyFor, type PurchaseResult, plannedPurchase, withinLimit } from '../purchase/buy.ts';
import { buyAndDeliver, type DeliveredPurchase, type KeyOptions } from '../purchase/buy-with-keys.ts';
import { findCovering } from '../purchase/covering.ts';
import { checkMaximum, checkSpending, monthlySpending } from '../purchase/limits.ts';
import { type PricedPurchase, UnstatedPrice } from '../purchase/price.ts';
import { type Agreement, checkRepeat, consentToRepeat, samePurchasesSince } from '../purchase/repeat.ts';
import { openDotenv } from '../secrets/dotenv.ts';
import { openRefuge } from '../secrets/undelivered.ts';
import type { Look } from './poll.ts';

/**
 * Pause before a candidate whose purchase was refused is tried again, in milliseconds. If the API carried out the purchase
 * anyway, the account may take a while to show it. The pause doubles with each refusal.
 */
const firstRest = 5000;
const longestRest = 120_000;

/** What was seen of the account is looked at again when it is older than this, milliseconds: the machine may have slept since. */
const freshFor = 5000;

/** How to take what opens. */
export interface TakeOptions extends KeyOptions {
  readonly quantity: number;
  readonly billingCycle: BillingCycle;
  readonly maxPrice?: Cents;
  readonly ensure?: true;
  readonly again?: boolean;
  /** Until when, as typed: `6h`. */
  readonly patience?: string | undefined;
}

/** A candidate that the account holds: bought now, bought by a purchase whose response was lost, or covered before. */
export interface Held {
  readonly candidate: Candidate;
  readonly got: PurchaseResult;
  /** At most; 0 when it was covered already. */
  readonly charge: Cents;
  /** What is to be said about it first. */
  readonly note?: string;
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
  readonly bought: (told: DeliveredPurchase, candidate: Candidate, charge: Cents) => Promise<void>;
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
  /** The earlier purchase that the last look found, by this watch or another command; kept until it is reported. */
  #found: Held | undefined;
  /** An earlier purchase that may still go through, according to the last look. Until it settles, nothing is bought. */
  #obstacle: Obstacle | undefined;
  /** Purchases of this watch that have not gone through so far, with what the account held before each. */
  readonly #attempts = new Map<Candidate, RecordedChange>();
  /** How often each open candidate was refused, and when it may be tried again. */
  readonly #refusals = new Map<Candidate, { readonly count: number; readonly until: number }>();
  readonly #begunAt: number;

  constructor(context: Context, candidates: readonly Candidate[], options: TakeOptions) {
    this.#context = context;
    this.#candidates = candidates;
    this.#options = options;
    this.#begunAt = context.clocks.wall();
  }

  /** Whether a purchase may still go through. */
  get isPending(): boolean {
    return this.#obstacle !== undefined || this.#context.result.lastChange === 'unknown';
  }

  /**
   * Looks at the account, so that a seat that opens can be bought without a look.
   *
   * @param once - whether a failure is the caller's to repeat
   */
  async lookAtAccount(once: boolean): Promise<void> {
    const history = await this.#context.record.history();
    const at = this.#context.clocks.wall();
    const mark = history.mark();
    // Read here, so that it need not be when a seat is free.
    history.open();
    history.since(at);
    // This comes before reading the account, which then shows whatever goes through in between.
    await this.#lookForEarlier();
    const { pools } = await this.#context.api();
    const mine = new Map<string, readonly Subscription[]>();
    for (const { pool } of this.#candidates) {
      if (!mine.has(pool)) mine.set(pool, await pools.subscriptions(pool, { once }));
    }
    this.#account = { mine, spent: await monthlySpending(this.#context, { once }), at, mark };
  }

  /**
   * Returns the candidate that the account already holds through a purchase whose response was lost, or with `--ensure` through
   * any purchase. Returns undefined while such a purchase may still go through.
   *
   * @throws CommandError (unavailable) with `--ensure` if the account holds only part of one, or holds one that ends;
   *   (confirmation_required) if another `ci` on this machine has bought one since the user agreed to one purchase, or if the
   *   outcome of an earlier purchase can't be found out; (busy) with `--no-wait`
   */
  async held(): Promise<Held | undefined> {
    if (this.#found) return this.#found;
    this.#checkObstacle();
    if (this.#obstacle) return undefined;
    const late = await this.#cameLate();
    if (late) return late;
    await this.#checkTaken();
    if (this.#options.ensure) return this.#covered();
    if (!this.#agreed) return undefined;
    for (const candidate of this.#candidates) {
      // A purchase that began after the look blocks the next check if it has no outcome by then.
      await checkRepeat(this.#context, this.#intent(candidate), this.#mineOn(candidate), this.#agreed, isSettled);
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
    if (this.#options.again) {
      const [candidate] = this.#candidates;
      if (candidate) await noteRisk(this.#context, plannedPurchase(this.#context, this.#intent(candidate)));
    }
    if (this.#options.ensure || this.#options.again) return;
    const agreed = { repeated: new Set<string>(), at: this.#context.clocks.wall() };
    for (const candidate of this.#candidates) {
      const mine = async () => this.#mineOn(candidate);
      // The watch waits for a purchase without a known outcome, and adopts it if it goes through.
      const { repeated } = await consentToRepeat(this.#context, this.#intent(candidate), mine, isSettled);
      for (const id of repeated) agreed.repeated.add(id);
    }
    this.#agreed = agreed;
  }

  /** Proves that nothing on this machine will be in the way, and has loaded what a purchase needs. @throws CommandError */
  async makeReady(): Promise<void> {
    const { save } = this.#options;
    await this.#context.record.exclusively('purchase', async () => {});
    (await openRefuge(this.#context)).discard();
    // What is written to the record is redacted, and patterns are compiled when they are used for the first and the second time.
    for (const text of ['name: value', 'name: value']) redacted(text);
    if (save !== undefined) await (await openDotenv(this.#context, save)).discard();
  }

  /**
   * Buys the first of the open candidates that can be bought.
   *
   * @throws CommandError for whatever leaves no hope for another check, or leaves the outcome unknown
   */
  async take(look: Look, open: readonly Candidate[], { buying, bought, refused }: Listener): Promise<Checked> {
    if (this.#obstacle) {
      // A purchase of this watch was already reported when its response was lost.
      const [first] = open;
      if (first && this.#context.result.lastChange !== 'unknown') {
        await refused(obstacleError(this.#context, this.#obstacle), first);
      }
      return { kind: 'again' };
    }
    for (const candidate of open) {
      if (this.#rests(candidate)) continue;
      const purchase = pricedOrRefusal(look, candidate, this.#options);
      if (purchase instanceof CommandError) {
        await refused(purchase, candidate);
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
        const done = await buyAndDeliver(this.#context, buy, this.#options, (what) => {
          told = true;
          return bought(what, held?.candidate ?? candidate, held?.charge ?? 0);
        });
        if (done.kind === 'bought' && done.overcharge) throw done.overcharge;
        return { kind: 'done' };
      } catch (error) {
        if (told || !(error instanceof CommandError) || this.#isFinal(error)) throw error;
        if (isPassing(error) || error.outcome === 'unknown') return { kind: 'failed', error };
        await refused(error, candidate);
      }
    }
    return { kind: 'again' };
  }

  /** Forgets the refusals of candidates that are no longer open. If they open again, that is a new opening. */
  sees(open: readonly Candidate[]): void {
    for (const candidate of this.#refusals.keys()) if (!open.includes(candidate)) this.#refusals.delete(candidate);
  }

  /** Whether a candidate is open and isn't tried, as it was refused a moment ago. */
  get isResting(): boolean {
    return this.#candidates.some((candidate) => this.#rests(candidate));
  }

  #rest(candidate: Candidate): void {
    const count = (this.#refusals.get(candidate)?.count ?? 0) + 1;
    const rest = Math.min(firstRest * 2 ** (count - 1), longestRest);
    this.#refusals.set(candidate, { count, until: this.#context.clocks.monotonic() + rest });
  }

  #rests(candidate: Candidate): boolean {
    return this.#context.clocks.monotonic() < (this.#refusals.get(candidate)?.until ?? 0);
  }

  /** Buys, unless the account may have changed since it was looked at, and one of the candidates is held now. */
  async #buy(candidate: Candidate, purchase: PricedPurchase): Promise<Held> {
    return this.#context.record.exclusively('purchase', async () => {
      const history = await this.#context.record.history();
      const { at, mark } = this.#account;
      if (history.mark() !== mark || Math.abs(this.#context.clocks.wall() - at) > freshFor) {
        await this.lookAtAccount(false);
        const held = await this.held();
        if (held?.note) this.#context.output.note(held.note);
        if (held) return held;
        if (this.#obstacle) throw obstacleError(this.#context, this.#obstacle);
      }
      const begunAt = this.#context.clocks.wall() - 1;
      const account = { mine: this.#mineOn(candidate), spent: this.#account.spent };
      const repetition = { ensure: this.#options.ensure, agreed: this.#agreed };
      const charge = purchase.quote.charge.atMost;
      try {
        const got = this.#asAgreed(candidate, await buyFor(this.#context, account, purchase, repetition));
        return { candidate, got, charge: got.kind === 'bought' ? (got.charge ?? charge) : 0 };
      } catch (error) {
        const attempt = (await samePurchasesSince(this.#context, this.#intent(candidate), begunAt)).at(-1);
        const before = { ids: account.mine.map(({ id }) => id) };
        // Whatever appears late, from this attempt or a later one, wasn't there before the first.
        if (attempt && !this.#attempts.has(candidate)) this.#attempts.set(candidate, { ...attempt, before });
        if (error instanceof CommandError && error.status !== undefined) this.#rest(candidate);
        // No other purchase was made since, and this one was not carried out: the next candidate needs no new look.
        this.#account = { ...this.#account, mark: history.mark() };
        throw error;
      }
    });
  }

  get #limitName(): string {
    return this.#options.maxPrice === undefined ? 'the agreed' : '--max-price';
  }

  /** Whether a failure ends the watch. Everything does that is not known to pass. */
  #isFinal(error: CommandError): boolean {
    if (error.outcome === 'applied' || error.code === 'interrupted') return true;
    // Every check from now on looks for it, and nothing is bought meanwhile.
    if (error.outcome === 'unknown') return !this.#context.settling.wait;
    if (error.code === 'price_above_maximum') return this.#candidates.length === 1;
    return !isTaken(error) && !isPassing(error);
  }

  /** Looks for earlier purchases that could be the same and have no known outcome. */
  async #lookForEarlier(): Promise<void> {
    const context = this.#context;
    let obstacle: Obstacle | undefined;
    for (const candidate of this.#candidates) {
      if (this.#found) return;
      const ignoresUnclear = this.#options.ensure === true;
      const planned = plannedPurchase(context, this.#intent(candidate));
      const since = context.settling.again ? this.#begunAt : undefined;
      const earlier = await checkEarlier(context, { ...planned, since });
      if (earlier.found) this.#found = this.#heldBy(candidate, earlier.found);
      if (ignoresUnclear && earlier.obstacle?.kind === 'unclear') continue;
      if (obstacle?.kind !== 'unclear') obstacle = earlier.obstacle ?? obstacle;
    }
    this.#obstacle = obstacle;
  }

  /** @throws CommandError if an obstacle won't pass, or with `--no-wait` if there is any */
  #checkObstacle(): void {
    const obstacle = this.#obstacle;
    if (obstacle?.kind === 'unclear' || (obstacle && !this.#context.settling.wait)) {
      throw obstacleError(this.#context, obstacle);
    }
  }

  /** Returns a purchase of this watch that was refused or not found at first, and is there now. */
  async #cameLate(): Promise<Held | undefined> {
    const history = await this.#context.record.history();
    for (const [candidate, change] of this.#attempts) {
      const { id, intent, before, at } = change;
      if (intent.action !== 'subscribe') continue;
      const recorded = history.since(Date.parse(at));
      if (recorded.some((each) => each.id === id && each.settled?.outcome === 'applied')) continue;
      const others = idsOfOthers(recorded, change);
      const verdict = judgeSubscribe(intent, before, this.#mineOn(candidate), others);
      if (verdict.outcome === 'not_applied') continue;
      if (verdict.outcome === 'unknown') throw refusedInVain(candidate, verdict.why);
      const { found } = verdict;
      const held = this.#heldBy(candidate, { change, intent, found });
      const ids = found.map((each) => each.id);
      const charge = toUsd(held.charge);
      settleChange(this.#context, history, id, { outcome: 'applied', by: 'look', ids, charge });
      return held;
    }
    return undefined;
  }

  /** @throws CommandError if a purchase of this watch went through and another `ci` has adopted it */
  async #checkTaken(): Promise<void> {
    const context = this.#context;
    if (context.result.lastChange !== 'unknown') return;
    const history = await context.record.history();
    const own = new Set([...this.#attempts.values()].map(({ id }) => id));
    const taken = history
      .since(this.#begunAt)
      .find(({ id, settled }) => own.has(id) && settled?.outcome === 'applied')?.settled;
    context.result.lastChange = taken ? 'applied' : 'not_applied';
    if (!taken || this.#options.ensure) return;
    const message = `the purchase went through, and another ci has taken it up: ${inWords(taken.ids)}`;
    throw new CommandError('confirmation_required', message, {
      hint: '`ci status` shows it.',
      outcome: 'applied',
    });
  }

  #heldBy(candidate: Candidate, earlier: EarlierChange<'subscribe'>): Held {
    const limit = this.#limits.get(candidate);
    const got = this.#asAgreed(candidate, withinLimit(boughtEarlier(earlier), candidate.pool, limit));
    this.#context.result.lastChange = 'applied';
    const how = earlier.change.settled?.by === 'answer' ? 'API refused a purchase' : 'response to a purchase was lost';
    return { candidate, got, charge: got.charge ?? 0, note: `The ${how}, but the purchase went through.` };
  }

  /** Drops the overcharge error if the price rose after the look but stayed within the agreed limit. */
  #asAgreed<Got extends PurchaseResult>(candidate: Candidate, got: Got): Got {
    const limit = this.#limits.get(candidate);
    const isWithin = got.kind === 'bought' && got.charge !== undefined && limit !== undefined && got.charge <= limit;
    return isWithin ? { ...got, overcharge: undefined } : got;
  }

  #covered(): Held | undefined {
    let refusal: unknown;
    for (const candidate of this.#candidates) {
      const { pool, blocks } = candidate;
      try {
        const subscriptions = findCovering(pool, this.#mineOn(candidate), blocks, this.#options.quantity);
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
    const now = await this.#context.connections.now();
    const { timeZone } = this.#context.world;
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
      ['Account', accountLabel(this.#context.settings)],
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

function isSettled({ settled }: RecordedChange): boolean {
  return settled !== undefined && settled.outcome !== 'unknown';
}

/** Reports refused purchases that went through after all, but not as requested. */
function refusedInVain({ pool }: Candidate, why: string): CommandError {
  return new CommandError('server_error', `the API refused a purchase of ${pool}, but it went through: ${why}`, {
    hint: `Check \`ci pools subscriptions ${pool}\`; \`ci pools cancel ${pool}\` ends the most recent one with its period.`,
    outcome: 'applied',
  });
}

function pricedIfStated(look: Look, candidate: Candidate, options: TakeOptions): PricedPurchase | undefined {
  try {
    return look.priced(candidate, options);
  } catch (error) {
    if (error instanceof UnstatedPrice) return undefined;
    throw error;
  }
}

/** Returns the price, or a refusal if it is implausible or not stated. The next check may see another price. */
function pricedOrRefusal(look: Look, candidate: Candidate, options: TakeOptions): PricedPurchase | CommandError {
  try {
    return pricedIfStated(look, candidate, options) ?? unpriced(candidate);
  } catch (error) {
    if (error instanceof CommandError && error.code === 'unexpected_response') return error;
    throw error;
  }
}

function unpriced({ pool, blocks }: Candidate): CommandError {
  return new CommandError('input_required', `the API states no price for ${inWords(blocks)} of ${pool}`, {
    hint: 'Say what it may cost at the most: --max-price 49.',
    outcome: 'not_applied',
  });
}
