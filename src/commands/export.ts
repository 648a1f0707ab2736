import { fetchAccount } from '../account-file/current-account.ts';
import { exportAccount, exportFields, exportText } from '../account-file/export.ts';
import type { Verb } from '../cli/verb.ts';
import { accountLabel, parseSpendLimit } from '../config/settings.ts';
import type { Context } from '../context/context.ts';
import { usageError } from '../domain/errors.ts';
import { harmlessLines } from '../output/text.ts';

/** `ci export`: prints the account as a file. */
export default function exportCommand(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields: exportFields,
      examples: ['ci export > account.yaml', 'ci export | ci plan -', "ci export --json | jq -r '.keys[].name'"],
    })
    .action(() => execute(context));
}

/** Prints the seats and keys of the account, as a file that `ci plan` reads. */
export async function run(context: Pick<Context, 'api' | 'output' | 'settings'>): Promise<void> {
  const { output, settings } = context;
  output.checkFields(exportFields);
  if (output.requested === 'csv') {
    throw usageError("The account can't be printed as CSV", 'Leave out --output for YAML, or pass --json.');
  }
  const limit = settings.maxMonthlySpend && parseSpendLimit(settings.maxMonthlySpend.value);
  const exported = exportAccount(await fetchAccount(context), limit);
  if (output.format === 'json') return output.record(exported.file, { fields: exportFields });
  const text = await exportText(exported, accountLabel(settings));
  output.raw(output.isTerminal ? harmlessLines(text) : text);
}
