import type { Verb } from '../../cli/verb.ts';
import { originInWords } from '../../config/settings.ts';
import type { Context } from '../../context/context.ts';
import { CommandError } from '../../domain/errors.ts';
import { masked } from '../../domain/secrets.ts';
import type { Column } from '../../output/output.ts';

const fields = [
  'profile',
  'profileOrigin',
  'apiUrl',
  'apiUrlOrigin',
  'managementKey',
  'managementKeyOrigin',
  'apiKey',
  'apiKeyOrigin',
  'sandbox',
  'valid',
] as const;

type Status = Record<(typeof fields)[number], string | boolean | null>;

/** `ci auth status`: shows the account in use, where each setting comes from, and whether the API accepts the key. */
export default function status(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      examples: ['ci auth status', 'ci auth status --json | jq -r .managementKeyOrigin'],
    })
    .action(() => execute(context));
}

/** Prints the account in use once the API has accepted its key. */
export async function run(context: Pick<Context, 'api' | 'output' | 'settings'>): Promise<void> {
  const { profile, apiUrl, managementKey, consumptionKey, sandbox } = context.settings;
  const { billing } = await context.api();
  if (!sandbox.value && managementKey === undefined) {
    throw new CommandError('not_signed_in', "You aren't signed in", {
      hint: `Run \`ci auth login\`, or set CHEAPESTINFERENCE_MANAGEMENT_KEY. Profile: "${profile.value}" (${originInWords(profile.origin)}). API URL: ${apiUrl.value} (${originInWords(apiUrl.origin)}).`,
    });
  }
  await billing.status();
  const inSandbox = sandbox.value;
  const record: Status = {
    profile: profile.value,
    profileOrigin: profile.origin,
    apiUrl: inSandbox ? null : apiUrl.value,
    apiUrlOrigin: inSandbox ? sandbox.origin : apiUrl.origin,
    managementKey: inSandbox || !managementKey ? null : masked(managementKey.value),
    managementKeyOrigin: inSandbox ? sandbox.origin : (managementKey?.origin ?? null),
    apiKey: consumptionKey ? masked(consumptionKey.value) : null,
    apiKeyOrigin: consumptionKey?.origin ?? null,
    sandbox: inSandbox,
    valid: true,
  };
  await context.output.record(record, { columns, fields });
}

const columns: readonly Column<Status>[] = [
  ...column('profile', 'Profile', 'profileOrigin'),
  ...column('apiUrl', 'API URL', 'apiUrlOrigin'),
  ...column('managementKey', 'Management key', 'managementKeyOrigin'),
  ...column('apiKey', 'API key', 'apiKeyOrigin'),
  {
    field: 'sandbox',
    header: 'Sandbox',
    value: (row) => row.sandbox,
    show: (row) => (row.sandbox ? 'yes (nothing is charged)' : ''),
  },
  { field: 'valid', header: 'Accepted', value: (row) => row.valid, show: (_row, style) => style.good('✓ by the API') },
];

/** Returns the columns of a value and its origin. For people, the origin is shown with the value. */
function column(field: keyof Status, header: string, origin: keyof Status): Column<Status>[] {
  return [
    {
      field,
      header,
      value: (row) => row[field],
      show: (row, style) =>
        row[field] == null ? '' : `${row[field]}  ${style.dim(originInWords(String(row[origin])))}`,
    },
    { field: origin, header: `${header} from`, value: (row) => row[origin], show: () => '' },
  ];
}
