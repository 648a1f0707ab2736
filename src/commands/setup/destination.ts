import type { Destination } from '../../account/secrets/destination.ts';
import { destinationChoices } from '../../account/secrets/destinations.ts';
import { DotenvFile } from '../../account/secrets/dotenv-file.ts';
import { CommandError, withoutPeriod } from '../../domain/errors.ts';
import { WentBack } from '../../prompts/question.ts';
import { isPending, noTerminal, type Step, seatsForKeys, type Wizard } from './wizard.ts';

/** Asks where the key goes: to a place in the list, or a dotenv file that is typed. Asks again if it can't be written there. */
export const chooseDestination: Step = async (wizard) => {
  const { context, prompts } = wizard;
  if (isPending(wizard)) return 'silent';
  const { clocks, connections, output, profiles, settings, world } = context;
  const places = { clocks, connections, output, profiles, prompts, settings, world };
  const choices = destinationChoices(places);
  const check = (typed: string) => (typed.trim() === '' ? 'Enter the path of a file.' : undefined);
  for (let at = 0; ; ) {
    const answer = await prompts.textOrPick(
      'Save the key to:',
      choices.map((choice, index) => ({ ...choice, value: index, selected: index === at })),
      noTerminal,
      { check, tip: 'the path of another file' },
    );
    if ('chosen' in answer) at = answer.chosen;
    const destination = 'typed' in answer ? new DotenvFile(places, answer.typed.trim()) : choices[at]?.value;
    if (destination && (await isUsable(wizard, destination))) return 'asked';
  }
};

/** Returns whether the keys can be written to a destination. If so, the wizard takes it; if not, it says why. */
async function isUsable(wizard: Wizard, destination: Destination): Promise<boolean> {
  try {
    await (await destination.prove({ count: seatsForKeys(wizard).length })).release();
    wizard.destination = destination;
    return true;
  } catch (error) {
    // No, or Esc, to the question whether to replace another key.
    if (error instanceof WentBack || (error instanceof CommandError && error.code === 'declined')) return false;
    if (!(error instanceof CommandError) || error.code === 'interrupted') throw error;
    wizard.context.output.note(`✗ ${withoutPeriod(error.message)}.`);
    return false;
  }
}
