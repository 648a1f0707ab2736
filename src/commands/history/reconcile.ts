import { type Action, describeChange, type FoundBy } from '../../account/changes/actions.ts';
import { type ChangingContext, recordOutcome } from '../../account/changes/carry-out.ts';
import { openNow, settledLater, whileRunning } from '../../account/changes/earlier.ts';
import { findOutcome, type Known, settlesAt, unsettledChange } from '../../account/changes/find-outcome.ts';
import { fields, historyColumns, shownChange } from '../../account/changes/table.ts';
import { noteUndelivered } from '../../account/secrets/undelivered.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { CommandError } from '../../domain/errors.ts';
import { counted } from '../../output/text.ts';
import { isOpen, isUnderWay, type RecordedChange } from '../../state/history.ts';

/** Time for a last look after a change has settled, in milliseconds. Only such a look proves that nothing was done. */
const lastLook = 15_000;

/** How `ci history reconcile` looks. */
export interface Options {
  readonly wait?: boolean;
}

type ReconcilingContext = ChangingContext & Pick<Context, 'api'>;

/** `ci history reconcile`: finds out what became of changes without a known outcome. */
export default function reconcile(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      exits: [10],
      examples: [
        'ci history reconcile',
        'ci history reconcile --wait',
        "ci history reconcile --json | jq -r '.[].outcome'",
      ],
    })
    .option('--wait', 'wait until recent changes have settled')
    .action((options: Options) => execute(options, context));
}

/** Finds out what became of changes without a known outcome, and prints it. */
export async function run({ wait = false }: Options, context: ReconcilingContext): Promise<void> {
  const { output } = context;
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
      output.note(`${change.id} (${describeChange(change.intent)}): another ci process is working on it.`);
    } else if (now && isOpen(now.change)) await settle(context, now.change, wait);
  }
  await retryUnclear(context, open);
  const ids = new Set(open.map(({ id }) => id));
  const since = Math.min(...open.map(({ at }) => Date.parse(at)));
  const settled = history.since(since).filter(({ id }) => ids.has(id));
  const left = settled.filter((change) => change.settled === undefined || change.settled.outcome === 'unknown').length;
  if (left > 0) context.result.exitCode = 10;
  await output.list(settled.map(shownChange), {
    columns: historyColumns(context),
    fields,
    empty: 'Every recorded change has a known outcome.',
  });
  if (left > 0) output.note(`The outcome of ${counted(left, 'change')} is still unknown.`);
  await noteUndelivered(context);
}

/** Waits until no process is at work on a change any more. @throws CommandError (interrupted) */
async function untilEnded(
  context: Pick<Context, 'clocks' | 'output' | 'record'>,
  change: RecordedChange,
): Promise<void> {
  const history = await context.record.history();
  let told = false;
  for (;;) {
    if (!openNow(history, change.id)?.isRunning) return;
    if (!told)
      context.output.note(`Waiting for another ci process that is working on "${describeChange(change.intent)}".`);
    told = true;
    await context.clocks.sleep(whileRunning);
  }
}

/** Looks once more for changes that couldn't be told apart from others whose outcome is known by now. */
async function retryUnclear(context: ReconcilingContext, tried: readonly RecordedChange[]): Promise<void> {
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

async function settle(context: ReconcilingContext, change: RecordedChange, wait: boolean): Promise<void> {
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
  context: ReconcilingContext,
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
