import type { StripeTopup, UsdcTopup } from '../api/billing.ts';
import type { Api } from '../api/index.ts';
import type { IntentOf } from './changes/actions.ts';
import { type ChangingContext, carryOut } from './changes/carry-out.ts';

/** Requests a top-up by card, which charges nothing by itself. @param amount - USD @returns the page on which to pay */
export function requestCardTopup(context: ChangingContext, amount: number): Promise<StripeTopup> {
  return request(context, { action: 'topup', amount, method: 'stripe' }, ({ billing }) => billing.topupByCard(amount));
}

/** Requests a top-up by USDC, which charges nothing by itself. @param amount - USD @returns the address to pay */
export function requestUsdcTopup(context: ChangingContext, amount: number): Promise<UsdcTopup> {
  return request(context, { action: 'topup', amount, method: 'usdc' }, ({ billing }) => billing.topupByUsdc(amount));
}

function request<Answer>(
  context: ChangingContext,
  intent: IntentOf<'topup'>,
  send: (api: Api) => Promise<Answer>,
): Promise<Answer> {
  const change = {
    intent,
    before: {},
    send,
    ids: () => [],
    adopt: (none: never) => none,
    command: 'ci billing credits',
  };
  return carryOut(context, 'topup', change);
}
