import type { KeyContext } from '../account/keys/create.ts';
import { endRotations as end } from '../account/rotation/end-rotations.ts';
import { unfinishedRotations } from '../account/rotation/run-rotations.ts';
import type { CancelStep, PlanStep, ReserveStep } from '../domain/account-plan.ts';
import type { DesiredAccount } from '../domain/desired-account.ts';
import { CommandError, withoutPeriod } from '../domain/errors.ts';
import { changeKeys, type KeyOptions } from './apply-keys.ts';
import { cancelSeats, reserveSeats } from './apply-seats.ts';
import { waitForSeats } from './apply-waiting.ts';
import type { FetchedAccount } from './current-account.ts';
import type { PricedPlan } from './make-plan.ts';
import type { SpendingLimits } from './spending.ts';
import { StepResults } from './step-results.ts';

/** How to carry out a plan. */
export interface ApplyOptions extends KeyOptions {
  readonly desired: DesiredAccount;
  readonly limits: SpendingLimits;
}

/**
 * Carries out a plan that the user agreed to: cancels, reserves, creates keys, rotates them, and revokes others; last, waits for seats
 * that are sold out, and changes their keys. The first failed purchase ends the purchases, and an unknown outcome ends everything.
 *
 * @returns how each step ended. The failures of steps aren't thrown
 */
export async function carryOutPlan(
  context: KeyContext,
  { plan, price, account }: Pick<PricedPlan, 'account' | 'plan' | 'price'>,
  options: ApplyOptions,
): Promise<StepResults> {
  const results = new StepResults();
  const steps = plan.steps.filter(({ obstacle }) => obstacle === undefined);
  const uncanceled = await cancelSeats(context, steps.filter(isCancel), results);
  const failedPools = new Set<string>();
  const reserves = new Reserves(context, { price, options, results, uncanceled, failedPools });
  await reserves.attempt(steps.filter(isReserve));
  const { reserved, skippedPools } = reserves;
  const withoutSeat = new Set([...skippedPools].filter((pool) => !hasSeat(account, pool)));
  for (const step of steps) if (withoutSeat.has(poolOf(step) ?? '') && !results.has(step)) results.skipped(step);
  const waiting = reserves.hasFailed ? [] : reserves.waiting;
  const waitedFor = new Set(reserves.waiting.map(({ seats }) => seats.pool));
  const keysOf = (isChosen: (pool: string | undefined) => boolean) => {
    const chosen = steps.filter((step) => !results.has(step) && isChosen(poolOf(step)));
    return {
      creations: chosen.filter((step) => step.action === 'create-key'),
      rotations: chosen.filter((step) => step.action === 'rotate-key'),
      revocations: chosen.filter((step) => step.action === 'revoke-key'),
    };
  };
  const isFree = (pool: string | undefined) => pool === undefined || !(failedPools.has(pool) || waitedFor.has(pool));
  await changeKeys(context, keysOf(isFree), options, { results, reserved });
  if (waiting.length === 0 || results.end) return results;
  try {
    await waitForSeats(context, waiting, options, {
      results,
      reserved: async ({ seats: { pool } }) => {
        if (waiting.some((step) => step.seats.pool === pool && results.of(step).outcome !== 'applied')) return;
        for (const step of waiting) for (const id of results.of(step).ids ?? []) reserved.add(id);
        await changeKeys(
          context,
          keysOf((each) => each === pool),
          options,
          { results, reserved },
        );
      },
    });
  } catch (error) {
    if (!(error instanceof CommandError && results.stopAt(waiting, error))) throw error;
  }
  return results;
}

/** What purchases work with. */
interface Purchasing extends Pick<PricedPlan, 'price'> {
  readonly options: ApplyOptions;
  readonly results: StepResults;
  /** The pools with a subscription that couldn't be canceled. */
  readonly uncanceled: ReadonlySet<string>;
  /** The pools with seats that weren't reserved, whose keys are left alone. */
  readonly failedPools: Set<string>;
}

/** Reserves the seats of a plan, as far as they are available. */
class Reserves {
  readonly waiting: ReserveStep[] = [];
  readonly skippedPools = new Set<string>();
  /** The IDs of the subscriptions that were reserved. */
  readonly reserved = new Set<string>();
  hasFailed = false;
  readonly #context: KeyContext;
  readonly #with: Purchasing;

  constructor(context: KeyContext, purchasing: Purchasing) {
    this.#context = context;
    this.#with = purchasing;
  }

  async attempt(steps: readonly ReserveStep[]): Promise<void> {
    const { failedPools, results, uncanceled } = this.#with;
    for (const step of steps) {
      const { pool } = step.seats;
      if (results.end || this.hasFailed || uncanceled.has(pool)) failedPools.add(pool);
      else await this.#reserve(step);
    }
  }

  async #reserve(step: ReserveStep): Promise<void> {
    const { price, options, results, failedPools } = this.#with;
    const { pool, onSoldOut } = step.seats;
    const unavailable = price.steps.get(step)?.unavailable;
    if (unavailable !== undefined && onSoldOut !== 'fail') return this.#leave(step, unavailable);
    const reservation = await reserveSeats(this.#context, step, options, results);
    if (reservation.kind === 'sold-out') {
      if (onSoldOut !== 'fail') return this.#leave(step, reservation.error.message);
      results.fail(step, reservation.error);
    } else if (reservation.kind === 'failing') results.fail(step, reservation.error);
    const { error, ids = [], outcome } = results.of(step);
    for (const id of ids) this.reserved.add(id);
    this.hasFailed = error !== undefined;
    if (outcome !== 'applied') failedPools.add(pool);
  }

  /** Leaves sold-out seats for later, or for good. */
  #leave(step: ReserveStep, why: string): void {
    const { pool, onSoldOut } = step.seats;
    if (onSoldOut === 'wait') {
      this.waiting.push(step);
      return;
    }
    this.#with.results.skipped(step);
    this.skippedPools.add(pool);
    this.#context.output.note(`${withoutPeriod(why)}. The file says to continue without these seats.`);
  }
}

/**
 * Ends rotations whose new keys work, and whose old keys are gone, but which were interrupted before that was stored.
 *
 * @throws CommandError (file_error)
 */
export async function endRotations(context: KeyContext, { keys }: FetchedAccount): Promise<void> {
  const active = new Set(keys.flatMap(({ id, isActive }) => (isActive === false ? [] : [id])));
  const unfinished = await unfinishedRotations(context);
  const ended = unfinished.begun.filter(
    ({ old, newId, stale, step }) =>
      step === 'proven' && stale.length === 0 && !active.has(old.id) && newId !== undefined && active.has(newId),
  );
  if (ended.length > 0) await end(context, unfinished, ended);
}

function isCancel(step: PlanStep): step is CancelStep {
  return step.action === 'cancel';
}

function isReserve(step: PlanStep): step is ReserveStep {
  return step.action === 'reserve';
}

/** Returns the pool whose seat a key needs; undefined if it needs none. */
function poolOf(step: PlanStep): string | undefined {
  return step.action === 'create-key' || step.action === 'rotate-key' ? step.key.pool : undefined;
}

function hasSeat({ subscriptions }: FetchedAccount, pool: string): boolean {
  return subscriptions.some(({ poolSlug, status }) => poolSlug === pool && status === 'active');
}
