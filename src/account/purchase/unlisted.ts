import type { Context } from '../../context/context.ts';
import { CommandError } from '../../domain/errors.ts';
import { type Cents, parseUsd } from '../../domain/money.ts';
import { overlap, type SubscribeIntent } from '../../domain/reconcile.ts';
import { timeAgo } from '../../output/time.ts';
import type { RecordedChange } from '../../state/change-log.ts';
import { describeChange } from '../changes/actions.ts';

/** How often to fetch the subscriptions again until they contain a purchase, in milliseconds. */
const pause = 500;

type RecordContext = Pick<Context, 'clocks' | 'record' | 'settings'>;

/** A purchase that went through, but that the account doesn't list yet. */
export interface UnlistedPurchase {
  readonly change: RecordedChange;
  readonly intent: SubscribeIntent;
  /** The fraction of its seats that isn't listed, from 0 to 1. */
  readonly fraction: number;
}

/**
 * Returns the purchases that went through within the settling time, and that the account doesn't list: its list may lag behind. Later,
 * what isn't listed no longer exists. The embedded sandbox never lags.
 *
 * @param listed - the subscriptions that the account lists
 */
export async function unlistedPurchases(
  { record, clocks, settings }: RecordContext,
  listed: readonly { readonly id: string }[],
): Promise<UnlistedPurchase[]> {
  if (settings.sandbox.value) return [];
  const from = clocks.wall() - settings.settlingTime.value;
  const history = await record.history();
  const recent = await history.since(from);
  if (recent.length === 0) return [];
  const { id: account } = await record.account();
  const known = new Set(listed.map(({ id }) => id));
  return recent.flatMap((change) => {
    const { intent, settled } = change;
    if (change.account.id !== account || intent.action !== 'subscribe' || settled?.outcome !== 'applied') return [];
    if (Date.parse(settled.at) < from || settled.ids.length === 0) return [];
    const fraction = settled.ids.filter((id) => !known.has(id)).length / settled.ids.length;
    return fraction === 0 ? [] : [{ change, intent, fraction }];
  });
}

/** Returns the monthly price of what isn't listed of a purchase; undefined if the record doesn't have it. */
export function unlistedPrice({ change, intent, fraction }: UnlistedPurchase): Cents | undefined {
  const charge = change.settled?.charge ?? intent.charge;
  const monthly = intent.billingCycle === 'year' ? intent.monthly : charge;
  return monthly === undefined ? undefined : Math.ceil(parseUsd(monthly) * fraction);
}

/**
 * Refuses to decide what is missing while the account doesn't list a purchase of some of the same blocks.
 *
 * @param existing - the user's subscriptions on the pool
 * @throws CommandError (busy)
 */
export async function refuseUnlisted(
  context: RecordContext,
  wanted: SubscribeIntent,
  existing: readonly { readonly id: string }[],
): Promise<void> {
  const [first] = (await unlistedPurchases(context, existing)).filter(
    ({ intent }) => intent.pool === wanted.pool && overlap(intent, wanted),
  );
  if (!first) return;
  const { intent, at } = first.change;
  const when = timeAgo(at, context.clocks.wall());
  throw new CommandError('busy', `The account doesn't show "${describeChange(intent)}" (${when}) yet`, {
    hint: 'Nothing was charged. Try again in a moment.',
    retryable: true,
    outcome: 'not_applied',
  });
}

/**
 * Fetches the subscriptions on a pool, again until they contain what was bought moments ago.
 *
 * @throws CommandError (busy) with `--no-wait`; (interrupted)
 */
export async function listedSubscriptions<Item extends { readonly id: string }>(
  context: RecordContext & Pick<Context, 'output' | 'settling'>,
  wanted: SubscribeIntent,
  fetch: (attempt: number) => Promise<readonly Item[]>,
): Promise<readonly Item[]> {
  for (let attempt = 0; ; attempt++) {
    const existing = await fetch(attempt);
    try {
      await refuseUnlisted(context, wanted, existing);
      return existing;
    } catch (error) {
      if (!(error instanceof CommandError) || error.code !== 'busy' || !context.settling.wait) throw error;
      if (attempt === 0) context.output.note(`${error.message}. Waiting until it does.`);
      await context.clocks.sleep(pause);
    }
  }
}
