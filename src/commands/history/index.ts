import type { Stub, Verb } from '../command.ts';
import type { Context } from '../context.ts';
import { fields, historyColumns, shownChange } from './change.ts';

interface Options {
  readonly all?: true;
}

/** The commands of `ci history`. */
export const commands: readonly Stub[] = [
  {
    term: 'reconcile',
    description: 'find out what became of changes without a known outcome',
    load: () => import('./reconcile.ts'),
  },
];

/** `ci history`: what was changed from this machine, newest first. */
export default function history(noun: Verb, context: Context): void {
  noun
    .usage('[options]')
    .tell({
      fields,
      local: true,
      examples: [
        'ci history',
        'ci history --json | jq \'.[] | select(.outcome == "unknown")\'',
        'ci history reconcile   # find out what became of a change',
      ],
    })
    .option('--all', 'of all accounts, not only of the one in use')
    .action((options: Options) => listChanges(context, options));
}

async function listChanges(context: Context, { all }: Options): Promise<void> {
  const history = await context.history();
  const account = all ? undefined : await context.recordedAccount();
  const changes = history
    .all()
    .filter((change) => account === undefined || change.account.id === account.id)
    .reverse();
  await context.output.list(changes.map(shownChange), {
    columns: historyColumns(context, all),
    fields,
    empty: 'Nothing was changed yet from this machine.',
  });
}
