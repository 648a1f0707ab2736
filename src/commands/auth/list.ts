import type { Verb } from '../../cli/verb.ts';
import { defaultApiUrl } from '../../config/api-url.ts';
import { shownKey } from '../../config/saved-profiles.ts';
import type { Context } from '../../context/context.ts';
import type { Column } from '../../output/output.ts';

const fields = ['profile', 'current', 'apiUrl', 'managementKey', 'managementKeyOrigin'] as const;

interface Listed {
  readonly profile: string;
  /** Whether it is in use. */
  readonly current: boolean;
  readonly apiUrl: string;
  /** Masked; null if the profile has no key. */
  readonly managementKey: string | null;
  /** Where the key is saved: `config file` or `keychain`. */
  readonly managementKeyOrigin: string | null;
}

/** `ci auth list`: lists the saved profiles. */
export default function list(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      local: true,
      examples: ['ci auth list', "ci auth list --json | jq -r '.[] | select(.current) | .profile'"],
    })
    .action(() => execute(context));
}

/** Prints the saved profiles. */
export async function run({
  output,
  profiles,
  settings,
}: Pick<Context, 'output' | 'profiles' | 'settings'>): Promise<void> {
  const listed = profiles.names().map((name): Listed => {
    const saved = profiles.get(name) ?? {};
    const managementKey = shownKey(saved) ?? null;
    return {
      profile: name,
      current: name === settings.profile.value,
      apiUrl: saved.apiUrl ?? defaultApiUrl,
      managementKey,
      managementKeyOrigin: managementKey && (saved.managementKey === undefined ? 'keychain' : 'config file'),
    };
  });
  await output.list(listed, { columns, fields, empty: 'No profiles are saved. Run `ci auth login` to save one.' });
}

const columns: readonly Column<Listed>[] = [
  {
    field: 'profile',
    header: 'PROFILE',
    value: ({ profile }) => profile,
    show: ({ profile, current }, style) => (current ? style.bold(profile) : profile),
  },
  {
    field: 'current',
    header: 'IN USE',
    value: ({ current }) => current,
    show: ({ current }, style) => (current ? style.good('yes') : ''),
  },
  { field: 'apiUrl', header: 'API URL', value: ({ apiUrl }) => apiUrl },
  { field: 'managementKey', header: 'KEY', value: ({ managementKey }) => managementKey },
  {
    field: 'managementKeyOrigin',
    header: 'SAVED IN',
    value: ({ managementKeyOrigin }) => managementKeyOrigin,
    optional: 1,
  },
];
