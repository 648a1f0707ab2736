import { noteUndelivered } from '../account/secrets/undelivered.ts';
import type { ChainNode } from '../chain/node.ts';
import { signTransfer } from '../chain/transaction.ts';
import { accountLabel, parseSpendLimit } from '../config/settings.ts';
import type { Context } from '../context/context.ts';
import type { Chain, Hex } from '../domain/chains.ts';
import { CommandError } from '../domain/errors.ts';
import { type Cents, formatUsd } from '../domain/money.ts';
import {
  describePurchased,
  type PayIntent,
  type Purchase,
  unitsText,
  usdcText,
  usualConfirmations,
} from '../domain/payment.ts';
import { unitsOf, usdcOf } from '../domain/usdc.ts';
import { factLines } from '../output/text.ts';
import { timeAgo } from '../output/time.ts';
import { usdcAddress } from '../sandbox/money.ts';
import { chooseWallet, type WalletChoice } from '../wallet/choose.ts';
import { readKeystore, type WalletPlace } from '../wallet/files.ts';
import { loadWallet, type Wallet } from '../wallet/load.ts';
import type { PasswordSource } from '../wallet/password.ts';
import { claimMessage, type Paid } from './claim.ts';
import { connectChain, isLocalChain, refuseRealMoney } from './connect-chain.ts';
import { checkMaximum, type Due } from './due.ts';
import { paymentFacts } from './facts.ts';
import { type FollowingContext, followPayment, Unconfirmed } from './follow.ts';
import { hasEnoughFees, type PreparedPayment, preparePayment } from './prepare.ts';
import { isSamePayment, PaymentRecord, type RecordedPayment, type RecordingContext, wasClaimed } from './record.ts';
import { closeRivals, hasRivalOnChain, isReplacedByOurs, rivalHashes } from './rivals.ts';

/** How long a payment for a subscription counts toward `max-monthly-spend`, in milliseconds: as long as the subscription lasts. */
const month = 30 * 24 * 3_600_000;

/** Maximum number of payments to follow in one command, if the chain executes none of them. */
const mostRounds = 3;

/** How long a price counts while the user is asked, in milliseconds. */
const longestConsent = 60_000;

/** The parts of the context that paying uses. */
export type PayingContext = FollowingContext &
  RecordingContext &
  Pick<Context, 'connections' | 'profiles' | 'prompts' | 'settling'>;

/** How to pay. */
export interface PaymentOptions {
  readonly wallet: WalletChoice;
  readonly password: PasswordSource;
  readonly chain: Chain;
  /** As typed. */
  readonly rpcUrl?: string | undefined;
  readonly confirmations: number;
}

/** What to pay for. */
export interface Order {
  readonly purchase: Purchase;
  /** In USDC, if the user says it. Two payments for credit are the same only if their amounts are. */
  readonly amount?: number | undefined;
  /** Fetches what it costs now. Nothing is charged by that. */
  readonly due: (chain: Chain) => Promise<Due>;
  /** The most to pay. */
  readonly maximum?: Cents | undefined;
}

/** What became of a payment that was made. */
export interface Finished<Result> {
  readonly result: Result;
  /** The ids of what it got. */
  readonly ids: readonly string[];
}

/**
 * Pays with USDC, exactly once, and then finishes what the payment is for. The transaction is signed and recorded before it is sent.
 * Whatever happens after that, the next call with the same order continues with this transaction. A transaction that takes its place
 * has the same nonce, so the chain executes only one of them.
 *
 * @param finish - claims or verifies the payment. If it fails, the payment stays open in the record, and the next call tries again
 * @throws CommandError (confirmation_required), (declined); (payment_required) if the wallet has too little; (price_above_maximum);
 *   others with the outcome `unknown` or `applied` if the payment may be, or was, made
 */
export async function pay<Result>(
  context: PayingContext,
  order: Order,
  options: PaymentOptions,
  finish: (paid: Paid) => Promise<Finished<Result>>,
): Promise<Result> {
  context.prompts.requireConsent();
  const place = await chooseWallet(context, options.wallet);
  const payer = new Payer(context, place, options.password);
  try {
    const node = await connectChain(context, options.chain, options.rpcUrl);
    const from = await payer.address();
    const record = await PaymentRecord.open(context);
    await noteUndelivered(context);
    const payment = new Payment(context, { node, from, payer, record, order, options });
    return await record.exclusively({ from, chain: options.chain.name }, () => payment.run(finish));
  } finally {
    payer.close();
  }
}

/** A wallet that is opened when it is needed. */
export class Payer {
  readonly place: WalletPlace;
  readonly #context: Pick<Context, 'prompts' | 'world'>;
  readonly #password: PasswordSource;
  #wallet: Wallet | undefined;

  constructor(context: Pick<Context, 'prompts' | 'world'>, place: WalletPlace, password: PasswordSource) {
    this.place = place;
    this.#context = context;
    this.#password = password;
  }

  /** Returns the address that the file states, or the address of its key. */
  async address(): Promise<Hex> {
    return readKeystore(this.place).address ?? (await this.open()).address;
  }

  /** Opens the wallet, and asks for its password if it is nowhere else. */
  async open(): Promise<Wallet> {
    this.#wallet ??= await loadWallet(this.#context, this.place, this.#password);
    return this.#wallet;
  }

  /** Wipes the private key. */
  close(): void {
    this.#wallet?.close();
  }
}

/** What a payment needs. */
interface PaymentParts {
  readonly node: ChainNode;
  readonly from: Hex;
  readonly payer: Payer;
  readonly record: PaymentRecord;
  readonly order: Order;
  readonly options: PaymentOptions;
}

/** A payment with its id in the record. */
interface Begun {
  readonly id: string;
  readonly payment: PayIntent;
  /** Whether it wasn't sent before, as far as the endpoint knows. */
  readonly isNew: boolean;
  /** The same payment, if an earlier command made it. */
  readonly earlier?: RecordedPayment;
}

/** One call of {@link pay}, while no other process pays with the wallet. */
class Payment {
  readonly #context: PayingContext;
  readonly #parts: PaymentParts;

  constructor(context: PayingContext, parts: PaymentParts) {
    this.#context = context;
    this.#parts = parts;
  }

  async run<Result>(finish: (paid: Paid) => Promise<Finished<Result>>): Promise<Result> {
    for (let round = 1; round <= mostRounds; round++) {
      const begun = await this.#begin();
      const hash = await this.#confirmed(begun);
      if (hash !== undefined) return this.#finished(begun, hash, finish);
    }
    throw new CommandError('outcome_unknown', `The RPC endpoint ${this.#parts.node.rpc.host} contradicts itself`, {
      hint: 'Try again with another endpoint (--rpc-url), or run `ci history reconcile`.',
      outcome: 'unknown',
    });
  }

  async #finished<Result>(
    { payment, id, earlier }: Begun,
    hash: Hex,
    finish: (paid: Paid) => Promise<Finished<Result>>,
  ): Promise<Result> {
    const { record } = this.#parts;
    try {
      const signature = await this.#signature(payment, hash);
      await record.claiming(id);
      const isRepeated = earlier !== undefined && wasClaimed(earlier);
      const { result, ids } = await finish({ payment, hash, signature, wasClaimed: isRepeated });
      await record.applied(id, payment, hash, ids);
      await closeRivals(record, id, payment);
      return result;
    } catch (error) {
      await record.unfinishedBy(id, payment, error);
      throw error;
    }
  }

  /** Returns the payment to follow: an earlier one that isn't finished, or a new one. */
  async #begin(): Promise<Begun> {
    const { settling, output } = this.#context;
    const { node, record, order } = this.#parts;
    const mined = await node.nonce(this.#parts.from);
    const open = await this.#unfinished(mined);
    const same = open.filter(
      ({ payment }) =>
        payment.host === record.host && isSamePayment(payment, order.purchase, order.amount ?? payment.amount),
    );
    const earlier = settling.again ? undefined : ((await this.#onChain(same, mined)) ?? same.at(-1));
    if (earlier && (await this.#continues(earlier, mined))) {
      const { amount, hash } = earlier.payment;
      output.note(`Continuing the payment of ${usdcText(amount)} made ${this.#ago(earlier)} (${hash}).`);
      this.#noteOtherKey(earlier);
      return { id: earlier.change.id, payment: earlier.payment, isNew: false, earlier };
    }
    const unmined = open.filter(({ payment }) => payment.nonce >= mined);
    const other = unmined.find((each) => !same.includes(each));
    if (other && !settling.again) throw this.#occupied(other);
    const beyond = unmined.find(({ payment }) => payment.nonce > mined);
    if (beyond && !settling.again) throw this.#unclear(beyond, mined);
    if (settling.again) for (const each of same) await this.#giveUp(each, mined);
    // All of these have the nonce of the new payment, so at most one can be mined. Its fees must be above those of the newest.
    return this.#start(unmined.filter(({ payment }) => payment.nonce === mined).at(-1));
  }

  /** Returns the payments of the wallet that aren't finished, without those whose nonce a claimed payment has used. */
  async #unfinished(mined: number): Promise<RecordedPayment[]> {
    const { node, record, from } = this.#parts;
    const wallet = { from, chain: node.chain.name, isLocal: isLocalChain(node) };
    const open: RecordedPayment[] = [];
    for (const each of await record.unfinishedOf(wallet)) {
      const isReplaced = each.payment.nonce < mined && (await isReplacedByOurs(record, each.change.id, each.payment));
      if (isReplaced) await record.notApplied(each.change.id, each.payment);
      else open.push(each);
    }
    return open;
  }

  /** Returns the payment that the chain has, or whose nonce it has used; undefined if there is none. */
  async #onChain(payments: readonly RecordedPayment[], mined: number): Promise<RecordedPayment | undefined> {
    const used = payments.filter(({ payment }) => payment.nonce < mined);
    for (const each of used) if (await this.#parts.node.receipt(each.payment.hash)) return each;
    return used[0];
  }

  /** Points out that the credit of an earlier payment goes to the account of another key. */
  #noteOtherKey({ change, payment }: RecordedPayment): void {
    const { output, settings } = this.#context;
    const label = accountLabel(settings);
    if (payment.purchase.type !== 'topup' || change.account.label === label) return;
    output.note(`The payment was made for ${change.account.label}. Its credit goes to ${label}.`);
  }

  /** Returns whether an earlier payment needs no new consent: it is mined, or waits to be mined with fees that are high enough. */
  async #continues({ payment }: RecordedPayment, mined: number): Promise<boolean> {
    const { node } = this.#parts;
    if (payment.nonce < mined) return true;
    return (await node.transaction(payment.hash)) !== undefined && (await hasEnoughFees(node, payment));
  }

  /** Records that the chain won't execute a payment, because another transaction has taken its place or it failed. */
  async #giveUp({ change, payment }: RecordedPayment, mined: number): Promise<void> {
    if (payment.nonce >= mined) return;
    try {
      await followPayment(this.#context, this.#parts.node, payment, {
        confirmations: usualConfirmations,
        sends: 'never',
        rivals: await rivalHashes(this.#parts.record, change.id, payment),
      });
    } catch (error) {
      if (!(error instanceof Unconfirmed) || error.state === 'waiting') throw error;
      await this.#parts.record.lost(change.id, error.state, change);
    }
  }

  /**
   * Asks for consent, signs and records a payment.
   *
   * @param waiting - an earlier one that isn't mined
   * @throws CommandError with the outcome `unknown` if the earlier one may still be mined
   */
  async #start(waiting: RecordedPayment | undefined): Promise<Begun> {
    try {
      return await this.#startNew(waiting);
    } catch (error) {
      if (!waiting || !(error instanceof CommandError)) throw error;
      const { amount } = waiting.payment;
      const isUsers = ['declined', 'interrupted', 'confirmation_required', 'usage'].includes(error.code);
      throw error.with({
        code: isUsers ? error.code : 'outcome_unknown',
        outcome: 'unknown',
        hint: `${error.hint ?? ''} The payment of ${usdcText(amount)} made ${this.#ago(waiting)} may still be mined. Run \`ci history reconcile\` to find out.`.trim(),
      });
    }
  }

  async #startNew(waiting: RecordedPayment | undefined): Promise<Begun> {
    const { clocks, settling, prompts, output } = this.#context;
    const { node, from, record, payer, options } = this.#parts;
    const due = await this.#due();
    const fetchedAt = clocks.monotonic();
    const resent = waiting && (await this.#isStillRight(waiting.payment, due)) ? waiting : undefined;
    await this.#checkPrice(due, waiting);
    const prepared = await preparePayment(node, from, due, waiting?.payment);
    const repeated = settling.again ? undefined : await record.repeated(due.purchase, from, usdcOf(due.units));
    if (repeated && !prompts.canAsk) throw this.#repetition(repeated.at);
    await this.#consent(prepared, { waiting, resends: resent !== undefined });
    if (repeated) {
      output.note(`${this.#repetition(repeated.at).message}.`);
      await prompts.consentAgain('Pay again?');
    }
    // Asks for the password, which takes time, before the price is checked again.
    if (!resent) await payer.open();
    if (clocks.monotonic() - fetchedAt > longestConsent) {
      const now = await this.#due();
      if (now.units !== due.units || now.to !== due.to) {
        output.note('The price or the address has changed in the meantime.');
        return this.#startNew(waiting);
      }
    }
    if (resent) return { id: resent.change.id, payment: resent.payment, isNew: true, earlier: resent };
    const wallet = await payer.open();
    const signed = signTransfer(prepared.transaction, (hash) => wallet.sign(hash));
    const payment: PayIntent = {
      action: 'pay',
      purchase: due.purchase,
      amount: usdcOf(due.units),
      chain: options.chain.name,
      isLocal: isLocalChain(node),
      host: record.host,
      from,
      to: due.to,
      nonce: prepared.transaction.nonce,
      block: prepared.block,
      ...signed,
    };
    const isClaimed = due.purchase.type === 'subscription';
    return {
      id: await record.begin(payment, isClaimed ? wallet.signMessage(claimMessage(signed.hash)) : undefined),
      payment,
      isNew: true,
    };
  }

  /** Fetches what is due now. */
  async #due(): Promise<Due> {
    const { result } = this.#context;
    const { lastChange } = result;
    const due = await this.#parts.order.due(this.#parts.node.chain);
    // A request for a top-up moves no money.
    result.lastChange = lastChange;
    this.#refuseRealMoney(due.to);
    return due;
  }

  #refuseRealMoney(to: string): void {
    const isForSandbox = this.#context.settings.sandbox.value || to.toLowerCase() === usdcAddress;
    refuseRealMoney(this.#parts.node, isForSandbox);
  }

  /** Refuses a price above the user's limits. Without one, where nobody is asked, refuses a rise. */
  async #checkPrice(due: Due, waiting: RecordedPayment | undefined): Promise<void> {
    const { prompts, settings } = this.#context;
    const { order, record } = this.#parts;
    checkMaximum(due, order.maximum);
    await this.#checkSpending(due, waiting);
    const isLimited = order.maximum !== undefined || settings.maxMonthlySpend !== undefined;
    if (prompts.asksConsent || isLimited || due.purchase.type !== 'subscription') return;
    const last = await record.newest(
      ({ change, payment }) => change.settled?.outcome === 'applied' && isSamePayment(payment, due.purchase, 0),
    );
    if (!last || last.payment.amount >= usdcOf(due.units)) return;
    const message = `The price has risen from ${usdcText(last.payment.amount)} to ${unitsText(due.units)} since your last payment`;
    throw new CommandError('price_above_maximum', message, {
      hint: `Nothing was paid. Pass --max-price ${usdcOf(due.units)} to agree to it.`,
      outcome: 'not_applied',
    });
  }

  /** Returns whether an earlier payment that isn't mined is just what is due, so that it can be sent again. */
  async #isStillRight(payment: PayIntent, due: Due): Promise<boolean> {
    const { node, order } = this.#parts;
    const isSame = isSamePayment(payment, order.purchase, usdcOf(due.units)) && payment.amount === usdcOf(due.units);
    return isSame && payment.to === due.to && (await hasEnoughFees(node, payment));
  }

  async #consent(
    prepared: PreparedPayment,
    { waiting, resends }: { readonly waiting: RecordedPayment | undefined; readonly resends: boolean },
  ): Promise<void> {
    const { prompts, output } = this.#context;
    const { payer, options, record } = this.#parts;
    const type = prepared.due.purchase.type;
    const last = await record.newest(
      ({ payment: { purchase, chain } }) => purchase.type === type && chain === options.chain.name,
    );
    if (waiting) {
      const what = `the payment of ${usdcText(waiting.payment.amount)} for ${describePurchased(waiting.payment.purchase)} made ${this.#ago(waiting)}, which isn't on the chain`;
      output.note(`${resends ? 'Sends' : 'Replaces'} ${what}. The chain executes only one of them.`);
    }
    const other = last && last.payment.to !== prepared.due.to ? last : undefined;
    const isNewAddress = (await record.newest(({ payment }) => payment.to === prepared.due.to)) === undefined;
    if (other)
      output.note(
        `The API asks for payment to another address than for your last payment: ${prepared.due.to} instead of ${other.payment.to}.`,
      );
    if (!prompts.asksConsent) return;
    const { confirmations } = options;
    output.note(
      factLines(
        await paymentFacts(this.#context, prepared, {
          wallet: payer.place,
          confirmations,
          other,
          host: record.host,
          isNewAddress,
        }),
      ),
    );
    await prompts.consent(`Send ${unitsText(prepared.due.units)} now?`);
  }

  /**
   * Sends a payment and waits for its confirmations, or records that it can't get them.
   *
   * @returns the hash of the transaction that paid; undefined if the chain won't execute the payment, so that another one can be made
   */
  async #confirmed({ id, payment, isNew, earlier }: Begun): Promise<Hex | undefined> {
    const { node, record, options } = this.#parts;
    const { result, output } = this.#context;
    this.#refuseRealMoney(payment.to);
    result.lastChange = 'unknown';
    try {
      const hash = await followPayment(this.#context, node, payment, {
        confirmations: options.confirmations,
        sends: isNew ? 'at once' : 'if unknown',
        rivals: await rivalHashes(record, id, payment),
      });
      output.done(`Paid ${usdcText(payment.amount)} (${hash}).`);
      return hash;
    } catch (error) {
      const state = error instanceof Unconfirmed ? error.state : undefined;
      if (state === 'failed') {
        if (await record.lost(id, 'failed', earlier?.change)) return undefined;
      } else if (state === 'replaced') {
        await record.lost(id, 'replaced', undefined);
        // The next round continues with that one.
        if (await hasRivalOnChain(node, record, id, payment)) return undefined;
      } else await record.unfinishedBy(id, payment, error);
      throw error;
    }
  }

  /** Returns the signature that claims a subscription: the stored one, or a new one. */
  async #signature(payment: PayIntent, hash: Hex): Promise<Hex | undefined> {
    const { record, payer } = this.#parts;
    if (payment.purchase.type !== 'subscription') return undefined;
    return record.signatureOf(hash, payment.from) ?? (await payer.open()).signMessage(claimMessage(hash));
  }

  async #checkSpending(due: Due, waiting: RecordedPayment | undefined): Promise<void> {
    const { maxMonthlySpend } = this.#context.settings;
    if (maxMonthlySpend === undefined || due.purchase.type !== 'subscription') return;
    const { record } = this.#parts;
    const limit = parseSpendLimit(maxMonthlySpend.value);
    // Of those with one nonce, only one can be paid.
    const except = waiting
      ? [waiting, ...(await record.rivals(waiting.change.id, waiting.payment))].map(({ change }) => change.id)
      : [];
    const sum = (await record.spentSince(this.#context.clocks.wall() - month, except)) + due.units;
    if (sum <= unitsOf(limit)) return;
    throw new CommandError(
      'price_above_maximum',
      `The recorded payments of the last 30 days would rise to ${unitsText(sum)}, which is above max-monthly-spend ${formatUsd(limit)} (${maxMonthlySpend.origin})`,
      {
        hint: 'Nothing was paid. Raise the limit with `ci config set max-monthly-spend USD`.',
        outcome: 'not_applied',
      },
    );
  }

  /** Returns the error for a payment with a nonce that a new one can't have, because an endpoint was wrong about one of them. */
  #unclear(beyond: RecordedPayment, mined: number): CommandError {
    const { payment } = beyond;
    return new CommandError(
      'confirmation_required',
      `The payment of ${usdcText(payment.amount)} made ${this.#ago(beyond)} has the nonce ${payment.nonce}, but the RPC endpoint says that the next one of the wallet is ${mined}`,
      {
        hint: 'Nothing was sent. Try again with another endpoint (--rpc-url). With --again, both payments may be made.',
        outcome: 'not_applied',
      },
    );
  }

  #occupied(other: RecordedPayment): CommandError {
    const { payment } = other;
    return new CommandError(
      'busy',
      `The payment of ${usdcText(payment.amount)} for ${describePurchased(payment.purchase)} made ${this.#ago(other)} isn't finished`,
      {
        hint: 'Nothing was sent. Run that command again, or `ci history reconcile --wait`, to finish it. Or pass --again to pay in its place.',
        outcome: 'not_applied',
        retryable: true,
      },
    );
  }

  #repetition(at: string): CommandError {
    const when = timeAgo(at, this.#context.clocks.wall());
    return new CommandError('confirmation_required', `You paid for the same thing ${when}`, {
      hint: 'Nothing was sent. Pass --again to pay a second time.',
      outcome: 'not_applied',
    });
  }

  #ago({ change }: RecordedPayment): string {
    return timeAgo(change.at, this.#context.clocks.wall());
  }
}
