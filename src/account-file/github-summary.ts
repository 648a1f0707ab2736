import { appendFileSync, statSync } from 'node:fs';
import type { Context } from '../context/context.ts';
import { messageOf } from '../domain/errors.ts';
import { shownUsd } from '../domain/money.ts';
import { redacted } from '../domain/secrets.ts';
import { harmless } from '../output/text.ts';
import { type AppliedChange, type AppliedPlan, appliedText } from './apply-view.ts';

/** Most changes that a summary lists. GitHub takes 1 MiB. */
const mostListed = 500;

const cantWrite = "Can't write the summary of the job: ";

/** Appends what became of a plan to the summary of a job in GitHub Actions, if there is one. If that fails, prints a note. */
export function writeGithubSummary({ output, world }: Pick<Context, 'output' | 'world'>, applied: AppliedPlan): void {
  const file = world.env.GITHUB_STEP_SUMMARY;
  if (file === undefined || file === '') return;
  try {
    // A named pipe without a reader would hang the command after its changes were made.
    if (statSync(file, { throwIfNoEntry: false })?.isFIFO()) output.note(`${cantWrite}it is a named pipe.`);
    else appendFileSync(file, githubSummary(applied));
  } catch (error) {
    output.note(`${cantWrite}${messageOf(error)}.`);
  }
}

/** Returns what became of a plan as Markdown. It has no secrets. */
function githubSummary({ file, account, changes, charged }: AppliedPlan): string {
  const title = `### ci apply ${escaped(file)}`;
  if (changes.length === 0) return `${title}\n\nNo changes. The account is as the file says.\n\n`;
  const rows = changes.slice(0, mostListed).map((change) => {
    const cells = [
      appliedText(change),
      outcomeText(change),
      change.id ?? '',
      change.charged ? shownUsd(change.charged) : '',
    ];
    return `| ${cells.map(escaped).join(' | ')} |`;
  });
  const more = changes.length - rows.length;
  return [
    title,
    '',
    '| Change | Outcome | ID | Charged |',
    '| --- | --- | --- | ---: |',
    ...rows,
    '',
    ...(more > 0 ? [`And ${more} more.`, ''] : []),
    `Charged ${escaped(shownUsd(charged))} in all. Account: ${escaped(account)}.`,
    '',
    '',
  ].join('\n');
}

/** Returns how a change ended, in words. */
export function outcomeText({ outcome, error, requires, blocked }: AppliedChange): string {
  const words = { applied: 'done', not_applied: 'not done', unknown: 'unknown', skipped: 'skipped' }[outcome];
  const why = error?.message ?? (requires === null ? blocked : `needs ${requires}`);
  return outcome === 'applied' && error === null ? words : [words, why].filter(Boolean).join(': ');
}

/** Returns a text that Markdown shows as it is, in one line. Anything that looks like a key is masked. */
function escaped(text: string): string {
  return redacted(harmless(text))
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_{}[\]<>()#+!|~&@:/$]/g, (character) => `&#${character.charCodeAt(0)};`);
}
