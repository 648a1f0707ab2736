import { at, textAt } from '../support/sandbox.ts';
import type { Answer } from './api.ts';

/** Serves the retired flat plans, which the sandbox no longer sells (Management API, "Deprecated"). */
export class FlatPlans {
  readonly #subscriptions: { id: string; planSlug: string; status: 'active'; cancelAtPeriodEnd: boolean }[] = [];

  get bought(): number {
    return this.#subscriptions.length;
  }

  get ending(): number {
    return this.#subscriptions.filter(({ cancelAtPeriodEnd }) => cancelAtPeriodEnd).length;
  }

  /** Returns the response to a request about plans; undefined for any other. */
  answer(method: string, path: string, body: string): Answer | undefined {
    switch (`${method} ${path}`) {
      case 'POST /api/billing/subscribe': {
        const id = `plan_${this.#subscriptions.length + 1}`;
        const planSlug = textAt(JSON.parse(body), 'planSlug');
        this.#subscriptions.push({ id, planSlug, status: 'active', cancelAtPeriodEnd: false });
        return enveloped({
          subscriptionId: id,
          planSlug,
          status: 'active',
          currentPeriodEnd: '2026-05-14T00:00:00.000Z',
        });
      }
      case 'POST /api/billing/checkout':
        return enveloped({ sessionUrl: 'https://checkout.stripe.com/c/pay/cs_test_a1b2c3' });
      case 'POST /api/billing/cancel': {
        const id = textAt(JSON.parse(body), 'subscriptionId');
        for (const each of this.#subscriptions) if (each.id === id) each.cancelAtPeriodEnd = true;
        return enveloped({ canceled: true });
      }
    }
    return undefined;
  }

  /** Adds the plan to an account's status. */
  addedTo(billingStatus: string): string {
    const [plan] = this.#subscriptions;
    if (!plan) return billingStatus;
    const status = at(JSON.parse(billingStatus), 'data');
    if (typeof status !== 'object') throw new Error(`no status: ${billingStatus}`);
    const data = { ...status, plan: plan.planSlug, status: plan.status, subscriptions: this.#subscriptions };
    return JSON.stringify({ success: true, data });
  }
}

function enveloped(data: unknown): Answer {
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ success: true, data }),
  };
}
