import type { Subscription } from '../../api/pools.ts';
import type { Context } from '../../context/context.ts';
import { hoursInWords } from '../../domain/coverage.ts';
import { isWholeKey } from '../../domain/secrets.ts';
import { framedKey } from '../../output/frame.ts';
import { factLines, inWords } from '../../output/text.ts';
import { dayAndDistance } from '../../output/time.ts';
import { subscriptionColumns, subscriptionFields } from '../subscription-table.ts';
import { keyByMail, type PoolSubscription, statusText } from '../subscriptions.ts';

/** The fields of a purchase: those of a single subscription, or `subscriptions` for several. */
export const purchaseFields = [...subscriptionFields, 'subscriptions'];

/** Prints a purchase. Secrets of keys are printed as they are in it. */
export async function printPurchase(
  context: Pick<Context, 'connections' | 'output' | 'world'>,
  subscriptions: readonly PoolSubscription[],
): Promise<void> {
  const now = await context.connections.now();
  const secret = (subscription: Subscription) => subscription.key?.apiKey ?? '';
  const columns = subscriptionColumns(now).map((column) =>
    column.field === 'key' ? { ...column, value: secret } : column,
  );
  const [only] = subscriptions;
  const whole = subscriptions.length === 1 && only ? only : { subscriptions };
  await context.output.list(
    subscriptions,
    {
      columns,
      fields: purchaseFields,
      empty: '',
      drawing: (style, clean) =>
        clean
          .map((subscription) => {
            const renewal = dayAndDistance(subscription.currentPeriodEnd, now, context.world.timeZone);
            const { name, apiKey } = subscription.key ?? {};
            const created = isWholeKey(apiKey) ? apiKey : undefined;
            const lines: [string, string][] = [
              ['Subscription', subscription.id],
              ['Blocks', hoursInWords(subscription)],
              ['Status', statusText(subscription.status)],
              ['Renews', renewal],
              ['Key', created === undefined ? (apiKey ?? '') : ''],
            ];
            const facts = `${factLines(lines.filter(([, value]) => value !== ''))}\n`;
            if (created === undefined) return facts;
            return `${facts}\n${framedKey({ apiKey: created, name }, style, context.output.width)}`;
          })
          .join('\n'),
    },
    whole,
  );
}

/** Says that nothing was bought. @param withKey - whether a key was to be created */
export function noteCovered(
  { output }: Pick<Context, 'output'>,
  subscriptions: readonly Subscription[],
  withKey: boolean,
): void {
  const ids = inWords(subscriptions.map(({ id }) => id));
  output.note(`Already covered by ${ids}: nothing was charged${withKey ? ', and no key was made' : ''}.`);
}

/** Says how to get a key if there is none yet. @param withKey - whether one was to be created */
export function noteNextStep(
  { output }: Pick<Context, 'output'>,
  subscriptions: readonly Subscription[],
  withKey: boolean,
): void {
  const pending = subscriptions.filter(({ status }) => status === 'pending_key');
  if (pending.length > 0) {
    output.note(keyByMail);
  } else if (!withKey) {
    const [only] = subscriptions;
    if (only && output.isForPeople)
      output.note(`Next: \`ci keys create NAME --subscription ${only.id}\` makes its key.`);
  }
}
