import { usageError } from '../../domain/errors.ts';
import { factLines } from '../../output/text.ts';
import { carryOut } from '../change.ts';
import type { Verb } from '../command.ts';
import type { Context } from '../context.ts';
import { look } from '../intents.ts';
import { sayRetired } from '../retired.ts';

const fields = ['subscriptionId', 'canceled'] as const;

/** `ci billing cancel`: ends a subscription to a retired flat plan. */
export default function cancel(command: Verb, context: Context): void {
  command
    .tell({
      fields,
      changes: true,
      examples: ['ci billing cancel SUBSCRIPTION_ID --yes'],
    })
    .argument('<subscriptionId>', 'its id')
    .action((id: string) => cancelPlan(context, id));
}

async function cancelPlan(context: Context, subscriptionId: string): Promise<void> {
  const { output, prompts } = context;
  if (subscriptionId.trim() === '') throw usageError('the id of the subscription is empty');
  sayRetired(context, '`ci pools cancel` ends a subscription to a pool');
  prompts.requireConsent('canceling a subscription');
  const { billing, client } = await context.api();
  client.requireSignedIn();
  if (prompts.canAsk) {
    output.note(
      factLines([
        ['Subscription', subscriptionId],
        ['Ends', 'with its period'],
        ['Refund', 'none, for whatever is left of the period'],
        ['Account', context.account()],
      ]),
    );
    await prompts.consent('Cancel this subscription?');
  }
  const intent = { action: 'cancel-plan', subscription: subscriptionId } as const;
  await carryOut<unknown, unknown>(context, {
    intent,
    before: {},
    send: () => billing.cancelPlan(subscriptionId),
    ids: () => [subscriptionId],
    look: (api, others) => look(api, intent, {}, others),
    adopt: () => undefined,
    command: 'ci billing status',
  });
  output.done(`${subscriptionId} ends with its period.`);
  await output.record({ subscriptionId, canceled: true }, { fields, drawing: () => '' });
}
