import { PoolCatalog } from '../account/pool-catalog.ts';
import { accountLabel } from '../config/settings.ts';
import type { Context } from '../context/context.ts';
import type { AccountPlan, PlanOptions } from '../domain/account-plan.ts';
import type { DesiredAccount, DesiredSeats } from '../domain/desired-account.ts';
import { planAccount } from '../domain/plan-account.ts';
import { type FetchedAccount, fetchAccount } from './current-account.ts';
import { type PlanRecord, planRecord } from './plan-view.ts';
import { isBought, type PlanPrice, pricePlan } from './price-plan.ts';
import { withoutUnfinished } from './unfinished-changes.ts';

/** A plan with its price, and what it was made from. */
export interface PricedPlan {
  readonly plan: AccountPlan;
  readonly price: PlanPrice;
  /** Without keys that an earlier command didn't finish. */
  readonly account: FetchedAccount;
  /** For JSON, and for `planText`. */
  readonly record: PlanRecord;
}

/**
 * Fetches the account, and returns what makes it as a file says, with its price.
 *
 * @param catalog - a new one fetches the pools again
 * @throws CommandError (not_found) for an unknown pool; (unexpected_response); (usage)
 */
export async function makePlan(
  context: Pick<Context, 'api' | 'clocks' | 'record' | 'settings' | 'world'>,
  desired: DesiredAccount,
  options: PlanOptions,
  catalog = new PoolCatalog(context),
): Promise<PricedPlan> {
  const fetched = await fetchAccount(context);
  const account = { ...fetched, keys: await withoutUnfinished(context, desired, fetched.keys) };
  let plan = planAccount(desired, account, options);
  let price = await pricePlan(context, catalog, desired, plan, account.subscriptions);
  const unavailable = unavailableSeats(plan, price);
  if (unavailable.size > 0) {
    plan = planAccount(desired, account, { ...options, unavailable });
    price = await pricePlan(context, catalog, desired, plan, account.subscriptions);
  }
  return { plan, price, account, record: planRecord(desired, accountLabel(context.settings), plan, price) };
}

/** Returns the entries whose seats would be reserved, but that can't be bought now. */
function unavailableSeats({ steps }: AccountPlan, price: PlanPrice): ReadonlySet<DesiredSeats> {
  return new Set(
    steps.flatMap((step) => {
      const isMeant = step.action === 'reserve' && step.obstacle === undefined;
      return isMeant && !isBought(step, price.steps.get(step)) ? [step.seats] : [];
    }),
  );
}
