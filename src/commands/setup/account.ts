import { askForKey, saveKey } from '../../account/sign-in.ts';
import { accountLabel, managementKeyVariable } from '../../config/settings.ts';
import { CommandError, withoutPeriod } from '../../domain/errors.ts';
import { masked } from '../../domain/secrets.ts';
import { noTerminal, type Step, type Wizard } from './wizard.ts';

/** Signs in, or chooses the sandbox. Asks nothing if a management key works already. */
export const account: Step = async (wizard) => {
  const { context, prompts, done, choseSandbox = false } = wizard;
  // The user went back, to choose again.
  if (choseSandbox) context.reload({ sandbox: false });
  const { settings, output } = context;
  if (settings.sandbox.value) {
    await context.api();
    return 'silent';
  }
  if (
    !wizard.keyRefused &&
    settings.managementKey !== undefined &&
    (await isAccepted(wizard, settings.managementKey))
  ) {
    output.note(`Signed in: ${accountLabel(settings)}.`);
    return 'silent';
  }
  const answer = await askForKey(context, {
    prompts,
    others: [
      {
        name: 'Use the sandbox: no account needed, nothing is charged',
        short: 'the sandbox',
        value: 'sandbox',
        selected: choseSandbox,
      },
    ],
    missing: noTerminal,
  });
  wizard.choseSandbox = 'chosen' in answer;
  delete wizard.hasNotedPending;
  if ('chosen' in answer) {
    context.reload({ sandbox: true });
    await context.api();
    return 'asked';
  }
  const { profile, apiUrl } = await saveKey(context, answer.key);
  context.reload();
  done.push(`signed in as profile "${profile}" with ${masked(answer.key)}`);
  output.note(`✓ Signed in to ${new URL(apiUrl).host} as profile "${profile}".`);
  return 'changed';
};

/**
 * Returns whether the API accepts the management key that is set.
 *
 * @throws CommandError if it refuses one from the environment: that would take precedence over any key saved here
 */
async function isAccepted(wizard: Wizard, { origin }: { readonly origin: string }): Promise<boolean> {
  const { context } = wizard;
  try {
    const { billing } = await context.api();
    await billing.status();
    return true;
  } catch (error) {
    if (!(error instanceof CommandError) || error.exitCode !== 4) throw error;
    if (origin === managementKeyVariable) {
      throw error.with({
        hint: `Set ${managementKeyVariable} to a valid key, or unset it, then run \`ci setup\` again.`,
      });
    }
    wizard.keyRefused = true;
    context.output.note(`The API refused your management key: ${withoutPeriod(error.message)}.`);
    return false;
  }
}
