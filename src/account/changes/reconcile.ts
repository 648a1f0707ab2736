import type { Context } from '../../context/context.ts';
import { durationInWords } from '../../domain/duration.ts';
import { CommandError } from '../../domain/errors.ts';
import { changesToFind, isOpen, isUnderWay, type RecordedChange } from '../../state/change-log.ts';
import { forgetKey } from '../stored-keys/store.ts';
import { type Action, describeChange, type FoundBy } from './actions.ts';
import { type ChangingContext, recordOutcome } from './carry-out.ts';
import { openNow, settledLater, whileRunning } from './earlier.ts';
import { findOutcome, type Known, settlesAt, unsettledChange } from './find-outcome.ts';

/** Time for a last check after the settling time, in milliseconds. Only such a check proves that a change didn't go through. */
const lastCheckTime = 15_000;

/** The parts of the context that finding the outcomes of all changes uses. */
export type ReconcilingContext = ChangingContext & Pick<Context, 'profiles'>;

/**
 * Finds the outcomes of the account's changes that have none, except payments on chain, and records them. Prints a note for each that stays unknown.
 *
 * @param wait - whether to wait until other processes have ended and changes have settled
 * @returns these changes, with their outcomes as far as they are known
 * @throws CommandError (not_signed_in), (interrupted); the error if the API refuses the key
 */
export async function reconcileChanges(
  context: ReconcilingContext & Pick<Context, 'api'>,
  wait: boolean,
): Promise<RecordedChange[]> {
  const history = await context.record.history();
  const { client } = await context.api();
  client.requireSignedIn();
  const account = await context.record.account();
  const isOurs = (change: RecordedChange) =>
    change.account.id === account.id && change.intent.action !== 'pay' && (isUnderWay(change) || isOpen(change));
  const open = (await history.open()).filter(isOurs);
  for (const change of open) {
    if (wait) await untilEnded(context, change);
    const now = await openNow(history, change.id);
    if (now?.isRunning) {
      context.output.note(`${change.id} (${describeChange(change.intent)}): another ci process is working on it.`);
    } else if (now && isOpen(now.change)) await settle(context, now.change, wait);
  }
  await retryUnclear(context, open);
  const ids = new Set(open.map(({ id }) => id));
  const since = Math.min(...open.map(({ at }) => Date.parse(at)));
  return (await history.since(since)).filter(({ id }) => ids.has(id));
}

/** Waits until no process is working on a change. @throws CommandError (interrupted) */
async function untilEnded(
  context: Pick<Context, 'clocks' | 'output' | 'record'>,
  change: RecordedChange,
): Promise<void> {
  const history = await context.record.history();
  let isNoted = false;
  for (;;) {
    if (!(await openNow(history, change.id))?.isRunning) return;
    if (!isNoted)
      context.output.note(`Waiting for another ci process that is working on "${describeChange(change.intent)}".`);
    isNoted = true;
    await context.clocks.sleep(whileRunning);
  }
}

/** Checks again for changes that couldn't be distinguished from others whose outcome is known by now. */
async function retryUnclear(context: ReconcilingContext, tried: readonly RecordedChange[]): Promise<void> {
  if (tried.length < 2) return;
  const history = await context.record.history();
  const ids = new Set(tried.map(({ id }) => id));
  const unclear = (await changesToFind(history)).filter(({ id }) => ids.has(id));
  if (unclear.length === tried.length) return;
  for (const change of unclear) {
    const finding = await findOutcome(context, unsettledChange(change, context), { patience: 0 });
    if (finding.outcome === 'unknown') continue;
    if (context.world.interrupt.aborted) throw new CommandError('interrupted', 'Interrupted');
    await record(context, change, finding);
  }
}

async function settle(context: ReconcilingContext, change: RecordedChange, wait: boolean): Promise<void> {
  const { output, clocks, world } = context;
  const { id, intent } = change;
  const history = await context.record.history();
  const settles = settlesAt(change, context);
  const time = wait ? Math.max(0, settles - clocks.wall()) : 0;
  const patience = time > 0 ? time + lastCheckTime : 0;
  const finding = await context.progress.during('Checking the outcome of a change', () =>
    findOutcome(context, unsettledChange(change, context), {
      patience,
      onWait: () => output.note(waitingFor(change, time)),
    }),
  );
  if (world.interrupt.aborted) throw new CommandError('interrupted', 'Interrupted');
  if (finding.outcome !== 'unknown') return record(context, change, finding);
  const { error, why, isFinal } = finding;
  if (error?.exitCode === 4) throw error;
  if (change.settled === undefined && !error)
    await recordOutcome(context, history, id, { outcome: 'unknown', by: 'look', ids: [] });
  const left = settles - clocks.wall();
  const later =
    isFinal || left <= 0
      ? ''
      : ` It may still go through within ${durationInWords(left)}. Run \`ci history reconcile --wait\` to wait for it.`;
  output.note(`${id} (${describeChange(intent)}): ${why ?? "the account doesn't show it yet"}.${later}`);
}

async function record(
  context: ReconcilingContext,
  { id, intent }: RecordedChange,
  finding: Known<FoundBy[Action]>,
): Promise<void> {
  const settled = settledLater(intent.action, intent, finding);
  await recordOutcome(context, await context.record.history(), id, settled);
  const [key] = settled.ids;
  if (intent.action === 'create-key' && !intent.temporary && key !== undefined) noteSecret(context, key);
  if (intent.action === 'delete-key' && key !== undefined) await forgetKey(context, { id: key, name: intent.name });
}

function waitingFor({ intent }: RecordedChange, time: number): string {
  return `Waiting up to ${durationInWords(time)} for the outcome of "${describeChange(intent)}". If you press Ctrl-C, it stays unknown.`;
}

/** Notes how to get the secret of a key that was created but not delivered, or how to revoke the key. */
function noteSecret({ output }: Pick<Context, 'output'>, id: string): void {
  output.note(
    `Key ${id} was created, but its secret was not delivered. If the key belongs to a pool, \`ci pools keys POOL --reveal\` may show the secret. Otherwise, revoke the key with \`ci keys delete ${id}\`.`,
  );
}
