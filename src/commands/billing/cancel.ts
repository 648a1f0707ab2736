import { hasSubscription } from '../../account/changes/actions.ts';
import { type ChangingContext, carryOut } from '../../account/changes/carry-out.ts';
import { awaitEarlier } from '../../account/changes/earlier.ts';
import { sayRetired } from '../../account/flat-plans.ts';
import {
  allSubscriptions,
  expandSubscription,
  isGoing,
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

/** What `ci billing cancel` ends. */
export interface Options extends SettlingOptions {
  /** Undefined: ask. */
  readonly subscriptionId: string | undefined;
}

/** `ci billing cancel`: ends a subscription to a retired flat plan. */
export default function cancel(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      examples: ['ci billing cancel SUBSCRIPTION_ID --yes'],
    })
    .addArgument(new ValueArgument('[subscriptionId]', 'its id', namesOf('subscriptions')))
    .addOption(settleOption())
    .addOption(noWaitOption())
    .addOption(againOption())
    .action((subscriptionId: string | undefined, flags: SettlingOptions) =>
      execute({ subscriptionId, ...flags }, context),
    );
}

const missing = 'which subscription? Name it by id: `ci pools subscriptions` shows yours';

/** Ends a subscription to a retired flat plan with its period. */
export async function run(
  { subscriptionId: typed, ...flags }: Options,
  context: ChangingContext & Pick<Context, 'api' | 'prompts'>,
): Promise<void> {
  context.settling = settlingOf(flags);
  const { output, prompts } = context;
  if (typed?.trim() === '') throw usageError('the id of the subscription is empty');
  if (typed === undefined) prompts.requireSomebody(missing);
  sayRetired(context, '`ci pools cancel` ends a subscription to a pool');
  prompts.requireConsent('canceling a subscription');
  const { client } = await context.api();
  client.requireSignedIn();
  const subscriptionId =
    typed === undefined ? await pickedSubscription(context) : await expandSubscription(context, typed);
  const intent = { action: 'cancel-plan', subscription: subscriptionId } as const;
  if (await awaitEarlier(context, { action: 'cancel-plan', intent })) return tell(context, subscriptionId);
  if (prompts.canAsk) {
    output.note(
      factLines([
        ['Subscription', subscriptionId],
        ['Ends', 'with its period'],
        ['Refund', 'none, for whatever is left of the period'],
        ['Account', accountLabel(context.settings)],
      ]),
    );
    await prompts.consent('Cancel this subscription?');
  }
  if (await awaitEarlier(context, { action: 'cancel-plan', intent })) return tell(context, subscriptionId);
  const isHeld = await hasSubscription(await context.api(), subscriptionId);
  await carryOut(context, 'cancel-plan', {
    intent,
    before: { ids: isHeld ? [subscriptionId] : [] },
    send: ({ billing }) => billing.cancelPlan(subscriptionId),
    ids: () => [subscriptionId],
    adopt: () => undefined,
    command: 'ci billing status',
  });
  await tell(context, subscriptionId);
}

async function tell({ output }: Pick<Context, 'output'>, subscriptionId: string): Promise<void> {
  output.done(`${subscriptionId} ends with its period.`);
  await output.record({ subscriptionId, canceled: true }, { fields, drawing: () => '' });
}

async function pickedSubscription(context: Pick<Context, 'api' | 'connections' | 'prompts'>): Promise<string> {
  const { prompts } = context;
  const api = await context.api();
  const going = (await allSubscriptions(api, await api.billing.status())).filter(isGoing);
  if (going.length === 0) throw noSubscription();
  return (await prompts.search('Which subscription?', await subscriptionChoices(context, going), missing)).id;
}
