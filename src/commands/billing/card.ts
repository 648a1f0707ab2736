import { type ChangingContext, carryOut } from '../../account/changes/carry-out.ts';
import { showPage } from '../../account/show-page.ts';
import { pages } from '../../account/web-pages.ts';
import type { SetupIntent } from '../../api/billing.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import type { Column } from '../../output/output.ts';

export const fields = ['url', 'sessionUrl'] as const;

/** `ci billing card`: begins to save a card. */
export default function card(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      examples: ['ci billing card'],
    })
    .action(() => execute(context));
}

/** Prints and opens the page on which a card is saved. */
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
      `The API names no page for it: add the card on the Billing page of the dashboard, ${pages.billing}.`,
    );
  }
  // An answer may hold Stripe's own secret; it is nobody's to see here.
  const shown: SetupIntent = {
    ...(intent.url == null ? {} : { url: intent.url }),
    ...(intent.sessionUrl == null ? {} : { sessionUrl: intent.sessionUrl }),
  };
  await context.output.record(shown, {
    columns,
    fields,
    drawing: (_style, clean) => (page == null ? '' : `Enter the card here: ${clean.url ?? clean.sessionUrl}\n`),
  });
  await showPage(context, page ?? pages.billing);
}

const columns: readonly Column<SetupIntent>[] = [
  { field: 'url', header: 'Page', value: ({ url, sessionUrl }) => url ?? sessionUrl },
];
