import { type ChangingContext, carryOut } from '../../account/changes/carry-out.ts';
import { chosenPlan } from '../../account/flat-plans.ts';
import { showPage } from '../../account/show-page.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';

export const fields = ['sessionUrl', 'sessionId'] as const;

/** What `ci billing checkout` pays for. */
export interface Options {
  /** The plan's slug; undefined: ask. */
  readonly plan: string | undefined;
}

/** `ci billing checkout`: a retired flat plan, paid in the browser. */
export default function checkout(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      examples: ['ci billing checkout pro'],
    })
    .argument('[plan]', 'its slug')
    .action((plan: string | undefined) => execute({ plan }, context));
}

/** Prints and opens the page on which a retired flat plan is paid. */
export async function run(
  { plan: typed }: Options,
  context: ChangingContext & Pick<Context, 'api' | 'prompts'>,
): Promise<void> {
  const planSlug = await chosenPlan(context, typed);
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
