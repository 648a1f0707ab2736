import { type ReconcilingContext, reconcileChanges } from '../../account/changes/reconcile.ts';
import { fields, historyColumns, shownChange } from '../../account/changes/table.ts';
import { revokeKey } from '../../account/keys/revoke.ts';
import { leftBehind } from '../../account/keys/temporary.ts';
import { programOf } from '../../account/program.ts';
import { noteUndelivered } from '../../account/secrets/undelivered.ts';
import { rpcUrlOption } from '../../cli/payment-options.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import { asClause, CommandError } from '../../domain/errors.ts';
import { timeAgo } from '../../output/time.ts';
import type { RecordedChange } from '../../state/change-log.ts';

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
  context: ReconcilingContext & Pick<Context, 'api' | 'prompts'>,
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
  if (isSignedIn) await revokeLeftBehind(context);
}

/** Offers to revoke the temporary keys of `ci run` that weren't revoked. `--yes` agrees to it for those whose process has certainly ended. */
async function revokeLeftBehind(context: ReconcilingContext & Pick<Context, 'prompts'>): Promise<void> {
  const { clocks, output, prompts } = context;
  for (const { id, name, at, hasEnded } of await leftBehind(context)) {
    const label = `temporary key ${name} (${id})`;
    const origin = hasEnded ? 'that was killed' : 'on another machine or before a restart';
    const state = `The ${label} was created ${timeAgo(at, clocks.wall())} by a \`ci run\` ${origin}, and is still valid.`;
    const command = `${programOf(context)} keys delete ${id}`;
    try {
      if (prompts.canAsk) output.note(state);
      else if (!hasEnded) throw new CommandError('confirmation_required', state);
      await (hasEnded ? prompts.consent(`Revoke key ${name}?`) : prompts.consentAgain(`Revoke key ${name}?`));
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      if (error.code === 'declined') {
        output.note(`The key stays valid. To revoke it, run \`${command}\`.`);
        continue;
      }
      if (error.code !== 'confirmation_required') throw error;
      const all = hasEnded ? `, or all such keys with \`${programOf(context)} history reconcile --yes\`` : '';
      output.note(`${state} Revoke it with \`${command}\`${all}.`);
      continue;
    }
    try {
      await revokeKey(context, id, name);
      output.note(`Revoked ${label}.`);
    } catch (error) {
      if (!(error instanceof CommandError) || error.code === 'interrupted') throw error;
      output.note(`Can't revoke ${label}: ${asClause(error.message)}.`);
      context.result.exitCode = error.exitCode;
    }
  }
}

/** Finishes the payments on chain. Loads what that takes only if there are any. */
async function reconciledPayments(
  context: ReconcilingContext & Pick<Context, 'api' | 'prompts'>,
  wait: boolean,
  rpcUrl: string | undefined,
): Promise<RecordedChange[]> {
  const history = await context.record.history();
  if (!(await history.open()).some(({ intent }) => intent.action === 'pay')) return [];
  const { reconcilePayments } = await import('../../payment/reconcile.ts');
  return reconcilePayments(context, wait, rpcUrl);
}
