import { refuseSameFile } from '../account/bulk/same-file.ts';
import type { SecretsFile } from '../account/bulk/secrets-file.ts';
import { carryOutPlan, endRotations } from '../account-file/apply.ts';
import { withoutForce } from '../account-file/apply-keys.ts';
import {
  type AppliedChange,
  type AppliedPlan,
  appliedPlan,
  applyFields,
  applyQuestion,
  errorOf,
} from '../account-file/apply-view.ts';
import { outcomeText, writeGithubSummary } from '../account-file/github-summary.ts';
import { makePlan, type PricedPlan } from '../account-file/make-plan.ts';
import { changeText, planText } from '../account-file/plan-text.ts';
import { checkLimits, isBought } from '../account-file/price-plan.ts';
import { readAccountFile } from '../account-file/read.ts';
import type { SpendingLimits } from '../account-file/spending.ts';
import { StepResults } from '../account-file/step-results.ts';
import { settleSeats } from '../account-file/unfinished-changes.ts';
import type { KeyContext } from '../account/keys/create.ts';
import { secretsFile } from '../account/rotation/rotation-destination.ts';
import type { Destination } from '../account/secrets/destination.ts';
import { destinationOfRow } from '../account/secrets/parse-destination.ts';
import { storedKeys } from '../account/stored-keys/store.ts';
import { accountFileArgument } from '../cli/account-file.ts';
import { saveToOption } from '../cli/bulk-options.ts';
import { invalidValue } from '../cli/values.ts';
import type { Verb } from '../cli/verb.ts';
import { workingDirectory } from '../config/folders.ts';
import type { Context } from '../context/context.ts';
import type { CreateKeyStep, PlanStep, RotateKeyStep } from '../domain/account-plan.ts';
import type { DesiredAccount } from '../domain/desired-account.ts';
import { CommandError, usageError } from '../domain/errors.ts';
import { type Cents, decimalUsd, formatUsd, parseUsd } from '../domain/money.ts';
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
  const limits = checkedLimits(context, priced, options);
  await checkDestinations(context, steps, options);
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

/** Returns the limits of what is charged. @throws CommandError (unavailable), (price_above_maximum) or (unexpected_response) */
function checkedLimits(
  { prompts }: Pick<Context, 'prompts'>,
  { plan, price }: Pick<PricedPlan, 'plan' | 'price'>,
  { maxCharge }: Options,
): SpendingLimits {
  for (const step of plan.steps) {
    if (step.action !== 'reserve' || step.obstacle || step.seats.onSoldOut === 'skip') continue;
    const priced = price.steps.get(step);
    if (isBought(step, priced)) continue;
    throw new CommandError('unavailable', priced?.unavailable ?? 'The seats are not available', {
      hint: 'Nothing was changed. To wait for the seats or to continue without them, set onSoldOut to wait or skip.',
      outcome: 'not_applied',
    });
  }
  checkLimits(price);
  const due = price.dueToday?.atMost;
  if (due === undefined) {
    throw new CommandError('unexpected_response', "The API doesn't state the price of all seats", {
      hint: 'Nothing was changed. Run `ci plan` to see which.',
      outcome: 'not_applied',
    });
  }
  if (maxCharge !== undefined && due > maxCharge) {
    throw new CommandError(
      'price_above_maximum',
      `The changes cost ${formatUsd(due)} today, which is above --max-charge ${formatUsd(maxCharge)}`,
      { hint: 'Nothing was changed. Pass a higher --max-charge, or ask for fewer seats.', outcome: 'not_applied' },
    );
  }
  return prompts.asksConsent || maxCharge === undefined
    ? { maximum: due, name: 'the agreed total of' }
    : { maximum: maxCharge, name: '--max-charge' };
}

/** Refuses keys whose secrets have no place. @throws CommandError (usage) */
async function checkDestinations(context: KeyContext, steps: readonly PlanStep[], { saveTo }: Options): Promise<void> {
  if (saveTo !== undefined) return;
  const stored = new Set((await storedKeys(context)).map(({ id }) => id));
  const homeless = steps
    .filter(isOfNewKey)
    .filter((step) => step.key.to === undefined && !(step.action === 'rotate-key' && stored.has(step.id)));
  if (homeless.length === 0) return;
  const lines = homeless.slice(0, 20).map(({ key: { name, place } }) => `${place.file}, line ${place.line}: ${name}`);
  const more = homeless.length - lines.length;
  throw usageError(
    homeless.length === 1
      ? 'Nothing says where the secret of a new key goes'
      : `Nothing says where the secrets of ${homeless.length} new keys go`,
    'Nothing was changed. Pass --save-to FILE, such as --save-to secrets.ndjson, or add `to` to the keys:',
  ).with({ lines: more > 0 ? [...lines, `and ${more} more`] : lines, outcome: 'not_applied' });
}

/** Returns whether a secret goes to the file of `--save-to`. */
function needsFile(steps: readonly PlanStep[]): boolean {
  return steps.filter(isOfNewKey).some(({ key }) => key.to === undefined);
}

function isOfNewKey(step: PlanStep): step is CreateKeyStep | RotateKeyStep {
  return step.action === 'create-key' || step.action === 'rotate-key';
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
          const line = `${changeText(change)}: ${outcomeText(change)}`;
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
