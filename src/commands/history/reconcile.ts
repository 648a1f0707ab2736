import { CommandError } from '../../domain/errors.ts';
import type { Verdict } from '../../domain/reconcile.ts';
import { counted } from '../../output/text.ts';
import { isOpen, type RecordedChange } from '../../state/history.ts';
import { hasRival, idsOfOthers, pauses } from '../change.ts';
import type { Verb } from '../command.ts';
import type { Context } from '../context.ts';
import { look } from '../intents.ts';
import { fields, historyColumns, shownChange } from './change.ts';

/** For how long a request that was sent may still be carried out, in milliseconds. */
const serverIsLate = 60_000;

/** `ci history reconcile`: finds out what became of changes that nobody knows the outcome of. */
export default function reconcile(command: Verb, context: Context): void {
  command
    .tell({
      fields,
      exits: [10],
      examples: ['ci history reconcile', "ci history reconcile --json | jq -r '.[].outcome'"],
    })
    .action(() => settleOpen(context));
}

async function settleOpen(context: Context): Promise<void> {
  const { output } = context;
  const history = await context.history();
  const { client } = await context.api();
  client.requireSignedIn();
  const account = await context.recordedAccount();
  const open = history.all().filter((change) => change.account.id === account.id && isOpen(change));
  for (const change of open) await settle(context, change);
  const ids = new Set(open.map(({ id }) => id));
  const settled = history.all().filter(({ id }) => ids.has(id));
  const left = settled.filter((change) => isOpen(change) || change.settled?.outcome === 'unknown').length;
  if (left > 0) context.exitCode = 10;
  await output.list(settled.map(shownChange), {
    columns: historyColumns(context),
    fields,
    empty: 'Every recorded change has a known outcome.',
  });
  if (left > 0) output.note(`${counted(left, 'change')} could not be settled.`);
  await context.noteUndelivered();
}

async function settle(context: Context, change: RecordedChange): Promise<void> {
  const { output } = context;
  const { id, intent, at } = change;
  const history = await context.history();
  let why: string;
  try {
    const verdict = await lookFor(context, change);
    if (verdict.outcome !== 'unknown') {
      const ids = verdict.outcome === 'applied' ? verdict.found : [];
      history.settle(id, { outcome: verdict.outcome, by: 'look', ids });
      if (intent.action === 'create-key' && ids[0] !== undefined) await noteSecret(context, ids[0]);
      return;
    }
    if (change.settled === undefined) history.settle(id, { outcome: 'unknown', by: 'look', ids: [] });
    why = verdict.why;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    if (error.code === 'interrupted' || error.exitCode === 4) throw error;
    why = error.message;
  }
  output.note(`${id} of ${at}: ${why}`);
}

/** Looks once for a change of long ago; for one that the server may be late with, several times before its absence is believed. */
async function lookFor(context: Context, change: RecordedChange): Promise<Verdict<readonly string[]>> {
  const { id, intent, before, at } = change;
  const api = await context.api();
  const history = await context.history();
  const looks = context.clock() - Date.parse(at) < serverIsLate ? pauses : [0];
  let verdict: Verdict<readonly string[]> = { outcome: 'not_applied' };
  for (const pause of looks) {
    await context.pause(pause);
    let unsure = false;
    verdict = await look(api, intent, before, () => {
      const changes = history.all();
      unsure = hasRival(changes, change);
      return idsOfOthers(changes, id);
    });
    if (verdict.outcome !== 'applied') continue;
    if (!unsure) break;
    verdict = { outcome: 'unknown', why: 'another ci is at work on the same' };
  }
  return verdict;
}

/** A key that was made while nobody saw its secret is of use only where the API shows it again. */
async function noteSecret({ output }: Context, id: string): Promise<void> {
  output.note(
    `The key ${id} was made, and its secret was not delivered. \`ci pools keys POOL --reveal\` shows that of a pool's key; another is of no use: \`ci keys delete ${id}\`.`,
  );
}
