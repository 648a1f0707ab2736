import { refuseSameFile } from '../account/bulk/same-file.ts';
import type { SecretsFile } from '../account/bulk/secrets-file.ts';
import type { KeyContext } from '../account/keys/create.ts';
import { secretsFile } from '../account/rotation/rotation-destination.ts';
import type { Destination } from '../account/secrets/destination.ts';
import { destinationOfRow } from '../account/secrets/parse-destination.ts';
import { carryOutPlan, endRotations } from '../account-file/apply.ts';
import { checkDestinations, checkedLimits, needsFile } from '../account-file/apply-checks.ts';
import { withoutForce } from '../account-file/apply-keys.ts';
import {
  type AppliedChange,
  type AppliedPlan,
  appliedPlan,
  appliedText,
  applyFields,
  applyQuestion,
  errorOf,
} from '../account-file/apply-view.ts';
import { outcomeText, writeGithubSummary } from '../account-file/github-summary.ts';
import { makePlan, type PricedPlan } from '../account-file/make-plan.ts';
import { planText } from '../account-file/plan-text.ts';
import { readAccountFile } from '../account-file/read.ts';
import type { SpendingLimits } from '../account-file/spending.ts';
import { StepResults } from '../account-file/step-results.ts';
import { settleSeats } from '../account-file/unfinished-changes.ts';
import { accountFileArgument } from '../cli/account-file.ts';
import { saveToOption } from '../cli/bulk-options.ts';
import { invalidValue } from '../cli/values.ts';
import type { Verb } from '../cli/verb.ts';
import { workingDirectory } from '../config/folders.ts';
import type { Context } from '../context/context.ts';
import type { DesiredAccount } from '../domain/desired-account.ts';
import { type Cents, decimalUsd, parseUsd } from '../domain/money.ts';
import type { Column } from '../output/output.ts';
import { plain } from '../output/style.ts';
import { harmlessData } from '../output/text.ts';

/** The options of `ci apply`. */
export interface Options {
  /** The path of the file, or `-` for standard input. */
  readonly file: string;
  readonly updateExisting?: true;
  readonly allowDestroy?: true;
  readonly maxCharge?: Cents;
  readonly saveTo?: string;
}

/** Declares `ci apply`, which makes the account as a file says. */
export default function apply(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields: applyFields,
      changes: true,
      examples: [
        'ci apply',
        'ci apply account.yaml --update-existing --save-to secrets.ndjson',
        'ci apply account.yaml --yes --max-charge 49 --json',
      ],
    })
    .addArgument(accountFileArgument())
    .option('--update-existing', 'Change what exists and differs')
    .option('--allow-destroy', "Revoke keys with the file's prefix that it doesn't name")
    .option('--max-charge <usd>', 'Refuse to charge more than this amount today, in all', parseMaxCharge)
    .addOption(saveToOption('Append the secrets of keys without `to` to this NDJSON or CSV file'))
    .action((file: string, flags: Omit<Options, 'file'>) => execute({ file, ...flags }, context));
}

/** Parses the value of `--max-charge`. Zero allows changes that charge nothing. */
function parseMaxCharge(text: string): Cents {
  if (/^\d+(?:\.\d{1,2})?$/.test(text.trim())) return parseUsd(text.trim());
  throw invalidValue(text, 'amount for --max-charge', 'Use an amount in USD, such as 49 or 49.50.');
}

/** Shows what differs, asks, and carries it out. */
export async function run(options: Options, context: KeyContext): Promise<void> {
  const goAhead = 'use `ci pools subscribe` or `ci pools cancel` with --again';
  context.settling = { ...context.settling, goAhead };
  const { output, prompts, world } = context;
  output.checkFields(output.hasColumns ? columns.map(({ field }) => field) : applyFields);
  prompts.requireConsent();
  if (options.maxCharge === undefined)
    prompts.requirePrompt(
      "Can't ask for consent to a charge without a terminal. Pass the most to charge today, such as --max-charge 49, or --max-charge 0.",
    );
  const { file, saveTo } = options;
  refuseSameFile(world, ['--save-to', saveTo], ['the file', file]);
  const desired = await readAccountFile(context, file);
  const { client } = await context.api();
  client.requireSignedIn();
  await settleSeats(context, desired);
  const priced = await makePlan(context, desired, {
    updateExisting: options.updateExisting === true,
    allowDestroy: options.allowDestroy === true,
  });
  const steps = priced.plan.steps.filter(({ obstacle }) => obstacle === undefined);
  await endRotations(context, priced.account);
  if (steps.length === 0) return conclude(context, priced, new StepResults());
  const limits = checkedLimits(context, priced, options.maxCharge);
  if (saveTo === undefined) await checkDestinations(context, steps);
  const secrets =
    needsFile(steps) && saveTo !== undefined ? await secretsFile(context, { saveTo, cwd: cwdOf(context) }) : undefined;
  try {
    if (prompts.canAsk) output.note(planText(harmlessData(priced.record, output.unicode), plain));
    await prompts.consent(applyQuestion(priced));
    await conclude(context, priced, await carryOut(context, priced, { desired, limits, saveTo, secrets }));
  } finally {
    secrets?.discard();
  }
}

/** What a plan is carried out with. */
interface Work {
  readonly desired: DesiredAccount;
  readonly limits: SpendingLimits;
  readonly saveTo: string | undefined;
  readonly secrets: SecretsFile | undefined;
}

async function carryOut(
  context: KeyContext,
  priced: PricedPlan,
  { desired, limits, saveTo: name, secrets: file }: Work,
): Promise<StepResults> {
  const saveTo = name !== undefined && file ? { name, file } : undefined;
  const proven = new Map<string, Destination>();
  const destinationOf = async (to: string, force: boolean) =>
    (force ? undefined : proven.get(to)) ?? destinationOfRow(context, to, { force });
  const reserved = new Set(
    priced.plan.steps.flatMap((step) => (step.action === 'reserve' && !step.obstacle ? step.seats.pool : [])),
  );
  // Before a seat is bought, the places of its keys prove that they can take the secrets.
  for (const step of priced.plan.steps) {
    if (step.action !== 'create-key' || step.obstacle || step.key.to === undefined) continue;
    if (!reserved.has(step.key.pool ?? '')) continue;
    const destination = destinationOfRow(context, step.key.to, {});
    await (await destination.prove({ count: 1 }).catch(withoutForce)).release();
    // A program gets the secrets of several keys.
    if (!step.key.to.startsWith('command:')) proven.set(step.key.to, destination);
  }
  return carryOutPlan(context, priced, { desired, limits, saveTo, destinationOf });
}

function cwdOf({ world }: Pick<Context, 'world'>): string {
  return workingDirectory(world) ?? '/';
}

/** Prints what became of a plan. @throws CommandError if it wasn't carried out as a whole */
async function conclude(context: KeyContext, priced: PricedPlan, results: StepResults): Promise<void> {
  const applied = appliedPlan(priced, results);
  writeGithubSummary(context, applied);
  await print(context, applied);
  const error = errorOf(priced, results);
  if (error) throw error;
}

async function print({ output }: Pick<Context, 'output'>, applied: AppliedPlan): Promise<void> {
  const { changes, file, charged } = applied;
  await output.list(
    changes,
    {
      columns,
      fields: applyFields,
      empty: `No changes. The account is as ${file} says.`,
      drawing: (style) => {
        const lines = harmlessData(changes, output.unicode).map((change) => {
          const line = `${appliedText(change)}: ${outcomeText(change)}`;
          return change.outcome === 'applied' && change.error === null ? style.good(line) : style.warning(line);
        });
        return `${lines.join('\n')}\n${charged > 0 ? `\nCharged ${decimalUsd(charged)} USD in all.\n` : ''}`;
      },
    },
    applied,
  );
}

const columns: readonly Column<AppliedChange>[] = [
  { field: 'action', header: 'ACTION', value: ({ action }) => action },
  { field: 'type', header: 'TYPE', value: ({ type }) => type },
  { field: 'name', header: 'NAME', value: ({ name }) => name },
  { field: 'pool', header: 'POOL', value: ({ pool }) => pool },
  { field: 'id', header: 'ID', hasIds: true, value: ({ id }) => id },
  { field: 'outcome', header: 'OUTCOME', value: ({ outcome }) => outcome },
  {
    field: 'charged',
    header: 'CHARGED',
    right: true,
    value: ({ charged }) => (charged === null ? null : decimalUsd(charged)),
  },
  { field: 'error', header: 'ERROR', value: ({ error }) => error?.message },
];
