import { currentPlans } from '../../account/changes/actions.ts';
import { type ChangingContext, carryOut } from '../../account/changes/carry-out.ts';
import { awaitEarlier } from '../../account/changes/earlier.ts';
import { chosenPlan } from '../../account/flat-plans.ts';
import { createAndDeliver, type KeepKey } from '../../account/secrets/delivery.ts';
import type { PlanSubscription } from '../../api/billing.ts';
import { againOption, noWaitOption, type SettlingOptions, settleOption, settlingOf } from '../../cli/options.ts';
import type { Verb } from '../../cli/verb.ts';
import { accountLabel } from '../../config/settings.ts';
import type { Context } from '../../context/context.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import { factLines } from '../../output/text.ts';

export const fields = ['subscriptionId', 'planSlug', 'status', 'currentPeriodEnd', 'key', 'keyError'] as const;

interface Flags extends SettlingOptions {
  readonly createKey?: string;
}

/** What `ci billing subscribe` buys. */
export interface Options extends Flags {
  /** The plan's slug; undefined: ask. */
  readonly plan: string | undefined;
}

/** `ci billing subscribe`: a retired flat plan. */
export default function subscribe(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      examples: ['ci billing subscribe pro --yes'],
    })
    .argument('[plan]', 'its slug')
    .option('--create-key <name>', 'create an API key with it')
    .addOption(settleOption())
    .addOption(noWaitOption())
    .addOption(againOption())
    .action((plan: string | undefined, flags: Flags) => execute({ plan, ...flags }, context));
}

/** Subscribes to a retired flat plan, and delivers the key that was asked for with it. */
export async function run(
  { plan: typed, createKey, ...flags }: Options,
  context: ChangingContext & Pick<Context, 'api' | 'prompts'>,
): Promise<void> {
  context.settling = settlingOf(flags);
  const { output, prompts } = context;
  if (createKey?.trim() === '') throw usageError('the name of the key is empty');
  const planSlug = await chosenPlan(context, typed);
  prompts.requireConsent('a subscription charges the saved card, which');
  const api = await context.api();
  const { billing, client } = api;
  client.requireSignedIn();
  const intent = { action: 'subscribe-plan', plan: planSlug } as const;
  if (await awaitEarlier(context, { action: 'subscribe-plan', intent })) return tell(context, { planSlug }, createKey);
  if (prompts.canAsk) {
    const plan = (await billing.plans()).find(({ slug }) => slug === planSlug);
    const price = plan?.priceUsdc == null ? 'not stated by the API' : `${plan.priceUsdc} USD a month`;
    output.note(
      factLines([
        ['Plan', planSlug],
        ['Price', price],
        ['Account', accountLabel(context.settings)],
      ]),
    );
    await prompts.consent('Subscribe to this plan, and charge the saved card now?');
  }
  const request = createKey === undefined ? { planSlug } : { planSlug, createKey: true, keyName: createKey };
  let lostKey: string | undefined;
  const adopt = (): PlanSubscription => {
    // The key was in the response, and nowhere else.
    lostKey = createKey;
    return { planSlug };
  };
  const buy = async (keep: KeepKey) => {
    if (await awaitEarlier(context, { action: 'subscribe-plan', intent })) return adopt();
    return carryOut(context, 'subscribe-plan', {
      intent,
      before: { plans: await currentPlans(api) },
      send: async ({ billing }) => {
        const made = await billing.subscribeToPlan(request);
        const secret = secretOf(made);
        if (secret !== undefined) keep({ apiKey: secret, name: createKey });
        return made;
      },
      ids: ({ subscriptionId }) => (subscriptionId == null ? [] : [subscriptionId]),
      adopt,
      command: 'ci billing status',
    });
  };
  await createAndDeliver(context, {
    create: (keep) => context.record.exclusively('purchase', () => buy(keep)),
    print: (made) => tell(context, made, lostKey),
  });
}

async function tell(
  { output }: Pick<Context, 'output'>,
  made: PlanSubscription,
  lostKey: string | undefined,
): Promise<void> {
  const name = made.subscriptionId ?? made.planSlug ?? '';
  if (made.keyError != null) {
    throw new CommandError(
      'server_error',
      `subscribed (${name}), but no key was made: ${typeof made.keyError === 'string' ? made.keyError : JSON.stringify(made.keyError)}`,
      {
        hint: `Make one with \`ci keys create --subscription ${made.subscriptionId ?? 'ID'}\`.`,
        outcome: 'applied',
      },
    );
  }
  if (lostKey !== undefined) {
    throw new CommandError('secret_lost', `subscribed (${name}), but the key "${lostKey}" was lost with the answer`, {
      hint: 'Its secret is shown only once: look with `ci keys list`, delete it there, and make another.',
      outcome: 'applied',
    });
  }
  await output.record(made, { fields });
}

function secretOf({ key }: PlanSubscription): string | undefined {
  const secret: unknown = typeof key === 'object' && key !== null ? Reflect.get(key, 'apiKey') : key;
  return typeof secret === 'string' ? secret : undefined;
}
