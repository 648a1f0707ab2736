import type { Context } from '../../context/context.ts';
import { CommandError } from '../../domain/errors.ts';
import { isOpen, isUnderWay, type RecordedChange } from '../../state/history.ts';
import { type Action, describeChange, type FoundBy } from './actions.ts';
import { type ChangingContext, recordOutcome } from './carry-out.ts';
import { openNow, settledLater, whileRunning } from './earlier.ts';
import { findOutcome, type Known, settlesAt, unsettledChange } from './find-outcome.ts';

/** Time for a last look after a change has settled, in milliseconds. Only such a look proves that nothing was done. */
const lastLook = 15_000;

/**
 * Finds out what became of the account's changes without a known outcome, and records it. Notes what can't be found out.
 *
 * @param wait - whether to wait until other processes have ended and changes have settled
 * @returns these changes, with their outcomes as far as they are known
 * @throws CommandError (not_signed_in), (interrupted); why the API refuses the key
 */
export async function reconcileChanges(
  context: ChangingContext & Pick<Context, 'api'>,
  wait: boolean,
): Promise<RecordedChange[]> {
  const history = await context.record.history();
  const { client } = await context.api();
  client.requireSignedIn();
  const account = await context.record.account();
  const isOurs = (change: RecordedChange) => change.account.id === account.id && (isUnderWay(change) || isOpen(change));
  const open = history.open().filter(isOurs);
  for (const change of open) {
    if (wait) await untilEnded(context, change);
    const now = openNow(history, change.id);
    if (now?.isRunning) {
      context.output.note(`${change.id} (${describeChange(change.intent)}): another ci process is working on it.`);
    } else if (now && isOpen(now.change)) await settle(context, now.change, wait);
  }
  await retryUnclear(context, open);
  const ids = new Set(open.map(({ id }) => id));
  const since = Math.min(...open.map(({ at }) => Date.parse(at)));
  return history.since(since).filter(({ id }) => ids.has(id));
}

/** Waits until no process is at work on a change any more. @throws CommandError (interrupted) */
async function untilEnded(
  context: Pick<Context, 'clocks' | 'output' | 'record'>,
  change: RecordedChange,
): Promise<void> {
  const history = await context.record.history();
  let isNoted = false;
  for (;;) {
    if (!openNow(history, change.id)?.isRunning) return;
    if (!isNoted)
      context.output.note(`Waiting for another ci process that is working on "${describeChange(change.intent)}".`);
    isNoted = true;
    await context.clocks.sleep(whileRunning);
  }
}

/** Looks once more for changes that couldn't be told apart from others whose outcome is known by now. */
async function retryUnclear(context: ChangingContext, tried: readonly RecordedChange[]): Promise<void> {
  if (tried.length < 2) return;
  const history = await context.record.history();
  const ids = new Set(tried.map(({ id }) => id));
  const unclear = history.open().filter((change) => ids.has(change.id) && isOpen(change));
  if (unclear.length === tried.length) return;
  for (const change of unclear) {
    const finding = await findOutcome(context, unsettledChange(change, context), { patience: 0 });
    if (finding.outcome === 'unknown') continue;
    if (context.world.interrupt.aborted) throw new CommandError('interrupted', 'interrupted');
    await record(context, change, finding);
  }
}

async function settle(context: ChangingContext, change: RecordedChange, wait: boolean): Promise<void> {
  const { output, clocks, world } = context;
  const { id, intent } = change;
  const history = await context.record.history();
  const settles = settlesAt(change, context);
  const time = wait ? Math.max(0, settles - clocks.wall()) : 0;
  const patience = time > 0 ? time + lastLook : 0;
  const finding = await context.progress.during('Checking what became of a change', () =>
    findOutcome(context, unsettledChange(change, context), {
      patience,
      onWait: () => output.note(waitingFor(change, time)),
    }),
  );
  if (world.interrupt.aborted) throw new CommandError('interrupted', 'interrupted');
  if (finding.outcome !== 'unknown') return record(context, change, finding);
  const { error, why, isFinal } = finding;
  if (error?.exitCode === 4) throw error;
  if (change.settled === undefined && !error)
    recordOutcome(context, history, id, { outcome: 'unknown', by: 'look', ids: [] });
  const seconds = Math.ceil((settles - clocks.wall()) / 1000);
  const later =
    isFinal || seconds <= 0
      ? ''
      : ` It may go through within ${seconds} s. Run \`ci history reconcile --wait\` to wait.`;
  output.note(`${id} (${describeChange(intent)}): ${why ?? 'not found yet'}.${later}`);
}

async function record(
  context: ChangingContext,
  { id, intent }: RecordedChange,
  finding: Known<FoundBy[Action]>,
): Promise<void> {
  const settled = settledLater(intent.action, intent, finding);
  recordOutcome(context, await context.record.history(), id, settled);
  const [key] = settled.ids;
  if (intent.action === 'create-key' && key !== undefined) noteSecret(context, key);
}

function waitingFor({ intent }: RecordedChange, time: number): string {
  return `Waiting up to ${Math.ceil(time / 1000)} s for "${describeChange(intent)}" to settle. Ctrl-C leaves its outcome unknown.`;
}

/** Says how to get the secret of a key that was created but not delivered, or how to delete the key. */
function noteSecret({ output }: Pick<Context, 'output'>, id: string): void {
  output.note(
    `The key ${id} was created, and its secret was not delivered. \`ci pools keys POOL --reveal\` shows that of a pool's key. Delete any other with \`ci keys delete ${id}\`.`,
  );
}
