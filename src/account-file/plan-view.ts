import type { AccountPlan, Difference, PlanNote, PlanStep, Unmanaged } from '../domain/account-plan.ts';
import { counted } from '../domain/counted.ts';
import type { DesiredAccount, FilePlace } from '../domain/desired-account.ts';
import { type Cents, toUsd } from '../domain/money.ts';
import { inWords } from '../output/text.ts';
import { isBought, limitNote, type PlanPrice, type PricedStep } from './price-plan.ts';

/** A change that a plan makes, in JSON. Amounts are in USD; null: not known, or not applicable. */
export interface PlanChange {
  readonly action: PlanStep['action'];
  readonly kind: PlanStep['kind'];
  readonly type: 'seats' | 'key';
  /** The name of a key. */
  readonly name: string | null;
  readonly pool: string | null;
  readonly blocks: readonly string[] | null;
  /** The number of seats that are reserved. */
  readonly quantity: number | null;
  readonly billingCycle: string | null;
  readonly keyType: string | null;
  /** The ID of the subscription that is canceled, or of the key that is rotated or revoked. */
  readonly id: string | null;
  readonly differences: readonly {
    readonly field: Difference['field'];
    readonly from: string | number | null;
    readonly to: string | number | null;
  }[];
  /** Whether `ci apply` makes the change, with the same options. */
  readonly willApply: boolean;
  /** The option that allows the change, if it isn't given. */
  readonly requires: '--update-existing' | '--allow-destroy' | null;
  /** Why the change can't be made, whatever the options. */
  readonly blocked: string | null;
  readonly dueToday: number | null;
  /** What the change adds to the price per month. Negative for a cancellation. */
  readonly perMonth: number | null;
  /** Whether the seats aren't available now. */
  readonly soldOut: boolean;
  /** Where the file, or a table that it names, asks for it. Null for what it doesn't name. */
  readonly file: string | null;
  readonly line: number | null;
  readonly column: number | null;
}

/** A plan in JSON. Amounts are in USD; null: not known. */
export interface PlanRecord {
  readonly file: string;
  /** The account, for people. */
  readonly account: string;
  /** Whether the account isn't as the file says. */
  readonly differs: boolean;
  readonly changes: readonly PlanChange[];
  /** What the file doesn't name, and what is left alone. */
  readonly unmanaged: readonly Unmanaged[];
  readonly dueToday: number | null;
  /** The upper bound of `dueToday`, which is higher if that is an estimate. */
  readonly dueTodayAtMost: number | null;
  readonly monthlyBefore: number | null;
  readonly monthlyAfter: number | null;
  /** The lower of the file's limit and the profile's. Null: none. */
  readonly maxMonthlySpend: number | null;
  /** Whether the plan exceeds that limit, so that `ci apply` refuses it. */
  readonly exceedsMaximum: boolean;
  readonly notes: readonly string[];
}

/** The fields of a plan in JSON, in this order. */
export const planFields = [
  'file',
  'account',
  'differs',
  'changes',
  'unmanaged',
  'dueToday',
  'dueTodayAtMost',
  'monthlyBefore',
  'monthlyAfter',
  'maxMonthlySpend',
  'exceedsMaximum',
  'notes',
] as const;

/** Returns a plan with its price for JSON, and for {@link planText}. @param account - the account, for people */
export function planRecord(
  { file }: Pick<DesiredAccount, 'file'>,
  account: string,
  plan: AccountPlan,
  price: PlanPrice,
): PlanRecord {
  const maximums = price.limits.map(({ maximum }) => maximum);
  return {
    file,
    account,
    differs: plan.steps.length > 0,
    changes: plan.steps.map((step) => planChange(step, price)),
    unmanaged: plan.unmanaged,
    dueToday: usd(price.dueToday?.cents),
    dueTodayAtMost: usd(price.dueToday?.atMost),
    monthlyBefore: usd(price.monthlyBefore),
    monthlyAfter: usd(price.monthlyAfter?.cents),
    maxMonthlySpend: maximums.length === 0 ? null : toUsd(Math.min(...maximums)),
    exceedsMaximum: price.limits.some(({ isExceeded }) => isExceeded),
    notes: [
      ...price.limits.filter(({ isExceeded }) => isExceeded).map(limitNote),
      ...price.notes,
      ...plan.notes.map(noteText),
    ],
  };
}

/** Returns a step of a plan for JSON. */
export function planChange(step: PlanStep, price: PlanPrice): PlanChange {
  const { action, kind, obstacle } = step;
  const priced = step.action === 'reserve' ? price.steps.get(step) : undefined;
  const isPrevented = step.action === 'reserve' && !isBought(step, priced);
  return {
    action,
    kind,
    ...subjectOf(step),
    differences: step.differences.map(({ field, from, to }) => ({ field, from: from ?? null, to: to ?? null })),
    willApply: obstacle === undefined && !isPrevented,
    requires: obstacle?.option ?? null,
    blocked: obstacle
      ? obstacle.option === undefined
        ? obstacle.why
        : null
      : isPrevented
        ? (priced?.unavailable ?? null)
        : null,
    ...moneyOf(step, priced),
    ...placeOf(step),
  };
}

type Subject = Pick<PlanChange, 'type' | 'name' | 'pool' | 'blocks' | 'quantity' | 'billingCycle' | 'keyType' | 'id'>;

const nothing: Subject = {
  type: 'key',
  name: null,
  pool: null,
  blocks: null,
  quantity: null,
  billingCycle: null,
  keyType: null,
  id: null,
};

function subjectOf(step: PlanStep): Subject {
  switch (step.action) {
    case 'cancel':
      return { ...nothing, type: 'seats', pool: step.pool, blocks: step.blocks, id: step.subscription };
    case 'reserve': {
      const { pool, blocks, billingCycle } = step.seats;
      return { ...nothing, type: 'seats', pool, blocks, quantity: step.missing, billingCycle };
    }
    case 'revoke-key':
      return { ...nothing, name: step.name, id: step.id };
    default: {
      const { name, type, pool } = step.key;
      const id = step.action === 'rotate-key' ? step.id : null;
      return { ...nothing, name, pool: pool ?? null, keyType: type, id };
    }
  }
}

function moneyOf(
  step: PlanStep,
  priced: PricedStep | undefined,
): Pick<PlanChange, 'dueToday' | 'perMonth' | 'soldOut'> {
  const quote = priced?.purchase?.quote;
  const canceled = step.action === 'cancel' && step.perMonth !== undefined ? -step.perMonth : undefined;
  return {
    dueToday: usd(quote?.charge.cents),
    perMonth: usd(quote?.monthly.cents ?? canceled),
    soldOut: priced?.unavailable !== undefined,
  };
}

function placeOf(step: PlanStep): Pick<PlanChange, 'file' | 'line' | 'column'> {
  const place: FilePlace | undefined =
    step.action === 'reserve' ? step.seats.place : 'key' in step ? step.key.place : undefined;
  return { file: place?.file ?? null, line: place?.line ?? null, column: place?.column ?? null };
}

function usd(cents: Cents | undefined): number | null {
  return cents === undefined ? null : toUsd(cents);
}

/** Most keys that a note names. */
const mostNamed = 5;

function noteText(note: PlanNote): string {
  if (note.type === 'limits-not-stated') {
    return `The API doesn't state all limits of ${counted(note.keys, 'key')}, so they can't be compared.`;
  }
  if (note.type === 'ending-keys') {
    const names = inWords([...note.keys.slice(0, mostNamed), ...(note.keys.length > mostNamed ? ['others'] : [])]);
    return `Subscription ${note.subscription} has ${note.keys.length === 1 ? 'key' : 'keys'} ${names}, which ${note.keys.length === 1 ? 'works' : 'work'} until it ends.`;
  }
  const { subscription, pool, blocks, ends } = note;
  const what = `Subscription ${subscription} on ${pool} covers ${blocks.join(', ')}, but doesn't count, because`;
  if (note.type === 'past_due') return `${what} its payment failed.`;
  return `${what} it ends${ends === undefined ? ' with its billing period' : ` on ${ends.slice(0, 10)}`}.`;
}
