import type { Verb } from '../command.ts';
import { addVerbs } from '../command.ts';
import type { Context } from '../context.ts';
import { fields, historyColumns, shownChange } from './change.ts';
import reconcile from './reconcile.ts';

interface Options {
  readonly all?: true;
}

/** `ci history`: what was changed from this machine, newest first. */
export default function history(noun: Verb, context: Context): void {
  addVerbs(noun, [reconcile(context)]);
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
