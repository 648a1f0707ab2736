import { type ChangingContext, carryOut } from '../../account/changes/carry-out.ts';
import { showPage } from '../../account/show-page.ts';
import { pages } from '../../account/web-pages.ts';
import type { SetupIntent } from '../../api/billing.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import type { Column } from '../../output/output.ts';

export const fields = ['url', 'sessionUrl'] as const;

/** `ci billing card`: opens the page that saves a card. */
export default function card(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      examples: ['ci billing card'],
    })
    .action(() => execute(context));
}

/** Prints and opens the page that saves a card. */
export async function run(context: ChangingContext & Pick<Context, 'prompts'>): Promise<void> {
  const intent = await carryOut(context, 'card', {
    intent: { action: 'card' },
    before: {},
    send: ({ billing }) => billing.setupIntent(),
    ids: () => [],
    adopt: (none) => none,
    command: 'ci open billing',
  });
  const page = intent.url ?? intent.sessionUrl;
  if (page == null) {
    context.output.note(
      `The API returned no page for this. Add the card on the Billing page of the dashboard: ${pages.billing}`,
    );
  }
  // Leaves out other fields, because the response may contain a secret of Stripe.
  const shown: SetupIntent = {
    ...(intent.url == null ? {} : { url: intent.url }),
    ...(intent.sessionUrl == null ? {} : { sessionUrl: intent.sessionUrl }),
  };
  await context.output.record(shown, {
    columns,
    fields,
    drawing: (_style, clean) => (page == null ? '' : `Add your card here: ${clean.url ?? clean.sessionUrl}\n`),
  });
  await showPage(context, page ?? pages.billing);
}

const columns: readonly Column<SetupIntent>[] = [
  { field: 'url', header: 'Page', value: ({ url, sessionUrl }) => url ?? sessionUrl },
];
