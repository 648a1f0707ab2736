import { fields, historyColumns, shownChange } from '../../account/changes/table.ts';
import { refuseUnknownCommand } from '../../cli/noun-options.ts';
import type { Stub, Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { usageError } from '../../domain/errors.ts';
import type { RecordedChange } from '../../state/change-log.ts';

/** Which changes `ci history` lists. */
export interface Options {
  readonly all?: true;
  readonly limit: number;
}

/** The commands of `ci history`. */
export const commands: readonly Stub[] = [
  {
    term: 'reconcile',
    description: 'Resolve changes with an unknown outcome, and find leftover temporary keys',
    load: () => import('./reconcile.ts'),
  },
];

/** `ci history`: shows the changes made from this machine. */
export default function history(noun: Verb, context: Context, execute = run): void {
  noun
    .usage('[command]')
    .tell({
      fields,
      local: true,
      examples: [
        'ci history',
        'ci history --limit 10',
        'ci history --json | jq \'.[] | select(.outcome == "unknown")\'',
        'ci history reconcile',
      ],
    })
    .option('--all', 'Show the changes of all accounts')
    .option('-L, --limit <count>', 'Show at most this many changes', parseLimit, 1000)
    .action((options: Options) => execute(options, context));
  refuseUnknownCommand(noun);
}

/** Shows the changes made from this machine. A terminal shows the newest last, next to the prompt; a pipe gets it first. */
export async function run(
  { all, limit }: Options,
  context: Pick<Context, 'clocks' | 'output' | 'record'>,
): Promise<void> {
  const history = await context.record.history();
  const account = await context.record.account();
  const walletAccount = await context.record.walletAccounts();
  const isShown = ({ account: { id }, intent }: RecordedChange) =>
    all || id === account.id || (intent.action === 'pay' && id === walletAccount(intent.from).id);
  const changes = await history.newest(limit, isShown);
  if (!context.output.isForPeople) changes.reverse();
  await context.output.list(changes.map(shownChange), {
    columns: historyColumns(context, all),
    fields,
    empty: context.record.isShared ? 'No changes were made.' : 'No changes were made from this machine.',
  });
}

/** Parses the number of changes to show. @throws CommandError (usage) */
function parseLimit(text: string): number {
  if (!/^\d{1,15}$/.test(text) || Number(text) < 1) {
    throw usageError(`"${text}" is not a valid limit`, 'Use a whole number above 0, such as 100.');
  }
  return Number(text);
}
