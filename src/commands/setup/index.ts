import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { CommandError } from '../../domain/errors.ts';
import { inWords } from '../../output/text.ts';
import { WentBack } from '../../prompts/question.ts';
import { account } from './account.ts';
import { chooseBlocks, chooseCycle, choosePool, chooseSeats, whatIsThere, workingHours } from './choices.ts';
import { chooseDestination, completeDestination } from './destination.ts';
import { chooseKeyName, createSeatKeys, tryKey } from './key.ts';
import { purchase } from './purchase.ts';
import { fields, summary } from './summary.ts';
import { GoTo, type Step, type Wizard } from './wizard.ts';

const steps: readonly Step[] = [
  account,
  whatIsThere,
  choosePool,
  workingHours,
  chooseBlocks,
  chooseSeats,
  chooseCycle,
  purchase,
  chooseKeyName,
  chooseDestination,
  completeDestination,
  createSeatKeys,
  tryKey,
];

/** The steps that change something: Esc doesn't go back over them. */
const acts: readonly Step[] = [account, purchase, createSeatKeys];

/** `ci setup`: from nothing to a working key. */
export default function setup(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      examples: ['ci setup', 'ci setup --sandbox   # try it, no account needed'],
    })
    .action(() => execute(context));
}

/** Walks through the steps, and prints what was done. */
export async function run(context: Context): Promise<void> {
  context.prompts.requireSomebody(
    "setup asks questions, and can't prompt without a terminal: `ci auth login --with-key`, `ci pools subscribe` and `ci keys create` do the same in a script",
  );
  const wizard: Wizard = { context, prompts: context.prompts.withBack(), done: [] };
  context.output.note(
    `Get a working API key, step by step. You won't be charged until you confirm.\n${context.prompts.backKey}: back a step. Ctrl-C: quit (completed steps are kept).\n`,
  );
  try {
    await walk(wizard);
  } catch (error) {
    if (error instanceof CommandError) throw leaving(error, wizard.done);
    throw error;
  }
  await summary(wizard);
  if (wizard.overcharge) throw wizard.overcharge;
}

async function walk(wizard: Wizard): Promise<void> {
  const asked: number[] = [];
  for (let at = 0; at < steps.length; ) {
    const step = steps[at];
    if (!step) return;
    try {
      if ((await step(wizard)) === 'asked') asked.push(at);
      if (acts.includes(step)) asked.length = 0;
      at++;
    } catch (error) {
      if (error instanceof GoTo) {
        at = steps.indexOf(error.step);
        while ((asked.at(-1) ?? -1) >= at) asked.pop();
      } else if (error instanceof WentBack) {
        const before = asked.pop();
        wizard.context.output.note(before === undefined ? 'This is the first step.' : 'Back.');
        at = before ?? at;
      } else throw error;
    }
  }
}

/** Adds to a failure what was done before it. */
function leaving(failure: CommandError, done: readonly string[]): CommandError {
  if (done.length === 0)
    return failure.with({ hint: failure.hint ?? 'Nothing was changed. Run `ci setup` to start again.' });
  const what = failure.code === 'declined' ? 'declined: nothing was charged' : failure.message.replace(/\.$/, '');
  return failure.with({
    message: `${what}. Done so far: ${inWords(done)}`,
    hint: [failure.hint, 'Run `ci setup` to continue.'].filter(Boolean).join(' '),
    outcome: failure.outcome === 'unknown' ? 'unknown' : 'applied',
  });
}
