import { programOf } from '../../account/program.ts';
import { type StoreContext, storedKeys } from '../../account/stored-keys/store.ts';
import type { Verb } from '../../cli/verb.ts';
import { defaultApiUrl } from '../../config/api-url.ts';
import { shownKey } from '../../config/saved-profiles.ts';
import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import { CommandError } from '../../domain/errors.ts';
import { splitPassword } from '../../domain/url-password.ts';

const fields = ['profile', 'apiUrl', 'managementKey', 'file'] as const;

/** `ci auth logout`: removes a saved key. The key itself stays valid. */
export default function logout(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      local: true,
      exits: [4],
      examples: ['ci auth logout', 'ci auth logout --profile work'],
    })
    .action(() => execute(context));
}

/** Removes the key of the profile in use from this machine. */
export async function run(context: StoreContext & Pick<Context, 'output'>): Promise<void> {
  const { output, profiles, settings } = context;
  const profile = settings.profile.value;
  const saved = profiles.get(profile) ?? {};
  const managementKey = shownKey(saved);
  if (managementKey === undefined) {
    const others = profiles.names();
    throw new CommandError('not_signed_in', `No key is saved for profile "${profile}"`, {
      hint: others.length > 0 ? `Saved profiles: ${others.join(', ')}.` : 'Run `ci auth login` to save one.',
    });
  }
  const stored = await storedKeys(context);
  await profiles.removeKey(profile);
  const removed = {
    profile,
    apiUrl: saved.apiUrl ?? defaultApiUrl,
    managementKey,
    file: profiles.file,
  };
  const place = saved.keychain ? 'the system keychain' : removed.file;
  output.done(`Removed key ${managementKey} of profile "${profile}" from ${place}.`);
  output.note('The key itself is still valid. Revoke it in the dashboard (Management Keys).');
  if (saved.stateKeychain || splitPassword(saved.stateUrl ?? '').password !== undefined)
    output.note('The password of the state database was also removed. Set it again with `ci config set state-url -`.');
  if (stored.length > 0)
    output.note(
      `Still stored on this machine: ${counted(stored.length, 'API key')} of this profile. To remove one, run \`${programOf(context)} keys secret NAME --remove\`.`,
    );
  await output.record(removed, { fields, drawing: () => '' });
}
