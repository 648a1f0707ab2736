import { poolName } from '../../account/pools.ts';
import { agree, agreeToRepeat } from '../../account/purchase/agree.ts';
import { buyOnce, earlierPurchaseOf } from '../../account/purchase/buy.ts';
import { commandOptions } from '../../account/purchase/command-options.ts';
import { chargeText, purchaseFacts } from '../../account/purchase/facts.ts';
import { purchaseIntent } from '../../account/purchase/intent.ts';
import { fetchPrice, type PricedPurchase } from '../../account/purchase/price.ts';
import type { PurchaseResult } from '../../account/purchase/purchase-result.ts';
import { PurchaseSnapshot } from '../../account/purchase/snapshot.ts';
import { showPage } from '../../account/show-page.ts';
import { pages } from '../../account/web-pages.ts';
import { CommandError, withoutPeriod } from '../../domain/errors.ts';
import { formatUsd } from '../../domain/money.ts';
import { shellWord } from '../../domain/shell-word.ts';
import { inWords } from '../../output/text.ts';
import { watchCommand } from '../../watch/suggest-watch.ts';
import { chooseBlocks, chooseOther, choosePool, chooseSeats } from './choices.ts';
import { noTerminal, type Step, type Wizard } from './wizard.ts';

/** Shows the price, asks for consent, and buys. */
export const purchase: Step = async (wizard) => {
  if (wizard.subscriptions) return 'silent';
  const { context, pool, blocks, quantity = 1, billingCycle = 'month' } = wizard;
  if (!pool || !blocks) throw new CommandError('internal', 'no blocks were chosen');
  const snapshot = await PurchaseSnapshot.take(context);
  const earlier = await earlierPurchaseOf(context, { pool: poolName(pool), blocks, quantity, billingCycle });
  const chosen = await fetchPrice(snapshot.catalog, pool.id, blocks, { quantity, billingCycle });
  if (earlier) {
    keep(wizard, chosen, earlier);
    return 'changed';
  }
  for (let hasConsent = false; ; hasConsent = true) {
    try {
      const agreed = hasConsent ? await repeatAgreed(wizard, chosen) : await purchaseAgreed(wizard, chosen, snapshot);
      keep(wizard, chosen, await buyOnce(context, { purchase: chosen, snapshot, agreed }));
      return 'changed';
    } catch (error) {
      if (!(error instanceof CommandError) || error.outcome !== 'not_applied') throw error;
      if (error.code === 'no_payment_method' || error.code === 'payment_required') await untilPayable(wizard, error);
      else if (error.code === 'unavailable') {
        const seats = { pool: poolName(chosen.pool), blocks: chosen.blocks, quantity, billingCycle };
        await chooseOther(wizard, error, watchCommand(context, seats), [
          { name: 'Choose other blocks', value: chooseBlocks },
          ...(chosen.quote.quantity > 1 ? [{ name: 'Choose fewer seats', value: chooseSeats }] : []),
          { name: 'Choose another pool', value: choosePool },
        ]);
      } else throw error;
    }
  }
};

function purchaseAgreed({ context, prompts }: Wizard, chosen: PricedPurchase, account: PurchaseSnapshot) {
  return agree(context, [{ intent: purchaseIntent(chosen), purchase: chosen }], {
    facts: () => purchaseFacts(context, chosen),
    question: `Charge ${chargeText(chosen.quote)} now?`,
    account,
    prompts,
  });
}

/** Asks about a repetition only. A purchase that had to be paid in the browser may have gone through in the meantime. */
async function repeatAgreed({ context, prompts }: Wizard, chosen: PricedPurchase) {
  const account = await PurchaseSnapshot.take(context);
  return agreeToRepeat(context, [purchaseIntent(chosen)], { account, prompts });
}

/** Keeps what was bought for the next steps and the summary. */
function keep(wizard: Wizard, chosen: PricedPurchase, bought: PurchaseResult): void {
  const name = poolName(chosen.pool);
  wizard.subscriptions = bought.subscriptions;
  if (bought.kind === 'bought' && bought.overcharge) wizard.overcharge = bought.overcharge;
  const { quantity, billingCycle, charge } = chosen.quote;
  const actual = bought.kind === 'bought' ? bought.charge : undefined;
  const charged = actual === undefined ? chargeText(chosen.quote) : formatUsd(actual);
  wizard.done.push(`reserved ${inWords(chosen.blocks)} of ${name} for ${charged}`);
  wizard.purchase = [
    `pools subscribe ${shellWord(name)} --blocks ${chosen.blocks.join(',')}`,
    ...commandOptions({ quantity, billingCycle, maxPrice: charge.atMost, ensure: true }),
  ].join(' ');
}

/** Waits until the user has saved a card. @throws CommandError the failure itself if the user quits */
async function untilPayable({ context, prompts }: Wizard, failure: CommandError): Promise<void> {
  const { output } = context;
  output.note(`✗ ${withoutPeriod(failure.message)}. Nothing was charged.`);
  const { billing } = await context.api();
  const intent = await billing.setupIntent().catch((error: unknown) => {
    if (error instanceof CommandError && error.code !== 'interrupted') return undefined;
    throw error;
  });
  const page = intent?.url ?? intent?.sessionUrl ?? pages.billing;
  output.note(`Add a card on this page, then come back:\n  ${page}`);
  const next = await prompts.pick(
    'Have you saved the card?',
    [
      { name: 'Yes, try again', value: 'again' },
      { name: 'Open the page in the browser', value: 'open' },
      { name: 'No, quit', value: 'stop' },
    ],
    noTerminal,
  );
  if (next === 'stop') throw failure;
  if (next === 'open') {
    await showPage(context, page);
    await prompts.pick("When you've saved the card:", [{ name: 'Try again', value: undefined }], noTerminal);
  }
}
