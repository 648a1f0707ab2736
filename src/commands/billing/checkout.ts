import { type ChangingContext, carryOut } from '../../account/changes/carry-out.ts';
import { choosePlan } from '../../account/flat-plans.ts';
import { showPage } from '../../account/show-page.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';

export const fields = ['sessionUrl', 'sessionId'] as const;

/** The options of `ci billing checkout`. */
export interface Options {
  /** The slug of the plan. Undefined: ask the user. */
  readonly plan: string | undefined;
}

/** Declares `ci billing checkout`, which pays for a retired flat plan in the browser. */
export default function checkout(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      examples: ['ci billing checkout pro'],
    })
    .argument('[plan]', 'Slug of the plan')
    .action((plan: string | undefined) => execute({ plan }, context));
}

/** Prints and opens the payment page for a retired flat plan. */
export async function run(
  { plan: typed }: Options,
  context: ChangingContext & Pick<Context, 'api' | 'prompts'>,
): Promise<void> {
  const planSlug = await choosePlan(context, typed);
  const session = await carryOut(context, 'checkout-plan', {
    intent: { action: 'checkout-plan', plan: planSlug },
    before: {},
    send: ({ billing }) => billing.checkoutPlan(planSlug),
    ids: () => [],
    adopt: (none) => none,
    command: 'ci billing status',
  });
  await context.output.record(session, {
    fields,
    drawing: (_style, { sessionUrl }) => `Pay here: ${sessionUrl}\n`,
  });
  await showPage(context, session.sessionUrl);
}
