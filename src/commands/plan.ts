import { makePlan } from '../account-file/make-plan.ts';
import { planFields } from '../account-file/plan-view.ts';
import { printPlan } from '../account-file/print-plan.ts';
import { readAccountFile } from '../account-file/read.ts';
import { accountFileArgument } from '../cli/account-file.ts';
import type { Verb } from '../cli/verb.ts';
import type { Context } from '../context/context.ts';

/** The options of `ci plan`. */
export interface Options {
  /** The path of the file, or `-` for standard input. */
  readonly file: string;
  readonly updateExisting?: true;
  readonly allowDestroy?: true;
  readonly detailedExitcode?: true;
}

/** `ci plan`: shows what differs between a file and the account. */
export default function plan(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields: planFields,
      exits: [3],
      examples: [
        'ci plan',
        'ci plan account.yaml --detailed-exitcode',
        "ci plan --json | jq -r '.changes[] | select(.requires) | .name'",
      ],
    })
    .addArgument(accountFileArgument())
    .option('--update-existing', 'Plan to change what exists and differs')
    .option('--allow-destroy', "Plan to revoke keys with the file's prefix that it doesn't name")
    .option('--detailed-exitcode', 'Exit with code 3 if the account differs from the file')
    .action((file: string, flags: Omit<Options, 'file'>) => execute({ file, ...flags }, context));
}

/** Shows what `ci apply` would do, and what it would cost. */
export async function run(
  options: Options,
  context: Pick<Context, 'api' | 'clocks' | 'output' | 'prompts' | 'record' | 'result' | 'settings' | 'world'>,
): Promise<void> {
  const desired = await readAccountFile(context, options.file);
  const { record } = await makePlan(context, desired, {
    updateExisting: options.updateExisting === true,
    allowDestroy: options.allowDestroy === true,
  });
  await printPlan(context, record);
  if (options.detailedExitcode && record.differs) context.result.exitCode = 3;
}
