import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { CommandError, withoutPeriod } from '../../domain/errors.ts';
import { inWords } from '../../output/text.ts';
import { WentBack } from '../../prompts/question.ts';
import { account } from './account.ts';
import { chooseBlocks, chooseCycle, choosePool, chooseSeats, workingHours } from './choices.ts';
import { connectTools } from './connect.ts';
import { chooseDestination } from './destination.ts';
import { useExistingSeats } from './existing-seats.ts';
import { chooseKeyName, createSeatKeys, tryFirstKey } from './key.ts';
import { purchase } from './purchase.ts';
import { fields, summary } from './summary.ts';
import { GoTo, noTerminal, type Step, type Wizard } from './wizard.ts';

const steps: readonly Step[] = [
  account,
  useExistingSeats,
  choosePool,
  workingHours,
  chooseBlocks,
  chooseSeats,
  chooseCycle,
  purchase,
  chooseKeyName,
  chooseDestination,
  createSeatKeys,
  tryFirstKey,
  connectTools,
];

/** `ci setup`: gets a working API key, step by step. */
export default function setup(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      examples: ['ci setup', 'ci setup --sandbox'],
    })
    .action(() => execute(context));
}

/** Runs the steps, and prints what was done. */
export async function run(context: Context): Promise<void> {
  context.prompts.requirePrompt(
    `${noTerminal}. In a script, use \`ci auth login --with-key\`, \`ci pools subscribe\` and \`ci keys create\``,
  );
  const goAhead = 'use `ci pools subscribe` or `ci keys create` with --again';
  context.settling = { ...context.settling, goAhead };
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

/** Runs the steps in order. Esc goes back to the previous question, unless something was changed since. */
async function walk(wizard: Wizard): Promise<void> {
  const asked: number[] = [];
  let hasChanged = false;
  for (let at = 0; at < steps.length; ) {
    const step = steps[at];
    if (!step) return;
    wizard.prompts = wizard.context.prompts.withBack(asked.length > 0);
    try {
      const result = await step(wizard);
      if (result === 'asked') asked.push(at);
      else if (result === 'changed') {
        asked.length = 0;
        hasChanged = true;
      }
      at++;
    } catch (error) {
      if (error instanceof GoTo) {
        at = steps.indexOf(error.step);
        while ((asked.at(-1) ?? -1) >= at) asked.pop();
      } else if (error instanceof WentBack) {
        const before = asked.pop();
        const start = hasChanged ? "You can't go back past a completed step." : 'This is the first step.';
        wizard.context.output.note(before === undefined ? start : 'Back.');
        at = before ?? at;
      } else throw error;
    }
  }
}

/** Returns a failure that says what was done before it. */
function leaving(failure: CommandError, done: readonly string[]): CommandError {
  const isDeclined = failure.code === 'declined';
  const again = `Run \`ci setup\` to ${done.length === 0 ? 'start again' : 'continue'}.`;
  if (done.length === 0) {
    return failure.with({ hint: isDeclined ? again : (failure.hint ?? `Nothing was changed. ${again}`) });
  }
  const what = isDeclined ? 'Declined. Nothing was charged' : withoutPeriod(failure.message);
  return failure.with({
    message: `${what}. Completed: ${inWords(done)}`,
    hint: [failure.hint, again].filter(Boolean).join(' '),
    outcome: failure.outcome === 'unknown' ? 'unknown' : 'applied',
  });
}
