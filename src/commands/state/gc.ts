import { durationOf } from '../../cli/options.ts';
import { invalidValue } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import { durationInWords } from '../../domain/duration.ts';
import { usageError } from '../../domain/errors.ts';
import type { Column } from '../../output/output.ts';
import { factLines } from '../../output/text.ts';
import { longestLookBack, shortestRetention } from '../../state/look-back.ts';
import type { EndedRows } from '../../state/postgres/remove-ended.ts';

const fields = ['changes', 'sessions', 'locks', 'work', 'undelivered'] as const;

/** What `ci state gc` removes. */
export interface Options {
  /** Milliseconds. */
  readonly olderThan?: number;
}

/** `ci state gc`: removes old changes that are settled, and what else has ended, from the state database. */
export default function gc(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      local: true,
      exits: [6, 9],
      examples: ['ci state gc --older-than 90d', 'ci state gc --older-than 365d --yes --json'],
    })
    .option('--older-than <duration>', 'Remove what ended longer ago than this, such as 90d (at least 31d)', parseAge)
    .action((options: Options) => execute(options, context));
}

/** Removes what ended long ago. Open changes, locks in use and payments stay. */
export async function run(
  { olderThan }: Options,
  { output, prompts, record }: Pick<Context, 'output' | 'prompts' | 'record'>,
): Promise<void> {
  if (olderThan === undefined)
    throw usageError('Missing option: --older-than', 'Pass an age, such as --older-than 90d.');
  const { database } = await record.database();
  prompts.requireConsent();
  const { countEnded, removeEnded, serverTimeBefore } = await import('../../state/postgres/remove-ended.ts');
  const before = await serverTimeBefore(database, olderThan);
  const ended = await countEnded(database, before);
  if (sumOf(ended) === 0) {
    output.note(`Nothing ended more than ${durationInWords(olderThan)} ago.`);
    return output.record(ended, { columns, fields, drawing: () => '' });
  }
  if (prompts.asksConsent) {
    output.note(factLines(facts(ended, olderThan, database.address.label)));
    await prompts.consent('Remove them from the state database?');
  }
  const removed = await removeEnded(database, before);
  output.done(
    `Removed ${counted(removed.changes, 'change')} and ${counted(sumOf(removed) - removed.changes, 'other row')} from ${database.address.label}.`,
  );
  await output.record(removed, { columns, fields, drawing: () => '' });
}

function facts(ended: EndedRows, age: number, label: string): (readonly [string, string])[] {
  return [
    ['Database', label],
    ['Older than', durationInWords(age)],
    ['Changes', `${ended.changes}, which \`ci history\` no longer shows, on any machine`],
    ['Sessions', String(ended.sessions)],
    ['Locks', `${ended.locks}, all free`],
    ['Bulk jobs', String(ended.work)],
    ['Places of secrets', `${ended.undelivered}; the files with the secrets stay`],
  ];
}

function sumOf(rows: EndedRows): number {
  return Object.values(rows).reduce((sum: number, count: number) => sum + count, 0);
}

/** Parses an age. @throws CommandError (usage) if commands may still need what is older */
function parseAge(text: string): number {
  const age = durationOf('--older-than')(text);
  if (age >= shortestRetention) return age;
  throw invalidValue(
    text,
    'value for --older-than',
    `Commands look back up to ${durationInWords(longestLookBack)}. Use ${shortestRetention / 86_400_000}d or more.`,
  );
}

const columns: readonly Column<EndedRows>[] = [
  { field: 'changes', header: 'Changes', value: ({ changes }) => changes },
  { field: 'sessions', header: 'Sessions', value: ({ sessions }) => sessions },
  { field: 'locks', header: 'Locks', value: ({ locks }) => locks },
  { field: 'work', header: 'Bulk jobs', value: ({ work }) => work },
  { field: 'undelivered', header: 'Places of secrets', value: ({ undelivered }) => undelivered },
];
