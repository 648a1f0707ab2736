import type { Subscription } from '../../api/pools.ts';
import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import { hoursInWords } from '../../domain/coverage.ts';
import { isWholeKey } from '../../domain/secrets.ts';
import { statusText } from '../../domain/subscription-status.ts';
import { framedKey } from '../../output/frame.ts';
import { factLines, inWords } from '../../output/text.ts';
import { dayAndDistance } from '../../output/time.ts';
import { subscriptionColumns, subscriptionFields } from '../subscription-table.ts';
import { keyByEmail, type PoolSubscription } from '../subscriptions.ts';

/** The fields of a purchase: those of its only subscription, or `subscriptions` if it has several. */
export const purchaseFields = [...subscriptionFields, 'subscriptions'];

/** Prints a purchase, with the secrets of its keys. Mask those that must not be printed. */
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

/** Notes that nothing was bought. @param withKey - whether the user asked for a key */
export function noteCovered(
  { output }: Pick<Context, 'output'>,
  subscriptions: readonly Subscription[],
  withKey: boolean,
): void {
  const ids = inWords(subscriptions.map(({ id }) => id));
  output.note(`Already covered by ${ids}. Nothing was charged${withKey ? ', and no key was created' : ''}.`);
}

/** Notes how to get the keys that don't exist yet. @param withKey - whether the user asked for keys */
export function noteNextStep(
  { output }: Pick<Context, 'output'>,
  subscriptions: readonly Subscription[],
  withKey: boolean,
): void {
  const pending = subscriptions.filter(({ status }) => status === 'pending_key');
  if (pending.length > 0) {
    const missing = withKey ? `No key was created for ${counted(pending.length, 'seat')}. ` : '';
    output.note(`${missing}${keyByEmail}`);
  } else if (!withKey && output.isForPeople) {
    for (const { id } of subscriptions) {
      output.note(`Next: create its API key with \`ci keys create NAME --subscription ${id}\`.`);
    }
  }
}
