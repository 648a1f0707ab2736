import { checkedKey, saveKey } from '../../account/sign-in.ts';
import { readStdin } from '../../cli/input.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import { masked } from '../../domain/secrets.ts';

const fields = ['profile', 'apiUrl', 'managementKey', 'file'] as const;

/** How `ci auth login` takes and keeps the key. */
export interface Options {
  readonly withKey?: true;
  readonly keychain?: boolean;
}

/** `ci auth login`: checks a management key against the API, then saves it. */
export default function login(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      examples: [
        'ci auth login',
        'ci auth login --profile work',
        'printf %s "$MANAGEMENT_KEY" | ci auth login --with-key',
        'ci auth login --keychain',
      ],
    })
    .option('--with-key', 'read the key from standard input')
    .option('--keychain', "keep the key in the system's keychain (needs the npm package @napi-rs/keyring)")
    .action((options: Options) => execute(options, context));
}

/** Checks a management key against the API, and saves it in the profile in use. */
export async function run(
  { withKey, keychain = false }: Options,
  context: Pick<Context, 'connections' | 'output' | 'profiles' | 'prompts' | 'settings' | 'world'>,
): Promise<void> {
  const { output, profiles, prompts } = context;
  profiles.replaceDamaged();
  const { settings } = context;
  if (settings.sandbox.value) {
    throw usageError(
      'the sandbox needs no key',
      `Sign in without ${settings.sandbox.origin}, or just use the sandbox.`,
    );
  }
  const { parseBaseUrl } = await import('../../api/client.ts');
  const apiUrl = parseBaseUrl(settings.apiUrl.value).origin;
  // What cannot be kept need not be asked for.
  profiles.requirePlace();
  if (keychain) profiles.requireKeychain(settings.profile.value, apiUrl);
  const typed = withKey
    ? await readStdin(context.world)
    : await prompts.secret(
        'Management key (mk_…, from the dashboard, tab Management Keys):',
        'there is nobody to ask for the key: pipe it in with `ci auth login --with-key`',
      );
  const managementKey = checkedKey(typed.trim());
  const { profile, replaced } = await saveKey(context, managementKey, keychain).catch((error: unknown) => {
    if (!(error instanceof CommandError) || (error.status !== 401 && error.status !== 403)) throw error;
    throw error.with({ hint: 'Nothing was saved. Copy the key again from the dashboard, tab Management Keys.' });
  });
  if (replaced !== undefined && replaced !== masked(managementKey)) output.note(`It replaces ${replaced}.`);
  const place = keychain ? "; the key is in the system's keychain" : '';
  output.done(`Signed in to ${new URL(apiUrl).host} as profile "${profile}"${place}.`);
  await output.record(
    { profile, apiUrl, managementKey: masked(managementKey), file: profiles.file },
    { fields, drawing: () => '' },
  );
}
