import { checkedKey, saveKey } from '../../account/sign-in.ts';
import { pages } from '../../account/web-pages.ts';
import { accountLabel } from '../../config/settings.ts';
import { CommandError } from '../../domain/errors.ts';
import { masked } from '../../domain/secrets.ts';
import type { Step, Wizard } from './wizard.ts';

/** Signs in, or chooses the sandbox. Asks nothing if a management key works already. */
export const account: Step = async (wizard) => {
  const { context } = wizard;
  const { settings, output } = context;
  if (settings.sandbox.value) {
    await context.api();
    return 'silent';
  }
  if (settings.managementKey !== undefined && (await isAccepted(wizard))) {
    output.note(`Signed in: ${accountLabel(context.settings)}.`);
    return 'silent';
  }
  output.note(
    `Create a management key in the dashboard (Management Keys):\n  ${pages.dashboard}\nNo account yet? Type s for the sandbox: the whole API on this machine, and no money moves.`,
  );
  while (!(await signIn(wizard)));
  return 'asked';
};

/** Whether the API accepts the management key that is set. */
async function isAccepted({ context }: Wizard): Promise<boolean> {
  try {
    const { billing } = await context.api();
    await billing.status();
    return true;
  } catch (error) {
    if (!(error instanceof CommandError) || error.exitCode !== 4) throw error;
    context.output.note(`The API refused your management key: ${error.message}.`);
    return false;
  }
}

/** Asks once. @returns whether it led to an account */
async function signIn({ context, prompts, done }: Wizard): Promise<boolean> {
  const { output } = context;
  const typed = (
    await prompts.secret('Management key (mk_…), or s for the sandbox:', "can't prompt for the key without a terminal")
  ).trim();
  if (typed === 's' || typed === 'S') {
    context.reload({ sandbox: true });
    await context.api();
    return true;
  }
  try {
    const managementKey = checkedKey(typed);
    const { profile, apiUrl } = await saveKey(context, managementKey);
    context.reload();
    done.push(`signed in as profile "${profile}" with ${masked(managementKey)}`);
    output.note(`✓ Signed in to ${new URL(apiUrl).host} as profile "${profile}".`);
    return true;
  } catch (error) {
    if (!(error instanceof CommandError) || error.code === 'interrupted' || error.code === 'file_error') throw error;
    const hint = error.exitCode === 4 ? 'Paste the whole key, or create another.' : error.hint;
    output.note([`✗ ${error.message}.`, hint].filter(Boolean).join(' '));
    return false;
  }
}
