import { fields, historyColumns, shownChange } from '../../account/changes/table.ts';
import type { Stub, Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { usageError } from '../../domain/errors.ts';

/** Which changes `ci history` lists. */
export interface Options {
  readonly all?: true;
  readonly limit: number;
}

/** The commands of `ci history`. */
export const commands: readonly Stub[] = [
  {
    term: 'reconcile [options]',
    description: 'find out what became of changes without a known outcome',
    load: () => import('./reconcile.ts'),
  },
];

/** `ci history`: what was changed from this machine, newest first. */
export default function history(noun: Verb, context: Context, execute = run): void {
  noun
    .usage('[options]')
    .tell({
      fields,
      local: true,
      examples: [
        'ci history',
        'ci history --limit 10',
        'ci history --json | jq \'.[] | select(.outcome == "unknown")\'',
        'ci history reconcile   # find out what became of a change',
      ],
    })
    .option('--all', 'of all accounts, not only of the one in use')
    .option('-L, --limit <count>', 'most changes to list', parseLimit, 1000)
    .action((options: Options) => execute(options, context));
}

/** Prints what was changed from this machine. */
export async function run(
  { all, limit }: Options,
  context: Pick<Context, 'clocks' | 'output' | 'record'>,
): Promise<void> {
  const history = await context.record.history();
  const account = all ? undefined : await context.record.account();
  const changes = history
    .newest(limit, (change) => account === undefined || change.account.id === account.id)
    .reverse();
  await context.output.list(changes.map(shownChange), {
    columns: historyColumns(context, all),
    fields,
    empty: 'No changes recorded on this machine.',
  });
}

/** Reads how many changes to list. @throws CommandError (usage) */
function parseLimit(text: string): number {
  if (!/^\d{1,15}$/.test(text) || Number(text) < 1) {
    throw usageError(`"${text}" is not a valid limit`, 'Use a whole number above 0, such as 100.');
  }
  return Number(text);
}
