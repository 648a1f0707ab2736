import { describeChange } from '../account/changes/actions.ts';
import type { ChangingContext } from '../account/changes/carry-out.ts';
import { openFallbackFile } from '../account/secrets/undelivered.ts';
import type { ChainNode } from '../chain/node.ts';
import type { Context } from '../context/context.ts';
import { type ChainName, chains } from '../domain/chains.ts';
import { CommandError, withoutPeriod } from '../domain/errors.ts';
import { describePurchased, type PayIntent, usualConfirmations } from '../domain/payment.ts';
import { isWholeKey } from '../domain/secrets.ts';
import { shellWord } from '../domain/shell-word.ts';
import type { RecordedChange } from '../state/change-log.ts';
import { type Claimed, claim, claimOf, idsIn, type Paid } from './claim.ts';
import { connectChain, isLocalChain } from './connect-chain.ts';
import { followPayment, Unconfirmed } from './follow.ts';
import { PaymentRecord, type RecordedPayment, wasClaimed } from './record.ts';
import { closeRivals, isReplacedByOurs, rivalHashes } from './rivals.ts';
import { verifyRecorded } from './verify.ts';

/** The parts of the context that finishing payments uses. */
type ReconcilingContext = ChangingContext & Pick<Context, 'api'>;

/**
 * Finds the payments that aren't finished, and finishes those that were made: claims what they were for. Sends no payment. An API key
 * goes to a file, which `noteUndelivered` names. Prints a note for each payment that stays unfinished.
 *
 * @param wait - whether to wait for confirmations
 * @param rpcUrl - the RPC endpoint, as typed
 * @returns these payments, with their outcomes as far as they are known
 * @throws CommandError (interrupted)
 */
export async function reconcilePayments(
  context: ReconcilingContext,
  wait: boolean,
  rpcUrl?: string,
): Promise<RecordedChange[]> {
  const record = await PaymentRecord.open(context);
  const unfinished = await record.unfinished();
  const nodes = new Map<ChainName, Promise<ChainNode>>();
  const nodeOf = (chain: ChainName) => {
    const node = nodes.get(chain) ?? connectChain(context, chains[chain], rpcUrl);
    nodes.set(chain, node);
    return node;
  };
  for (const each of unfinished) {
    const { change, payment } = each;
    const work = async () => finish(context, { record, node: await nodeOf(payment.chain), each, wait });
    try {
      await record.exclusively(payment, work);
    } catch (error) {
      if (!(error instanceof CommandError) || error.code === 'interrupted') throw error;
      context.output.note(
        `${change.id} (${describeChange(payment)}): ${withoutPeriod(error.message)}. ${error.hint ?? ''}`.trim(),
      );
      for (const line of error.lines) context.output.note(`  ${line}`);
    }
  }
  const ids = new Set(unfinished.map(({ change }) => change.id));
  if (ids.size === 0) return [];
  const since = Math.min(...unfinished.map(({ change }) => Date.parse(change.at)));
  const history = await context.record.history();
  return (await history.since(since)).filter(({ id }) => ids.has(id));
}

/** What finishing one payment needs. */
interface Task {
  readonly record: PaymentRecord;
  readonly node: ChainNode;
  readonly each: RecordedPayment;
  readonly wait: boolean;
}

async function finish(context: ReconcilingContext, { record, node, each, wait }: Task): Promise<void> {
  const { id } = each.change;
  // Another process may have finished it, or gone on with it, while this one waited for the lock.
  const now = (await record.unfinished()).find(({ change }) => change.id === id);
  if (!now) return;
  const { change, payment } = now;
  if (payment.isLocal !== isLocalChain(node)) throw otherChain(node);
  if (await isReplacedByOurs(record, id, payment)) return record.notApplied(id, payment);
  try {
    const hash = await followPayment(context, node, payment, {
      confirmations: usualConfirmations,
      sends: 'never',
      rivals: await rivalHashes(record, id, payment),
      ...(wait ? {} : { patience: 0 }),
    });
    if (payment.purchase.type === 'topup') {
      await record.claiming(id);
      await verifyRecorded(context, { payment, hash, wasClaimed: wasClaimed(now) });
      await record.applied(id, payment, hash, []);
    } else await claimToFile(context, record, now, hash);
    await closeRivals(record, id, payment);
  } catch (error) {
    const isLost = error instanceof Unconfirmed && error.state !== 'waiting';
    if (isLost) await record.lost(id, error.state, error.state === 'failed' ? change : undefined);
    else await record.unfinishedBy(id, payment, error);
    throw error;
  }
}

/** Returns the error for an endpoint that doesn't serve the chain on which a payment was made. */
function otherChain({ rpc }: ChainNode): CommandError {
  return new CommandError('unavailable', `The payment was not made on the chain that ${rpc.host} serves`, {
    hint: 'Pass the endpoint of its chain with --rpc-url.',
  });
}

/** Claims what a payment was for, and keeps the API key in a file. */
async function claimToFile(
  context: ReconcilingContext,
  record: PaymentRecord,
  { change, payment }: RecordedPayment,
  hash: PayIntent['hash'],
): Promise<void> {
  const { purchase, from: payer } = payment;
  const signature = purchase.type === 'subscription' ? record.signatureOf(hash, payer) : undefined;
  if (purchase.type === 'subscription' && signature === undefined) {
    throw new CommandError(
      'unavailable',
      `The payment was made (${hash}), but isn't claimed. Claiming it needs a signature from its wallet`,
      {
        hint: `Run \`ci agent claim ${hash} --pool ${shellWord(purchase.pool)} --blocks ${purchase.blocks.join(',')}\`.`,
        outcome: 'unknown',
      },
    );
  }
  const fallback = await openFallbackFile(context);
  const { data, apiKeys } = await claimed(context, record, { change, payment }, { hash, signature }).catch(
    (error: unknown) => {
      fallback.discard();
      throw error;
    },
  );
  // A key of another form may not be the only one.
  const isWhole = apiKeys.length > 0 && apiKeys.every(isWholeKey);
  for (const secret of isWhole ? apiKeys : [...apiKeys, JSON.stringify(data)]) fallback.add(secret);
  const file = fallback.keep();
  await record.applied(change.id, payment, hash, idsIn(data));
  const content = apiKeys.length > 0 ? 'Its API key' : 'The response, in which no API key was found,';
  context.output.note(
    `Claimed ${describePurchased(purchase)}. ${content} is in ${file}. Move it to where you need it.`,
  );
}

async function claimed(
  context: ReconcilingContext,
  record: PaymentRecord,
  { change, payment }: RecordedPayment,
  { hash, signature }: Pick<Paid, 'hash' | 'signature'>,
): Promise<Claimed> {
  await record.claiming(change.id);
  return claim(context, claimOf({ payment, hash, signature, wasClaimed: wasClaimed({ change, payment }) }));
}
