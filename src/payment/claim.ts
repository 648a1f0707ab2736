import { pages } from '../account/web-pages.ts';
import { AgentApi, type ClaimBody } from '../api/agent.ts';
import type { Context } from '../context/context.ts';
import type { ChainName, Hex } from '../domain/chains.ts';
import { durationInWords } from '../domain/duration.ts';
import { asClause, CommandError, withoutPeriod } from '../domain/errors.ts';
import { memberOf } from '../domain/json.ts';
import { claimedWords, describePurchased, type PayIntent, type Purchase, usdcText } from '../domain/payment.ts';
import { masked, wholeKeysIn } from '../domain/secrets.ts';
import { shellWord } from '../domain/shell-word.ts';

/** How long to wait before a claim is sent again, in milliseconds. */
const retryInterval = 5000;
/** How long to send a claim again while the API finds the payment too new, in milliseconds. */
const longestWait = 10 * 60_000;
/** How often a claim is sent again after its response was lost. */
const mostAttempts = 4;

/** What a payment was for, and how to prove who paid. */
export interface ClaimRequest {
  readonly purchase: Purchase;
  /** The transaction that paid. */
  readonly hash: Hex;
  /** The wallet that paid. */
  readonly payer: Hex;
  /** In USDC. */
  readonly amount: number;
  /** The signature of {@link claimMessage} by the payer. Credit needs none. */
  readonly signature?: Hex | undefined;
  /** More members of the request, or other values. */
  readonly fields?: ClaimFields | undefined;
  /** Whether the same claim was sent before, and its response was lost. */
  readonly wasClaimed?: boolean | undefined;
  /** Whether this machine made and recorded the payment. */
  readonly isRecorded: boolean;
  readonly chain: ChainName;
}

/** A payment that was made. */
export interface Paid {
  readonly payment: PayIntent;
  /** The transaction that paid. */
  readonly hash: Hex;
  /** The signature that claims a subscription. */
  readonly signature?: Hex | undefined;
  /** Whether an earlier command sent a claim, whose response it didn't get. */
  readonly wasClaimed: boolean;
}

/** Returns the claim of a payment that this machine made. @param fields - more members of the request */
export function claimOf({ payment, hash, signature, wasClaimed }: Paid, fields?: ClaimFields): ClaimRequest {
  const { purchase, from: payer, amount, chain } = payment;
  return { purchase, hash, payer, amount, chain, signature, fields, wasClaimed, isRecorded: true };
}

/** Members of a claim that the user adds. `{signature}`, `{address}` and `{txHash}` in a value stand for those of the claim. */
export type ClaimFields = readonly (readonly [string, string])[];

/** What a claim got. */
export interface Claimed {
  /** The response. */
  readonly data: unknown;
  /** The API keys in the response. */
  readonly apiKeys: readonly string[];
}

/** The parts of the context that claiming uses. */
export type ClaimingContext = Pick<Context, 'clocks' | 'connections' | 'output' | 'progress' | 'world'>;

/** Returns the text that proves who paid (agent subscriptions guide, "Sign the claim message"). */
export function claimMessage(hash: Hex): string {
  return `CheapestInference: claim pool subscription for transaction ${hash}`;
}

/**
 * Claims what a payment was for. The transaction makes the claim unique, so it is sent again if its response is lost, or if the API
 * finds the payment too new. Members of the request and of the response that aren't documented are sent and read tolerantly.
 *
 * @throws CommandError that says what was paid, and how to go on: `applied` if the API refuses the claim, because the payment was made;
 *   `unknown` if its response is lost
 */
export async function claim(context: ClaimingContext, request: ClaimRequest): Promise<Claimed> {
  const api = new AgentApi((await context.connections.claiming()).client);
  const body = bodyOf(request);
  const { clocks, output } = context;
  const deadline = clocks.monotonic() + longestWait;
  let isLost = request.wasClaimed === true;
  let noted = '';
  for (let attempt = 1; ; attempt++) {
    try {
      const data = await context.progress.during('Claiming what was paid for', () =>
        request.purchase.type === 'subscription' ? api.claimSubscription(body) : api.claimCredit(body),
      );
      if (isEmpty(data)) throw emptyResponse();
      return { data, apiKeys: apiKeysIn(data) };
    } catch (thrown) {
      if (!(thrown instanceof CommandError)) throw thrown;
      const error = withoutSignature(thrown, request);
      const wasLost = isLost;
      isLost ||= error.outcome === 'unknown';
      const wait = Math.max(error.retryAfter ?? 0, retryInterval);
      const canRetry = clocks.monotonic() + wait < deadline && (isEarly(error) || attempt < mostAttempts);
      const isOver = context.world.interrupt.aborted || !canRetry;
      if (isOver || !(isEarly(error) || error.outcome === 'unknown')) throw failedClaim(request, error, wasLost);
      const reason = withoutPeriod(causeOf(error).message);
      if (reason !== noted) output.note(`${reason}. Claiming again in ${durationInWords(wait)}.`);
      noted = reason;
      await clocks.sleep(wait).catch((reason: unknown) => {
        throw reason instanceof CommandError ? failedClaim(request, reason, isLost) : reason;
      });
    }
  }
}

/** Returns whether the same claim may succeed later, because the API has done nothing yet. */
function isEarly({ code }: CommandError): boolean {
  return code === 'not_final' || code === 'rate_limited' || code === 'unreachable';
}

function bodyOf({ purchase, hash, payer, amount, signature, fields = [] }: ClaimRequest): ClaimBody {
  const known =
    purchase.type === 'subscription'
      ? { txHash: hash, poolSlug: purchase.pool, blocks: purchase.blocks, ...(signature && { signature }) }
      : { txHash: hash, amount };
  const values: Readonly<Record<string, string>> = { signature: signature ?? '', address: payer, txHash: hash };
  const added = fields.map(([name, value]) => [
    name,
    value.replace(/\{(signature|address|txHash)\}/g, (_, of: string) => values[of] ?? ''),
  ]);
  return { ...known, ...Object.fromEntries(added) };
}

/** The longest id, in characters. A UUID has 36, and a signature 132. */
const longestId = 100;

/** Returns the ids in a response, for the record. */
export function idsIn(data: unknown): string[] {
  const values = ['id', 'subscriptionId', 'keyId'].map((name) => memberOf(data, name));
  return values.flatMap((value) => (typeof value === 'string' && value.length <= longestId ? [value] : []));
}

/** Returns the API keys in a response. The guides don't say where they are. */
function apiKeysIn(data: unknown): string[] {
  const named = memberOf(data, 'apiKey');
  const text = JSON.stringify(data) ?? '';
  return [...new Set([...(typeof named === 'string' && named !== '' ? [named] : []), ...wholeKeysIn(text)])];
}

/** Returns a response with its API keys masked. */
export function maskedAnswer(data: unknown, apiKeys: readonly string[]): unknown {
  if (typeof data === 'string') return apiKeys.reduce((text, key) => text.replaceAll(key, masked(key)), data);
  if (Array.isArray(data)) return data.map((each) => maskedAnswer(each, apiKeys));
  if (typeof data !== 'object' || data === null) return data;
  return Object.fromEntries(Object.entries(data).map(([name, value]) => [name, maskedAnswer(value, apiKeys)]));
}

/** Returns whether a response says nothing. */
function isEmpty(data: unknown): boolean {
  return data == null || data === '' || (typeof data === 'object' && Object.keys(data).length === 0);
}

function emptyResponse(): CommandError {
  return new CommandError('outcome_unknown', 'The response is empty', { outcome: 'unknown' });
}

/** Returns an error without the signature, which a server may repeat. Whoever has it can claim the key. */
function withoutSignature(error: CommandError, { signature }: ClaimRequest): CommandError {
  if (signature === undefined) return error;
  // A message may be cut in the middle of it.
  const digits = new RegExp(`${signature.slice(2, 18)}[0-9a-f]*`, 'gi');
  const clean = (text: string) => text.replace(digits, '…');
  const { cause } = error;
  return error.with({
    message: clean(error.message),
    ...(error.hint !== undefined && { hint: clean(error.hint) }),
    ...(cause instanceof CommandError && { cause: cause.with({ message: clean(cause.message) }) }),
  });
}

/** Returns the error for a payment that was made but not claimed, with the proof of the payment and what can be done. */
function failedClaim(request: ClaimRequest, error: CommandError, wasLost: boolean): CommandError {
  const cause = causeOf(error);
  const paid = `You paid ${usdcText(request.amount)} for ${describePurchased(request.purchase)}`;
  const isClaimed = wasLost && claimedWords.test(cause.message);
  if (error.outcome === 'unknown' || error.code === 'interrupted' || isEarly(error) || (wasLost && !isClaimed)) {
    const what =
      error.code === 'interrupted' ? 'The claim was interrupted' : `The response was lost (${asClause(cause.message)})`;
    return error.with({
      code: error.code === 'interrupted' ? 'interrupted' : 'outcome_unknown',
      message: `${paid}, and the claim is not finished. ${isEarly(error) || error.outcome !== 'unknown' ? withoutPeriod(cause.message) : what}`,
      hint: `Run the same command again, or \`${claimCommand(request)}\`. Neither pays again.`,
      outcome: 'unknown',
      retryable: true,
    });
  }
  if (isClaimed) {
    return error.with({
      code: 'secret_lost',
      message: `${paid}, and the payment was claimed, but the response with the API key was lost: ${withoutPeriod(cause.message)}`,
      hint: `Send this proof to CheapestInference (${pages.docs}) to get the key:`,
      lines: proofOf(request),
      outcome: 'applied',
    });
  }
  const other = request.purchase.type === 'subscription' ? `${otherUses(request)} Or send` : 'Send';
  return error.with({
    message: `${paid}, but the API refuses the claim: ${withoutPeriod(cause.message)}`,
    hint: `${request.isRecorded ? "The payment is recorded, and isn't made again. " : ''}${other} this proof to CheapestInference (${pages.docs}):`,
    lines: proofOf(request),
    outcome: 'applied',
    retryable: false,
  });
}

function claimCommand({ hash, chain }: ClaimRequest): string {
  return `ci agent claim ${hash}${chain === 'base' ? '' : ` --chain ${chain}`}`;
}

function otherUses(request: ClaimRequest): string {
  const { purchase } = request;
  const pool = purchase.type === 'subscription' ? shellWord(purchase.pool) : '';
  const command = claimCommand(request);
  return `Claim other blocks of the same price with \`${command} --pool ${pool} --blocks NAMES\`, or credit with \`${command} --credit\`.`;
}

/** Returns all that shows who paid what. The signature isn't shown, because whoever has it can claim the key. */
function proofOf({ hash, payer, amount, purchase }: ClaimRequest): string[] {
  return [
    `Transaction  ${hash}`,
    `Wallet       ${payer}`,
    `Paid         ${usdcText(amount)} for ${describePurchased(purchase)}`,
    ...(purchase.type === 'subscription' ? [`Message      ${claimMessage(hash)}`] : []),
  ];
}

function causeOf(error: CommandError): CommandError {
  return error.cause instanceof CommandError ? error.cause : error;
}
