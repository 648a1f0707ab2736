import type { PlanSubscription } from '../../api/billing.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import { wholeKeysIn } from '../../domain/secrets.ts';
import { factLines } from '../../output/text.ts';
import { carryOut } from '../change.ts';
import { type Verb, verb } from '../command.ts';
import type { Context } from '../context.ts';
import { makeAndDeliver } from '../delivery.ts';
import { look, plansHeld } from '../intents.ts';
import { sayRetired } from '../retired.ts';

export const fields = ['subscriptionId', 'planSlug', 'status', 'currentPeriodEnd', 'key', 'keyError'] as const;

interface Options {
  readonly createKey?: string;
}

/** `ci billing subscribe`: a retired flat plan. */
export default function subscribe(context: Context): Verb {
  const command = verb('subscribe', 'retired: subscribe to a flat plan (see `ci pools subscribe`)', {
    fields,
    changes: true,
    examples: ['ci billing subscribe pro --yes'],
  });
  command
    .argument('<plan>', 'its slug')
    .option('--create-key <name>', 'make an API key with it')
    .action((plan: string, options: Options) => subscribeToPlan(context, plan, options));
  return command;
}

async function subscribeToPlan(context: Context, planSlug: string, { createKey }: Options): Promise<void> {
  const { output, prompts } = context;
  if (planSlug.trim() === '') throw usageError('the name of the plan is empty', '`ci plans list` shows the plans.');
  if (createKey?.trim() === '') throw usageError('the name of the key is empty');
  sayRetired(context, 'reserve blocks of a pool with `ci pools subscribe`');
  prompts.requireConsent('a subscription charges the saved card, which');
  const api = await context.api();
  const { billing, client } = api;
  client.requireSignedIn();
  if (prompts.canAsk) {
    const plan = (await billing.plans()).find(({ slug }) => slug === planSlug);
    const price = plan?.priceUsdc == null ? 'not stated by the API' : `${plan.priceUsdc} USD a month`;
    output.note(
      factLines([
        ['Plan', planSlug],
        ['Price', price],
        ['Account', context.account()],
      ]),
    );
    await prompts.consent('Subscribe to this plan, and charge the saved card now?');
  }
  const request = createKey === undefined ? { planSlug } : { planSlug, createKey: true, keyName: createKey };
  const intent = { action: 'subscribe-plan', plan: planSlug } as const;
  const before = { plans: await plansHeld(api) };
  const make = () =>
    carryOut<PlanSubscription, unknown>(context, {
      intent,
      before,
      send: () => billing.subscribeToPlan(request),
      ids: ({ subscriptionId }) => (subscriptionId == null ? [] : [subscriptionId]),
      look: (again, others) => look(again, intent, before, others),
      adopt: () => ({ planSlug }),
      command: 'ci billing status',
    });
  await makeAndDeliver(context, {
    make,
    secrets: ({ key }) => wholeKeysIn(JSON.stringify(key ?? null)),
    deliver: (made) => tell(context, planSlug, made),
  });
}

async function tell(context: Context, planSlug: string, made: PlanSubscription): Promise<void> {
  if (made.keyError != null) {
    throw new CommandError(
      'server_error',
      `subscribed (${made.subscriptionId ?? planSlug}), but no key was made: ${text(made, 'keyError')}`,
      {
        hint: `Make one with \`ci keys create --subscription ${made.subscriptionId ?? 'ID'}\`.`,
        outcome: 'applied',
      },
    );
  }
  await context.output.record(made, {
    columns: fields.map((field) => ({ field, header: field, value: (row) => text(row, field) })),
    fields,
  });
}

function text(row: PlanSubscription, field: (typeof fields)[number]): string {
  const value = row[field];
  if (value == null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
