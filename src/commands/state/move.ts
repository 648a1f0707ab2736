import { type MovedRecord, moveRecord } from '../../account/changes/move.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import type { Column } from '../../output/output.ts';
import { inWords } from '../../output/text.ts';

const fields = ['added', 'updated', 'known', 'left'] as const;

/** `ci state move`: brings the record of this machine into the state database. */
export default function move(command: Verb, context: Context, execute = run): void {
  command
    .tell({ fields, changes: true, local: true, exits: [6, 9], examples: ['ci state move', 'ci state move --json'] })
    .action(() => execute(context));
}

/** Brings the record of this machine into the state database. The files stay. */
export async function run(context: Pick<Context, 'clocks' | 'output' | 'progress' | 'record'>): Promise<void> {
  const { output, record } = context;
  const { running, incomplete, ...moved } = await moveRecord(context);
  const shown = { ...moved, left: running + incomplete };
  const { address } = (await record.database()).database;
  output.done(`${summary(shown)} ${address.label}. The files in ${record.folder} stay as they are.`);
  if (running > 0)
    output.note(
      `${counted(running, 'change')} of a running command stayed here. Run \`ci state move\` again when it has finished.`,
    );
  if (incomplete > 0)
    output.note(
      `${counted(incomplete, 'open change')} with an incomplete record stayed here. Run \`ci history reconcile --offline\` to find the outcome.`,
    );
  await output.record(shown, { columns, fields, drawing: () => '' });
}

type Shown = Pick<MovedRecord, 'added' | 'updated' | 'known'> & { readonly left: number };

function summary({ added, updated, known }: Shown): string {
  const parts = [
    ...(updated > 0 ? [`${counted(updated, 'outcome')}`] : []),
    ...(known > 0 ? [`${known} were there already`] : []),
  ];
  const more = parts.length > 0 ? ` (${inWords(parts)})` : '';
  return `Brought ${counted(added, 'change')}${more} into`;
}

const columns: readonly Column<Shown>[] = [
  { field: 'added', header: 'Added', value: ({ added }) => added },
  { field: 'updated', header: 'Outcomes added', value: ({ updated }) => updated },
  { field: 'known', header: 'Already there', value: ({ known }) => known },
  { field: 'left', header: 'Left here', value: ({ left }) => left },
];
