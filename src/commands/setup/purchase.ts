import { poolName } from '../../account/pools.ts';
import {
  buyOnce,
  checkOpen,
  earlierPurchaseOf,
  mineOn,
  type PurchaseResult,
  purchaseIntent,
} from '../../account/purchase/buy.ts';
import { chargeText, purchaseFacts } from '../../account/purchase/facts.ts';
import { checkSpending, monthlySpending } from '../../account/purchase/limits.ts';
import { type PricedPurchase, priced } from '../../account/purchase/price.ts';
import { consentToRepeat } from '../../account/purchase/repeat.ts';
import { showPage } from '../../account/show-page.ts';
import { pages } from '../../account/web-pages.ts';
import { accountLabel } from '../../config/settings.ts';
import { CommandError } from '../../domain/errors.ts';
import { formatUsd } from '../../domain/money.ts';
import { factLines, inWords } from '../../output/text.ts';
import { chooseBlocks, choosePool, chooseSeats, somethingElse } from './choices.ts';
import type { Step, Wizard } from './wizard.ts';

/** Shows what it costs, asks, and buys. */
export const purchase: Step = async (wizard) => {
  if (wizard.subscriptions) return 'silent';
  const { context, pool, blocks, quantity = 1, billingCycle = 'month' } = wizard;
  if (!pool || !blocks) throw new CommandError('internal', 'nothing was chosen to be bought');
  const earlier = await earlierPurchaseOf(context, pool.id, { blocks, quantity, billingCycle });
  const wanted = await priced(context, pool.id, blocks, { quantity, billingCycle });
  if (earlier) {
    take(wizard, wanted, earlier);
    return 'silent';
  }
  await consent(wizard, wanted);
  for (;;) {
    try {
      await buy(wizard, wanted);
      return 'asked';
    } catch (error) {
      if (!(error instanceof CommandError) || error.outcome !== 'not_applied') throw error;
      if (error.code === 'no_payment_method' || error.code === 'payment_required') await untilPayable(wizard, error);
      else if (error.code === 'unavailable') {
        await somethingElse(wizard, error, wanted.blocks, [
          { name: 'Other blocks', value: chooseBlocks },
          ...(wanted.quote.quantity > 1 ? [{ name: 'Fewer seats', value: chooseSeats }] : []),
          { name: 'Another pool', value: choosePool },
        ]);
      } else throw error;
    }
  }
};

async function consent({ context, prompts }: Wizard, wanted: PricedPurchase): Promise<void> {
  context.output.note(
    factLines([...(await purchaseFacts(context, wanted)), ['Account', accountLabel(context.settings)]]),
  );
  await prompts.consent(`Charge ${chargeText(wanted.quote)} now?`);
}

async function buy(wizard: Wizard, wanted: PricedPurchase): Promise<void> {
  const { context } = wizard;
  const name = poolName(wanted.pool);
  checkOpen(wanted);
  checkSpending(context, wanted, await monthlySpending(context));
  const agreed = await consentToRepeat(context, purchaseIntent(wanted), () => mineOn(context, name));
  take(wizard, wanted, await buyOnce(context, wanted, { agreed }));
}

/** Goes on with what was bought. */
function take(wizard: Wizard, wanted: PricedPurchase, bought: PurchaseResult): void {
  const name = poolName(wanted.pool);
  wizard.subscriptions = bought.subscriptions;
  if (bought.kind === 'bought' && bought.overcharge) wizard.overcharge = bought.overcharge;
  const { quantity, billingCycle, charge } = wanted.quote;
  const actual = bought.kind === 'bought' ? bought.charge : undefined;
  const charged = actual === undefined ? chargeText(wanted.quote) : formatUsd(actual);
  wizard.done.push(`reserved ${inWords(wanted.blocks)} of ${name} for ${charged}`);
  wizard.purchase = [
    `pools subscribe ${name} --blocks ${wanted.blocks.join(',')}`,
    ...(quantity > 1 ? [`--quantity ${quantity}`] : []),
    ...(billingCycle === 'year' ? ['--billing-cycle year'] : []),
    `--max-price ${(charge.atMost / 100).toFixed(2)} --ensure`,
  ].join(' ');
}

/** Waits for a card that pays. @throws CommandError the failure itself, when the person gives up */
async function untilPayable({ context, prompts }: Wizard, failure: CommandError): Promise<void> {
  const { output } = context;
  output.note(`✗ ${failure.message}. Nothing was charged.`);
  const { billing } = await context.api();
  const intent = await billing.setupIntent().catch((error: unknown) => {
    if (error instanceof CommandError && error.code !== 'interrupted') return undefined;
    throw error;
  });
  const page = intent?.url ?? intent?.sessionUrl ?? pages.billing;
  output.note(`Enter a card here, then come back:\n  ${page}`);
  const next = await prompts.pick(
    'The card is saved?',
    [
      { name: 'Yes, try again', value: 'again' },
      { name: 'Open the page in the browser', value: 'open' },
      { name: 'Stop here', value: 'stop' },
    ],
    'there is nobody to ask',
  );
  if (next === 'stop') throw failure;
  if (next === 'open') {
    await showPage(context, page);
    await prompts.pick('When the card is saved:', [{ name: 'Try again', value: undefined }], 'there is nobody to ask');
  }
}
