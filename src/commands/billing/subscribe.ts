import { currentPlans } from '../../account/changes/actions.ts';
import { type ChangingContext, carryOut } from '../../account/changes/carry-out.ts';
import { awaitEarlier } from '../../account/changes/earlier.ts';
import { choosePlan } from '../../account/flat-plans.ts';
import { paymentFacts } from '../../account/purchase/agree.ts';
import { createAndDeliver, type KeepKey } from '../../account/secrets/delivery.ts';
import type { PlanSubscription } from '../../api/billing.ts';
import { againOption, noWaitOption, type SettlingOptions, settleOption, settlingOf } from '../../cli/options.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import { shownUsd } from '../../domain/money.ts';
import { factLines } from '../../output/text.ts';

export const fields = ['subscriptionId', 'planSlug', 'status', 'currentPeriodEnd', 'key', 'keyError'] as const;

interface Flags extends SettlingOptions {
  readonly createKey?: string;
}

/** The options of `ci billing subscribe`. */
export interface Options extends Flags {
  /** The slug of the plan. Undefined: ask the user. */
  readonly plan: string | undefined;
}

/** Declares `ci billing subscribe`, which subscribes to a retired flat plan. */
export default function subscribe(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      examples: ['ci billing subscribe pro --yes'],
    })
    .argument('[plan]', 'Slug of the plan')
    .option('--create-key <name>', 'Create an API key with this name')
    .addOption(settleOption())
    .addOption(noWaitOption())
    .addOption(againOption())
    .action((plan: string | undefined, flags: Flags) => execute({ plan, ...flags }, context));
}

/** Subscribes to a retired flat plan, and creates its key if the user asked for one. */
export async function run(
  { plan: typed, createKey, ...flags }: Options,
  context: ChangingContext & Pick<Context, 'api' | 'prompts'>,
): Promise<void> {
  context.settling = settlingOf(flags);
  const { output, prompts } = context;
  if (createKey?.trim() === '') throw usageError('The key name is empty', 'Pass a name to --create-key.');
  const planSlug = await choosePlan(context, typed);
  prompts.requireConsent();
  const api = await context.api();
  const { billing, client } = api;
  client.requireSignedIn();
  const intent = { action: 'subscribe-plan', plan: planSlug } as const;
  if (await awaitEarlier(context, { action: 'subscribe-plan', intent }))
    return printPlan(context, { planSlug }, createKey);
  if (prompts.canAsk) {
    const plan = (await billing.plans()).find(({ slug }) => slug === planSlug);
    const price = plan?.priceUsdc == null ? 'unknown' : `${shownUsd(plan.priceUsdc)} per month`;
    output.note(factLines([['Plan', planSlug], ['Price', price], ...paymentFacts(context)]));
    await prompts.consent('Charge your saved card now?');
  }
  const request = createKey === undefined ? { planSlug } : { planSlug, createKey: true, keyName: createKey };
  let lostKey: string | undefined;
  const adopt = (): PlanSubscription => {
    // The secret was only in the lost response.
    lostKey = createKey;
    return { planSlug };
  };
  const buy = async (keep: KeepKey) => {
    if (await awaitEarlier(context, { action: 'subscribe-plan', intent })) return adopt();
    return carryOut(context, 'subscribe-plan', {
      intent,
      before: { plans: await currentPlans(api) },
      send: async ({ billing }) => {
        const subscription = await billing.subscribeToPlan(request);
        const secret = secretOf(subscription);
        if (secret !== undefined) keep({ apiKey: secret, name: createKey });
        return subscription;
      },
      ids: ({ subscriptionId }) => (subscriptionId == null ? [] : [subscriptionId]),
      adopt,
      command: 'ci billing status',
    });
  };
  await createAndDeliver(context, {
    create: (keep) => context.record.exclusively('purchase', () => buy(keep)),
    print: (subscription) => printPlan(context, subscription, lostKey),
  });
}

async function printPlan(
  { output }: Pick<Context, 'output'>,
  subscription: PlanSubscription,
  lostKey: string | undefined,
): Promise<void> {
  const { subscriptionId, planSlug, keyError } = subscription;
  const name = subscriptionId ?? planSlug ?? '';
  if (keyError != null) {
    const why = typeof keyError === 'string' ? keyError : JSON.stringify(keyError);
    throw new CommandError('server_error', `Subscribed (${name}), but no key was created: ${why}`, {
      hint: `Run \`ci keys create --subscription ${subscriptionId ?? 'ID'}\` to create one.`,
      outcome: 'applied',
    });
  }
  if (lostKey !== undefined) {
    throw new CommandError(
      'secret_lost',
      `Subscribed (${name}), but the secret of the key "${lostKey}" was lost with the response`,
      {
        hint: 'Run `ci keys list` to find the key, revoke it with `ci keys delete`, and create another.',
        outcome: 'applied',
      },
    );
  }
  await output.record(subscription, { fields });
}

function secretOf({ key }: PlanSubscription): string | undefined {
  const secret: unknown = typeof key === 'object' && key !== null ? Reflect.get(key, 'apiKey') : key;
  return typeof secret === 'string' ? secret : undefined;
}
