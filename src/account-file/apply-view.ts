import type { PlanStep } from '../domain/account-plan.ts';
import { counted } from '../domain/counted.ts';
import { CommandError } from '../domain/errors.ts';
import { formatUsd, toUsd } from '../domain/money.ts';
import { inWords } from '../output/text.ts';
import type { PricedPlan } from './make-plan.ts';
import { changeText } from './plan-text.ts';
import { type PlanChange, type PlanRecord, planChange, planFields } from './plan-view.ts';
import type { StepResult, StepResults } from './step-results.ts';

/** A change of a plan, and how it ended, in JSON. */
export interface AppliedChange extends PlanChange {
  /** The ID of what was created, canceled or revoked: of several subscriptions, the first. */
  readonly id: string | null;
  /** The IDs of all subscriptions that were reserved. */
  readonly ids: readonly string[] | null;
  /** The ID of the key that was rotated. */
  readonly oldId: string | null;
  readonly outcome: StepResult['outcome'];
  readonly error: { readonly code: string; readonly message: string } | null;
  /** In USD. Null for what can't be charged. */
  readonly charged: number | null;
}

/** What became of a plan, in JSON. */
export interface AppliedPlan extends Omit<PlanRecord, 'changes'> {
  readonly changes: readonly AppliedChange[];
  /** What was charged in all, in USD. */
  readonly charged: number;
}

/** The fields of the result in JSON, in this order. */
export const applyFields = [...planFields, 'charged'] as const;

/** Returns what became of a plan. */
export function appliedPlan({ plan, price, record }: PricedPlan, results: StepResults): AppliedPlan {
  return {
    ...record,
    changes: plan.steps.map((step) => appliedChange(step, planChange(step, price), results.of(step))),
    charged: toUsd(results.charged),
  };
}

function appliedChange(
  step: PlanStep,
  change: PlanChange,
  { outcome, error, ids = [], charged }: StepResult,
): AppliedChange {
  const isNew = step.action === 'reserve' || step.action === 'create-key' || step.action === 'rotate-key';
  return {
    ...change,
    id: isNew ? (ids[0] ?? null) : change.id,
    ids: step.action === 'reserve' ? ids : null,
    oldId: step.action === 'rotate-key' ? change.id : null,
    outcome,
    error: error ? { code: error.code, message: error.message } : null,
    charged: step.action === 'reserve' ? toUsd(charged ?? 0) : null,
  };
}

/** Returns what a change did, in the words of the plan. */
export function appliedText(change: AppliedChange): string {
  return changeText({ ...change, id: change.oldId ?? change.id });
}

/** Returns the question before a plan is carried out. It names what is charged, canceled, replaced and revoked. */
export function applyQuestion({ plan, price }: Pick<PricedPlan, 'plan' | 'price'>): string {
  const steps = plan.steps.filter(({ obstacle }) => obstacle === undefined);
  const count = (action: PlanStep['action']) => steps.filter((step) => step.action === action).length;
  const due = price.dueToday?.atMost ?? 0;
  const [cancels, rotations, revocations] = [count('cancel'), count('rotate-key'), count('revoke-key')];
  const effects = [
    ...(due > 0 ? [`charge ${price.dueToday?.exact ? '' : 'up to '}${formatUsd(due)}`] : []),
    ...(cancels > 0 ? [`cancel ${counted(cancels, 'subscription')}`] : []),
    ...(rotations > 0 ? [`replace ${counted(rotations, 'key')}`] : []),
    ...(revocations > 0 ? [`revoke ${counted(revocations, 'key')}`] : []),
  ];
  const made = steps.length === 1 ? 'Make this change' : `Make these ${steps.length} changes`;
  return effects.length === 0 ? `${made}?` : `${made}: ${inWords(effects)}?`;
}

/** Most failures that an error lists. */
const mostListed = 20;

/**
 * Returns the error for a plan that wasn't carried out as a whole: that of the first change with an unknown outcome, or else of the
 * first that failed, or else that some changes need an option. Returns undefined if nothing is left to do.
 */
export function errorOf(
  { plan, price }: Pick<PricedPlan, 'plan' | 'price'>,
  results: StepResults,
): CommandError | undefined {
  const { failed } = results;
  const applied = plan.steps.filter((step) => results.of(step).outcome === 'applied').length;
  const first = failed.find(({ error }) => error.outcome === 'unknown') ?? failed[0];
  if (!first) return conflictError(plan.steps, applied, skippedPools({ plan, price }));
  const { error, step } = first;
  const isUnknown = error.outcome === 'unknown';
  const isApplied = applied > 0 || error.outcome === 'applied';
  const text = (one: PlanStep) => changeText(planChange(one, price));
  const made = plan.steps.length > 1 ? `${applied} of ${plan.steps.length} changes were made.` : undefined;
  return error.with({
    code: isApplied && (error.code === 'unreachable' || error.code === 'timeout') ? 'partly_failed' : error.code,
    message: plan.steps.length === 1 ? error.message : `${error.message} (${text(step)})`,
    hint: [error.hint, made, isApplied || isUnknown ? 'Run the same command again to continue.' : undefined]
      .filter(Boolean)
      .join(' '),
    ...(failed.length > 1 && {
      lines: [
        ...failed.slice(0, mostListed).map((each) => `${text(each.step)}: ${each.error.message}`),
        ...(failed.length > mostListed ? [`and ${failed.length - mostListed} more`] : []),
      ],
    }),
    outcome: isUnknown ? 'unknown' : isApplied ? 'applied' : (error.outcome ?? 'not_applied'),
  });
}

/** Returns the pools whose sold-out seats the file says to continue without. */
function skippedPools({ plan, price }: Pick<PricedPlan, 'plan' | 'price'>): ReadonlySet<string> {
  return new Set(
    plan.steps.flatMap((step) => {
      if (step.action !== 'reserve' || step.seats.onSoldOut !== 'skip') return [];
      return price.steps.get(step)?.unavailable === undefined ? [] : [step.seats.pool];
    }),
  );
}

/**
 * Returns the error for what wasn't changed because it needs an option or can't be. What the file doesn't name isn't an error.
 *
 * @param skipped - the pools whose seats are left out, and what depends on them
 */
function conflictError(
  steps: readonly PlanStep[],
  applied: number,
  skipped: ReadonlySet<string>,
): CommandError | undefined {
  const conflicts = steps.filter((step) => {
    const { obstacle, kind } = step;
    if (obstacle === undefined || kind === 'destroy') return false;
    const pool = poolOf(step);
    return obstacle.option !== undefined || pool === undefined || !skipped.has(pool);
  });
  const [first] = conflicts;
  if (!first) return undefined;
  const isAllowed = conflicts.some(({ obstacle }) => obstacle?.option !== undefined);
  return new CommandError(
    'unavailable',
    `${counted(conflicts.length, 'change')} ${conflicts.length === 1 ? "wasn't" : "weren't"} made`,
    {
      hint: `${isAllowed ? 'Pass --update-existing to change what exists, or change the file.' : 'Change the file.'} Run \`ci plan\` to see why.`,
      outcome: applied > 0 ? 'applied' : 'not_applied',
    },
  );
}

function poolOf(step: PlanStep): string | undefined {
  if (step.action === 'cancel') return step.pool;
  if (step.action === 'reserve') return step.seats.pool;
  return step.action === 'revoke-key' ? undefined : step.key.pool;
}
