import { hasAction } from '../account/changes/actions.ts';
import { recordOutcome } from '../account/changes/carry-out.ts';
import { signerOf } from '../chain/signature.ts';
import { accountLabel } from '../config/settings.ts';
import type { Context } from '../context/context.ts';
import { noRoomHint } from '../context/record.ts';
import { chains, type Hex } from '../domain/chains.ts';
import { asClause, CommandError, messageOf } from '../domain/errors.ts';
import { areSamePurchased, type PayIntent, type Purchase } from '../domain/payment.ts';
import { toSmallestUnits } from '../domain/usdc.ts';
import { type ChangeLog, isOpen, type RecordedAccount, type RecordedChange } from '../state/change-log.ts';
import { ClaimSignatures } from '../state/claim-signatures.ts';
import { claimMessage } from './claim.ts';

/** How long after a payment the same payment counts as a repeat, in milliseconds. */
const repeatWithin = 10 * 60_000;

const day = 24 * 3_600_000;

/** The code of a payment whose claim the API refused. */
const refusedCode = 'claim_refused';

/** A recorded payment. */
export interface RecordedPayment {
  readonly change: RecordedChange;
  readonly payment: PayIntent;
}

/** The parts of the context that recording payments uses. */
export type RecordingContext = Pick<Context, 'clocks' | 'output' | 'record' | 'result' | 'settings' | 'world'>;

/** The wallet of a payment, and the chain on which its nonces count. */
export type PayingWallet = Pick<PayIntent, 'from' | 'chain' | 'isLocal'>;

/** The payments in the record. */
export class PaymentRecord {
  /** The host that sells now; `sandbox` for the embedded one. */
  readonly host: string;
  readonly #context: RecordingContext;
  readonly #history: ChangeLog;
  readonly #walletAccount: (address: string) => RecordedAccount;
  readonly #signatures: ClaimSignatures;

  private constructor(
    context: RecordingContext,
    history: ChangeLog,
    walletAccount: (address: string) => RecordedAccount,
  ) {
    this.#context = context;
    this.#history = history;
    this.#walletAccount = walletAccount;
    this.#signatures = new ClaimSignatures(context.record.folder, context.world.env);
    this.host = sellerHost(context);
  }

  static async open(context: RecordingContext): Promise<PaymentRecord> {
    const { record } = context;
    return new PaymentRecord(context, await record.history(), await record.walletAccounts());
  }

  /** Returns the payments to the host that sells now that aren't finished, oldest first. */
  async unfinished(): Promise<RecordedPayment[]> {
    return (await this.#open()).filter(({ payment }) => payment.host === this.host);
  }

  /** Returns the payments of a wallet that aren't finished, whoever sells, oldest first. They share the nonces of the wallet. */
  async unfinishedOf(wallet: PayingWallet): Promise<RecordedPayment[]> {
    return (await this.#open()).filter(({ payment }) => isOfWallet(payment, wallet));
  }

  /**
   * Returns the other recorded payments with the nonce of an open payment, finished or not. The chain executes only one of them.
   *
   * @param id - of the payment in the record
   */
  async rivals(id: string, payment: PayIntent): Promise<RecordedPayment[]> {
    const begun = (await this.#history.open()).map(({ at }) => Date.parse(at));
    return (await this.#history.since(Math.min(this.#context.clocks.wall(), ...begun) - day))
      .flatMap(recordedPayment)
      .filter(
        (each) => each.change.id !== id && isOfWallet(each.payment, payment) && each.payment.nonce === payment.nonce,
      );
  }

  /**
   * Does something while no other `ci` on this machine pays with a wallet, or claims what it paid for.
   *
   * @throws CommandError (busy) if another one does for longer than the timeout
   */
  exclusively<Result>(
    { from, chain }: Pick<PayIntent, 'from' | 'chain'>,
    work: () => Promise<Result>,
  ): Promise<Result> {
    return this.#context.record.exclusively('payment', work, `${chains[chain].id}-${from.toLowerCase()}`);
  }

  async #open(): Promise<RecordedPayment[]> {
    return (await this.#history.open()).filter(isOpen).flatMap(recordedPayment);
  }

  /** Returns the newest payment to the host that sells now that fits; undefined if there is none. */
  async newest(fits: (payment: RecordedPayment) => boolean): Promise<RecordedPayment | undefined> {
    const isWanted = (each: RecordedPayment) => each.payment.host === this.host && fits(each);
    const [change] = await this.#history.newest(1, (each) => recordedPayment(each).some(isWanted));
    return change && recordedPayment(change)[0];
  }

  /** Returns a payment for the same thing by the same wallet that was finished moments ago; undefined if there is none. */
  async repeated(purchase: Purchase, from: Hex, amount: number): Promise<RecordedChange | undefined> {
    return (await this.#since(this.#context.clocks.wall() - repeatWithin))
      .filter(
        ({ change, payment }) =>
          change.settled?.outcome === 'applied' && payment.from === from && isSamePayment(payment, purchase, amount),
      )
      .at(-1)?.change;
  }

  /**
   * Returns what was paid for subscriptions since a moment, in millionths of a USDC.
   *
   * @param since - epoch milliseconds
   * @param except - the ids of payments that don't count
   */
  async spentSince(since: number, except: readonly string[]): Promise<bigint> {
    return (await this.#since(since))
      .filter(({ change }) => Date.parse(change.at) >= since && change.settled?.outcome !== 'not_applied')
      .filter(({ change, payment }) => payment.purchase.type === 'subscription' && !except.includes(change.id))
      .reduce((sum, { payment }) => sum + toSmallestUnits(payment.amount), 0n);
  }

  async #since(moment: number): Promise<RecordedPayment[]> {
    return (await this.#history.since(moment))
      .flatMap(recordedPayment)
      .filter(({ payment }) => payment.host === this.host);
  }

  /**
   * Records a signed payment before it is sent, and the signature that claims it.
   *
   * @returns its id in the record
   * @throws CommandError (file_error) if it can't be recorded
   */
  async begin(payment: PayIntent, signature: Hex | undefined): Promise<string> {
    try {
      if (signature) this.#signatures.add(payment.hash, signature);
    } catch (error) {
      throw new CommandError('file_error', `Can't write to ${this.#context.record.folder}: ${messageOf(error)}`, {
        hint: noRoomHint,
        outcome: 'not_applied',
        cause: error,
      });
    }
    const id = await this.#history.begin({ intent: payment, before: {}, account: this.#accountOf(payment) });
    this.#context.result.lastChange = 'unknown';
    return id;
  }

  /** Returns the signature by a wallet that claims a payment; undefined if it isn't stored. @throws CommandError (file_error) */
  signatureOf(hash: Hex, payer: Hex): Hex | undefined {
    const signature = this.#signatures.of(hash);
    return signature !== undefined && signerOf(claimMessage(hash), signature) === payer ? signature : undefined;
  }

  /** Records that a payment was made and claimed. @param hash - of the transaction that paid @param ids - of what it got */
  async applied(id: string, payment: PayIntent, hash: Hex, ids: readonly string[]): Promise<void> {
    this.#context.result.lastChange = 'applied';
    await recordOutcome(this.#context, this.#history, id, { outcome: 'applied', by: 'answer', ids: [hash, ...ids] });
    for (const each of new Set([hash, payment.hash])) this.#signatures.remove(each);
  }

  /** Records that a payment is about to be claimed. @throws CommandError if it can't, and then nothing is claimed */
  async claiming(id: string): Promise<void> {
    try {
      await this.#history.sent(id);
    } catch (error) {
      if (error instanceof CommandError && error.code !== 'file_error') {
        const hint = 'The payment was made, and nothing was claimed. Run the same command again.';
        throw error.with({ hint, outcome: 'unknown' });
      }
      throw new CommandError('file_error', `Can't record the claim: ${asClause(messageOf(error))}`, {
        hint: 'The payment was made, and nothing was claimed. Free up disk space, then run the same command again.',
        outcome: 'unknown',
        cause: error,
      });
    }
  }

  /** Records that a payment was made and claimed, but the response with its API key is lost. Keeps the signature as a proof. */
  async #secretLost(id: string, { hash }: PayIntent): Promise<void> {
    this.#context.result.lastChange = 'applied';
    await recordOutcome(this.#context, this.#history, id, {
      outcome: 'applied',
      by: 'answer',
      ids: [hash],
      code: 'secret_lost',
    });
  }

  /**
   * Records that the endpoint says that a payment failed on the chain, or that another transaction took its place. Only the second
   * time, it counts as not made: an endpoint may be wrong, and what was paid must not be paid again.
   *
   * @param before - the payment as it was recorded before
   * @returns whether it counts
   */
  async lost(id: string, state: 'failed' | 'replaced', before: RecordedChange | undefined): Promise<boolean> {
    const code = `payment_${state}`;
    const isSecond = before?.settled?.code === code;
    const outcome = isSecond ? 'not_applied' : 'unknown';
    await recordOutcome(this.#context, this.#history, id, { outcome, by: 'look', ids: [], code });
    return isSecond;
  }

  /** Records that a payment was not made, and can't be anymore. */
  async notApplied(id: string, { hash }: PayIntent): Promise<void> {
    await recordOutcome(this.#context, this.#history, id, { outcome: 'not_applied', by: 'look', ids: [] });
    this.#signatures.remove(hash);
  }

  /** Records that a payment isn't finished, unless the error says that all but its API key was got. */
  async unfinishedBy(id: string, payment: PayIntent, error: unknown): Promise<void> {
    const code = error instanceof CommandError ? error.code : undefined;
    if (code === 'secret_lost') {
      await this.#secretLost(id, payment);
      return;
    }
    const recorded = (await this.#history.open()).find((change) => change.id === id);
    const isRefused = error instanceof CommandError && error.outcome === 'applied';
    // A claim that was refused stays so, until one is lost.
    const stays = recorded?.settled?.code === refusedCode && code !== 'outcome_unknown' && code !== 'interrupted';
    const settledCode = isRefused || stays ? refusedCode : code;
    await recordOutcome(this.#context, this.#history, id, {
      outcome: 'unknown',
      by: 'look',
      ids: [],
      code: settledCode,
    });
  }

  /** Returns the account of a payment in the record. It doesn't depend on the management key, which may be replaced. */
  #accountOf({ purchase, from }: PayIntent): RecordedAccount {
    const account = this.#walletAccount(from);
    return purchase.type === 'topup' ? { ...account, label: accountLabel(this.#context.settings) } : account;
  }
}

/** Returns a recorded change if it is a payment, or nothing. */
function recordedPayment(change: RecordedChange): RecordedPayment[] {
  return hasAction(change.intent, 'pay') ? [{ change, payment: change.intent }] : [];
}

function isOfWallet({ from, chain, isLocal }: PayIntent, wallet: PayingWallet): boolean {
  return from === wallet.from && chain === wallet.chain && isLocal === wallet.isLocal;
}

/** Returns the host that sells now; `sandbox` for the embedded one. */
function sellerHost({ settings }: Pick<Context, 'settings'>): string {
  return settings.sandbox.value ? 'sandbox' : new URL(settings.apiUrl.value).host;
}

/** Returns whether a claim for a payment was sent whose response nobody got. */
export function wasClaimed({ change: { sentAt, settled } }: RecordedPayment): boolean {
  return sentAt !== undefined && settled?.code !== refusedCode;
}

/** Returns whether a payment is for the same thing. Two payments for credit are if their amounts are the same. */
export function isSamePayment(payment: PayIntent, purchase: Purchase, amount: number): boolean {
  return (
    areSamePurchased(payment.purchase, purchase) && (purchase.type === 'subscription' || payment.amount === amount)
  );
}
