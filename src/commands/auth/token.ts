import type { Verb } from '../../cli/verb.ts';
import { keyFor } from '../../config/settings.ts';
import type { Context } from '../../context/context.ts';
import { CommandError } from '../../domain/errors.ts';
import { maskInLog } from '../../output/workflow-commands.ts';

const fields = ['managementKey'] as const;

/** `ci auth token`: prints the management key in use, unmasked. */
export default function token(command: Verb, context: Context, execute = run): void {
  command.tell({
    fields,
    local: true,
    exits: [4],
    examples: [
      'ci auth token',
      'curl -H "Authorization: Bearer $(ci auth token)" https://api.cheapestinference.com/api/keys',
    ],
  });
  command.action(() => execute(context));
}

/** Prints the management key in use. */
export async function run(context: Pick<Context, 'output' | 'profiles' | 'settings' | 'world'>): Promise<void> {
  const { output, profiles, settings } = context;
  const managementKey = settings.sandbox.value
    ? (await import('../../sandbox/state.ts')).sandboxManagementKey
    : keyFor(settings, profiles);
  if (managementKey === undefined) {
    throw new CommandError('not_signed_in', "You aren't signed in", {
      hint: 'Run `ci auth login`, or set CHEAPESTINFERENCE_MANAGEMENT_KEY.',
    });
  }
  output.checkFields(fields);
  maskInLog(context.world, [managementKey]);
  if (output.format === undefined) return output.line(managementKey);
  const columns = [{ field: 'managementKey', header: 'Management key', value: () => managementKey }];
  await output.record({ managementKey }, { columns, fields });
}
