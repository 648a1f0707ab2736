import { hasSubscription } from '../../account/changes/actions.ts';
import { type ChangingContext, carryOut } from '../../account/changes/carry-out.ts';
import { awaitEarlier } from '../../account/changes/earlier.ts';
import { noteRetired } from '../../account/flat-plans.ts';
import {
  expandSubscription,
  fetchSubscriptions,
  isRenewing,
  noSubscription,
  subscriptionChoices,
} from '../../account/subscriptions.ts';
import { againOption, noWaitOption, type SettlingOptions, settleOption, settlingOf } from '../../cli/options.ts';
import { namesOf, ValueArgument } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import { accountLabel } from '../../config/settings.ts';
import type { Context } from '../../context/context.ts';
import { usageError } from '../../domain/errors.ts';
import { factLines } from '../../output/text.ts';

const fields = ['subscriptionId', 'canceled'] as const;

/** The options of `ci billing cancel`. */
export interface Options extends SettlingOptions {
  /** Undefined: ask the user. */
  readonly subscriptionId: string | undefined;
}

/** Declares `ci billing cancel`, which cancels a subscription to a retired flat plan. */
export default function cancel(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      examples: ['ci billing cancel SUBSCRIPTION_ID --yes'],
    })
    .addArgument(new ValueArgument('[subscriptionId]', 'ID of the subscription', namesOf('subscriptions')))
    .addOption(settleOption())
    .addOption(noWaitOption())
    .addOption(againOption())
    .action((subscriptionId: string | undefined, flags: SettlingOptions) =>
      execute({ subscriptionId, ...flags }, context),
    );
}

const missing =
  "Can't ask for the subscription without a terminal. Pass its ID. Run `ci pools subscriptions` to see your subscriptions.";

/** Cancels a subscription to a retired flat plan at the end of its billing period. */
export async function run(
  { subscriptionId: typed, ...flags }: Options,
  context: ChangingContext & Pick<Context, 'api' | 'prompts'>,
): Promise<void> {
  context.settling = settlingOf(flags);
  const { output, prompts } = context;
  if (typed?.trim() === '')
    throw usageError('The subscription ID is empty', 'Run `ci pools subscriptions` to see your subscriptions.');
  if (typed === undefined) prompts.requirePrompt(missing);
  noteRetired(context, 'Use `ci pools cancel` to cancel a subscription on a pool.');
  prompts.requireConsent();
  const { client } = await context.api();
  client.requireSignedIn();
  const subscriptionId =
    typed === undefined ? await pickSubscription(context) : await expandSubscription(context, typed);
  const intent = { action: 'cancel-plan', subscription: subscriptionId } as const;
  if (await awaitEarlier(context, { action: 'cancel-plan', intent })) return printCanceled(context, subscriptionId);
  if (prompts.canAsk) {
    output.note(
      factLines([
        ['Subscription', subscriptionId],
        ['Ends', 'at the end of its billing period'],
        ['Refund', 'none for the rest of the period'],
        ['Account', accountLabel(context.settings)],
      ]),
    );
    await prompts.consent('Cancel this subscription?');
  }
  if (await awaitEarlier(context, { action: 'cancel-plan', intent })) return printCanceled(context, subscriptionId);
  const isSubscribed = await hasSubscription(await context.api(), subscriptionId);
  await carryOut(context, 'cancel-plan', {
    intent,
    before: { ids: isSubscribed ? [subscriptionId] : [] },
    send: ({ billing }) => billing.cancelPlan(subscriptionId),
    ids: () => [subscriptionId],
    adopt: () => undefined,
    command: 'ci billing status',
  });
  await printCanceled(context, subscriptionId);
}

async function printCanceled({ output }: Pick<Context, 'output'>, subscriptionId: string): Promise<void> {
  output.done(`Canceled ${subscriptionId}. It stays active until the end of its billing period.`);
  await output.record({ subscriptionId, canceled: true }, { fields, drawing: () => '' });
}

async function pickSubscription(context: Pick<Context, 'api' | 'connections' | 'prompts'>): Promise<string> {
  const { prompts } = context;
  const renewing = (await fetchSubscriptions(await context.api())).filter(isRenewing);
  if (renewing.length === 0) throw noSubscription();
  return (await prompts.search('Subscription:', await subscriptionChoices(context, renewing), missing)).id;
}
