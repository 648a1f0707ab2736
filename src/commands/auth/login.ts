import { askForKey, checkedKey, saveKey, verifyKey } from '../../account/sign-in.ts';
import { readStdin } from '../../cli/input.ts';
import type { Verb } from '../../cli/verb.ts';
import { managementKeyVariable } from '../../config/settings.ts';
import type { Context } from '../../context/context.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import { masked } from '../../domain/secrets.ts';

const fields = ['profile', 'apiUrl', 'managementKey', 'file'] as const;

/** How `ci auth login` reads and saves the key. */
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
    .option('--with-key', 'Read the key from standard input')
    .option('--keychain', 'Save the key in the system keychain (requires the npm package @napi-rs/keyring)')
    .action((options: Options) => execute(options, context));
}

/** Checks a management key against the API, and saves it in the profile in use. */
export async function run(
  { withKey, keychain = false }: Options,
  context: Pick<Context, 'connections' | 'output' | 'profiles' | 'prompts' | 'settings' | 'world'>,
): Promise<void> {
  // Before the settings are read, which a damaged file would prevent.
  context.profiles.replaceDamaged();
  const { output, profiles, settings } = context;
  if (settings.sandbox.value) {
    throw usageError(
      "The sandbox doesn't need a key",
      `Sign in without ${settings.sandbox.origin}, or use the sandbox without signing in.`,
    );
  }
  const { parseBaseUrl } = await import('../../api/base-url.ts');
  const apiUrl = parseBaseUrl(settings.apiUrl.value).origin;
  // Fail before asking for a key that can't be saved.
  profiles.requirePlace();
  if (keychain) profiles.requireKeychain(settings.profile.value, apiUrl);
  const managementKey = await (withKey ? keyFromStdin(context) : typedKey(context));
  const { profile, replaced } = await saveKey(context, managementKey, keychain);
  if (replaced !== undefined && replaced !== masked(managementKey)) output.note(`Replaced ${replaced}.`);
  const place = keychain ? '; the key is in the system keychain' : '';
  output.done(`Signed in to ${new URL(apiUrl).host} as profile "${profile}"${place}.`);
  if (settings.managementKey?.origin === managementKeyVariable) {
    output.note(
      `${managementKeyVariable} is set and takes precedence over the saved key. Unset it to use the saved key.`,
    );
  }
  await output.record(
    { profile, apiUrl, managementKey: masked(managementKey), file: profiles.file },
    { fields, drawing: () => '' },
  );
}

/** Asks for the key until the API accepts it. */
async function typedKey(context: Parameters<typeof askForKey>[0]): Promise<string> {
  const answer = await askForKey(context, {
    missing: "Can't ask for the key without a terminal. Pipe it to `ci auth login --with-key`",
  });
  return 'key' in answer ? answer.key : answer.chosen;
}

/** Reads the key from stdin, and checks that the API accepts it. */
async function keyFromStdin(context: Pick<Context, 'connections' | 'world'>): Promise<string> {
  const key = checkedKey((await readStdin(context.world)).trim());
  await verifyKey(context, key).catch((error: unknown) => {
    if (!(error instanceof CommandError) || error.exitCode !== 4) throw error;
    throw error.with({ hint: 'Nothing was saved. Copy the whole key from the dashboard (Management Keys).' });
  });
  return key;
}
