import type { ChainNode, Receipt } from '../chain/node.ts';
import { RpcError, rpcHint } from '../chain/rpc.ts';
import type { Context } from '../context/context.ts';
import type { Hex } from '../domain/chains.ts';
import { durationInWords } from '../domain/duration.ts';
import { asClause, CommandError, type ErrorCode } from '../domain/errors.ts';
import { type PayIntent, usualConfirmations } from '../domain/payment.ts';
import { toSmallestUnits } from '../domain/usdc.ts';

/** The pauses between two looks at the chain, in milliseconds. The last one is repeated: Base has a block every 2 seconds. */
const pauses = [250, 500, 1000, 2000] as const;
/** How long to wait for a payment to be mined and confirmed, in milliseconds. */
const longestWait = 10 * 60_000;
/** How long to go on while the endpoint doesn't answer, or refuses the payment, in milliseconds. */
const longestTrouble = 60_000;
/** After how many blocks a payment counts as replaced whose nonce is used: endpoints lag. */
const replacedAfter = 10;
/** How often to send a payment again that the endpoint doesn't know, in milliseconds. */
const sendAgainAfter = 15_000;

/** How to follow a payment. */
export interface FollowOptions {
  /** How many blocks must have the payment or follow the one that has it. */
  readonly confirmations: number;
  /** How long to wait, in milliseconds; by default, 10 minutes. 0: looks once. */
  readonly patience?: number;
  /** Whether to send the payment: at once, if the endpoint doesn't know it, or never. */
  readonly sends: 'at once' | 'if unknown' | 'never';
  /** The hashes of other recorded payments with the same nonce, which must not be taken for this one. */
  readonly rivals: ReadonlySet<string>;
}

/** The parts of the context that following a payment uses. */
export type FollowingContext = Pick<Context, 'clocks' | 'output' | 'progress' | 'world'>;

/** Why a payment isn't confirmed. */
export type PaymentState = 'waiting' | 'replaced' | 'failed';

/** Reports a payment that isn't confirmed. `failed` and `replaced` are final. */
export class Unconfirmed extends CommandError {
  readonly state: PaymentState;

  constructor(state: PaymentState, code: ErrorCode, message: string, hint: string) {
    super(code, message, { hint, outcome: 'unknown' });
    this.state = state;
  }
}

/**
 * Sends a payment and waits until the chain has confirmed it. Goes on after errors of the endpoint, after a reorganization, and if the
 * endpoint forgets the payment: sending the same bytes again can't pay twice.
 *
 * @returns the hash of the transaction that paid: another one if another transaction of the wallet made the same transfer instead
 * @throws Unconfirmed with the outcome `unknown` if the payment may still be mined; (interrupted)
 */
export async function followPayment(
  context: FollowingContext,
  node: ChainNode,
  payment: PayIntent,
  options: FollowOptions,
): Promise<Hex> {
  const { hash } = await new Following(context, node, payment, options).run();
  return hash;
}

/** What keeps a payment from being confirmed. */
interface Trouble {
  /** On the monotonic clock, in milliseconds. */
  readonly since: number;
  readonly error: CommandError;
  /** Whether the endpoint refuses to send the payment. */
  readonly isRefusal: boolean;
}

/** One payment while it is followed. */
class Following {
  readonly #context: FollowingContext;
  readonly #node: ChainNode;
  readonly #payment: PayIntent;
  readonly #options: FollowOptions;
  /** On the monotonic clock, in milliseconds. */
  #sentAt: number | undefined;
  #trouble: Trouble | undefined;
  /** The first block at which another transaction had the nonce. */
  #replacedAt: number | undefined;

  constructor(context: FollowingContext, node: ChainNode, payment: PayIntent, options: FollowOptions) {
    this.#context = context;
    this.#node = node;
    this.#payment = payment;
    this.#options = options;
  }

  async run(): Promise<Receipt> {
    const { clocks } = this.#context;
    const { patience = longestWait } = this.#options;
    const begun = clocks.monotonic();
    let shown: string | undefined;
    let end: (() => void) | undefined;
    try {
      for (let count = 0; ; count++) {
        const found = await this.#look(count === 0 && this.#options.sends === 'at once');
        if (typeof found !== 'string') return found;
        if (shown !== found) {
          end?.();
          end = (await this.#context.progress.spinner())?.begin(found);
          shown = found;
        }
        const now = clocks.monotonic();
        if (now - begun >= patience) throw this.#overdue(patience);
        if (this.#trouble && now - this.#trouble.since >= longestTrouble) throw this.#inTrouble(this.#trouble);
        await this.#pause(Math.min(pauses[count] ?? pauses[pauses.length - 1] ?? 0, patience - (now - begun)));
      }
    } finally {
      end?.();
    }
  }

  /** Looks once. @param isNew - whether to send the payment first @returns the transaction that paid, or what the payment waits for */
  async #look(isNew: boolean): Promise<Receipt | string> {
    const { hash } = this.#payment;
    try {
      if (isNew) await this.#send(this.#context.clocks.monotonic());
      const receipt = await this.#node.receipt(hash);
      const found = receipt ? await this.#mined(receipt) : await this.#missing();
      if (!this.#trouble?.isRefusal) this.#trouble = undefined;
      return found;
    } catch (error) {
      if (error instanceof Unconfirmed || !(error instanceof CommandError)) throw error;
      if (error.code === 'interrupted') throw this.#interrupted();
      this.#note(error, false);
      return 'Waiting for the RPC endpoint';
    }
  }

  async #mined(receipt: Receipt): Promise<Receipt | string> {
    // A payment that failed is made again, so it must be certain.
    const confirmations = Math.max(this.#options.confirmations, receipt.succeeded ? 1 : usualConfirmations);
    this.#trouble = undefined;
    this.#replacedAt = undefined;
    const count = await this.#node.confirmations(receipt);
    if (count < confirmations) {
      return `Waiting for confirmations: ${Math.max(0, count)} of ${confirmations}`;
    }
    const { to, from, amount } = this.#payment;
    const units = toSmallestUnits(amount);
    const isPaid = receipt.transfers.some((each) => each.from === from && each.to === to && each.units === units);
    if (receipt.succeeded && isPaid) return receipt;
    if (receipt.succeeded) {
      const message = `The RPC endpoint ${this.#node.rpc.host} says that the payment was mined, but not that it paid`;
      throw new CommandError('unexpected_response', message, { hint: rpcHint });
    }
    throw new Unconfirmed(
      'failed',
      'unavailable',
      `The payment ${receipt.hash} failed on the chain, so no USDC was paid`,
      'Only the gas was spent. Run the same command again: it checks this once more before it pays.',
    );
  }

  /** Finds out why the chain doesn't have the payment. @returns the transaction that paid instead, or what the payment waits for */
  async #missing(): Promise<Receipt | string> {
    const { hash, nonce, from } = this.#payment;
    const used = await this.#node.nonce(from);
    if (used > nonce) return this.#replaced();
    this.#replacedAt = undefined;
    const isKnown = (await this.#node.transaction(hash)) !== undefined;
    if (isKnown && this.#trouble?.isRefusal) this.#trouble = undefined;
    const now = this.#context.clocks.monotonic();
    const isDue = this.#sentAt === undefined || now - this.#sentAt >= sendAgainAfter;
    if (!isKnown && this.#options.sends !== 'never' && isDue) await this.#send(now);
    return 'Waiting for the payment to be mined';
  }

  async #send(now: number): Promise<void> {
    this.#sentAt = now;
    try {
      await this.#node.send(this.#payment.raw);
      this.#trouble = undefined;
    } catch (error) {
      // The endpoint may have the payment already, and refuse it for that reason. The next look tells.
      if (!(error instanceof RpcError)) throw error;
      this.#note(error, true);
    }
  }

  /** Looks for the transaction that took the nonce. */
  async #replaced(): Promise<Receipt | string> {
    const { from, to, amount, block, nonce } = this.#payment;
    const transfer = { from, to, units: toSmallestUnits(amount) };
    for (const hash of await this.#node.transfers(transfer, block)) {
      if (this.#options.rivals.has(hash)) continue;
      const other = await this.#node.transaction(hash);
      const receipt = other?.nonce === nonce && other.from === from ? await this.#node.receipt(hash) : undefined;
      if (receipt) return this.#mined(receipt);
    }
    const latest = await this.#node.blockNumber();
    this.#replacedAt ??= latest;
    // An endpoint of several machines may know the nonce before it has the receipt.
    if (latest - this.#replacedAt < Math.max(this.#options.confirmations, replacedAfter))
      return 'Waiting for the payment to be mined';
    throw new Unconfirmed(
      'replaced',
      'outcome_unknown',
      `Another transaction of the wallet took the place of the payment ${this.#payment.hash}`,
      `The payment can't be mined anymore, if ${this.#node.rpc.host} is right. Run \`ci history reconcile\`, check the wallet ${from}, then pass --again to pay again.`,
    );
  }

  async #pause(milliseconds: number): Promise<void> {
    try {
      await this.#context.clocks.sleep(milliseconds);
    } catch (error) {
      if (error instanceof CommandError && error.code === 'interrupted') throw this.#interrupted();
      throw error;
    }
  }

  #note(error: CommandError, isRefusal: boolean): void {
    this.#trouble = { since: this.#trouble?.since ?? this.#context.clocks.monotonic(), error, isRefusal };
  }

  #interrupted(): Unconfirmed {
    return this.#waiting('interrupted', 'Interrupted while waiting for the payment');
  }

  #overdue(patience: number): Unconfirmed {
    if (this.#trouble) return this.#inTrouble(this.#trouble);
    const when = patience === 0 ? 'yet' : `after ${durationInWords(patience)}`;
    return this.#waiting('outcome_unknown', `The payment ${this.#payment.hash} isn't confirmed ${when}`);
  }

  #inTrouble({ error, isRefusal }: Trouble): Unconfirmed {
    const message =
      isRefusal && error instanceof RpcError
        ? `The RPC endpoint ${this.#node.rpc.host} refuses the payment: ${asClause(error.reason)}`
        : `Can't tell whether the payment was made: ${asClause(error.message)}`;
    return this.#waiting('outcome_unknown', message);
  }

  #waiting(code: 'interrupted' | 'outcome_unknown', message: string): Unconfirmed {
    const hint = `The payment is recorded, and may still be mined. Run the same command again, or \`ci history reconcile\`, to continue. Neither pays twice.`;
    return new Unconfirmed('waiting', code, message, hint);
  }
}
