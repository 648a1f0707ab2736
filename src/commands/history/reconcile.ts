import type { ChangingContext } from '../../account/changes/carry-out.ts';
import { reconcileChanges } from '../../account/changes/reconcile.ts';
import { fields, historyColumns, shownChange } from '../../account/changes/table.ts';
import { noteUndelivered } from '../../account/secrets/undelivered.ts';
import { rpcUrlOption } from '../../cli/payment-options.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import type { RecordedChange } from '../../state/history.ts';

/** The options of `ci history reconcile`. */
export interface Options {
  readonly wait?: boolean;
  readonly rpcUrl?: string;
}

/** `ci history reconcile`: finds out the unknown outcomes of changes. */
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
    .option('--wait', 'Wait until recent changes have settled')
    .addOption(rpcUrlOption('RPC endpoint for payments on chain (default: ETH_RPC_URL, or a public one)'))
    .action((options: Options) => execute(options, context));
}

/** Finds out the unknown outcomes of changes, and shows them. */
export async function run(
  { wait = false, rpcUrl }: Options,
  context: ChangingContext & Pick<Context, 'api'>,
): Promise<void> {
  const { output } = context;
  const payments = await reconciledPayments(context, wait, rpcUrl);
  // Payments of a wallet need no management key.
  const { sandbox, managementKey } = context.settings;
  const isSignedIn = sandbox.value || managementKey !== undefined;
  const changes = payments.length > 0 && !isSignedIn ? [] : await reconcileChanges(context, wait);
  const settled = [...changes, ...payments];
  const left = settled.filter((change) => change.settled === undefined || change.settled.outcome === 'unknown').length;
  if (left > 0) context.result.exitCode = 10;
  await output.list(settled.map(shownChange), {
    columns: historyColumns(context),
    fields,
    empty: 'All changes have a known outcome.',
  });
  if (left > 0) output.note(`The outcome of ${counted(left, 'change')} is still unknown.`);
  await noteUndelivered(context);
}

/** Finishes the payments on chain. Loads what that takes only if there are any. */
async function reconciledPayments(
  context: ChangingContext & Pick<Context, 'api'>,
  wait: boolean,
  rpcUrl: string | undefined,
): Promise<RecordedChange[]> {
  const history = await context.record.history();
  if (!history.open().some(({ intent }) => intent.action === 'pay')) return [];
  const { reconcilePayments } = await import('../../payment/reconcile.ts');
  return reconcilePayments(context, wait, rpcUrl);
}
