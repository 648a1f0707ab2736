import type { Destination } from '../../account/secrets/destination.ts';
import { destinationChoices } from '../../account/secrets/destinations.ts';
import { CommandError } from '../../domain/errors.ts';
import { isPending, nobody, type Step } from './wizard.ts';

/** Asks where the key goes. Asks again if it can't be written there. */
export const chooseDestination: Step = async (wizard) => {
  const { context, prompts } = wizard;
  if (isPending(wizard)) return 'silent';
  const choices = destinationChoices(context).map(({ choice, ...labels }) => ({ ...labels, value: choice }));
  for (;;) {
    const picked = await prompts.pick('Save the key to:', choices, nobody);
    delete wizard.destination;
    delete wizard.destinationQuestion;
    if ('question' in picked) {
      wizard.destinationQuestion = picked;
      return 'asked';
    }
    const problem = await problemWith(picked);
    if (problem === undefined) {
      wizard.destination = picked;
      return 'asked';
    }
    context.output.note(`✗ ${problem}`);
  }
};

/** Asks what the destination takes besides, such as the name of a file, until the key can be written there. */
export const completeDestination: Step = async (wizard) => {
  const { destinationQuestion, prompts } = wizard;
  if (!destinationQuestion || isPending(wizard)) return 'silent';
  const { question, missing, destinationAt } = destinationQuestion;
  const check = async (typed: string) => (typed.trim() === '' ? missing : problemWith(destinationAt(typed.trim())));
  const typed = await prompts.text(question, nobody, check);
  wizard.destination = destinationAt(typed.trim());
  return 'asked';
};

/** Returns why a destination can't be written, in a sentence; undefined if it can. */
async function problemWith(destination: Destination): Promise<string | undefined> {
  try {
    await (await destination.prove()).release();
    return undefined;
  } catch (error) {
    if (error instanceof CommandError && error.code !== 'interrupted') return `${error.message}.`;
    throw error;
  }
}
