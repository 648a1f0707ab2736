import { describe, expect, test } from 'vitest';
import { SandboxAccount } from '../../faults/late/account.ts';
import { at, listAt } from '../../support/sandbox.ts';
import { Machine } from '../../virtual/machine.ts';
import type { Arrival } from '../../virtual/network.ts';

const pledge = '/api/pools/kimi26/pledge';
const accepted = {
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ success: true, data: { canceled: true } }),
};

/** Configures an API that accepts a cancellation. */
interface Behavior {
  /** When it applies the cancellation, in milliseconds; undefined for never. */
  readonly after?: number;
  /** Changes the list of subscriptions after it accepted the cancellation. */
  readonly says?: (body: string) => string;
}

/** Cancels, and returns the recorded outcome and the command that found it. */
async function canceled({ after, says = (body) => body }: Behavior, path: 'live' | 'reconcile') {
  const account = new SandboxAccount();
  let hasAccepted = false;
  const handle = async (arrival: Arrival) => {
    const { method, path: where, body, authorization, process } = arrival;
    if (method === 'DELETE' && where === pledge) {
      hasAccepted = true;
      if (path === 'reconcile') process?.kill();
      const commit = async () => {
        await account.answer(method, where, body, authorization);
      };
      if (after === 0) await commit();
      else if (after !== undefined) machine.after(after, commit);
      return arrival.answer(accepted);
    }
    const answer = await account.answer(method, where, body, authorization);
    const isChanged = hasAccepted && where.endsWith('/my-subscriptions');
    return arrival.answer(isChanged ? { ...answer, body: says(answer.body) } : answer);
  };
  const machine: Machine = await Machine.turnOn(handle);
  try {
    await account.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['asia'] });
    await account.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
    const atMost = 10 * 60_000;
    let found = await machine.run('pools cancel kimi26 --yes --json --settle 3m', { atMost });
    if (path === 'reconcile') {
      await machine.pass(130_000);
      found = await machine.run('history reconcile --json', { atMost });
    }
    const recorded: unknown = JSON.parse((await machine.run('history --json', { atMost })).stdout);
    const [change] = listAt(recorded);
    const latest = account.now.subscriptions.at(-1)?.id;
    return { found, latest, outcome: at(change, 'outcome'), ids: at(change, 'ids') };
  } finally {
    await machine.turnOff();
  }
}

describe.each(['live', 'reconcile'] as const)('an accepted cancellation, as seen by %s', (path) => {
  test.each([0, 5000])('is applied if the account shows it after %i ms', async (after) => {
    const { found, latest, outcome, ids } = await canceled({ after }, path);
    expect([found.exitCode, outcome, ids]).toEqual([0, 'applied', [latest]]);
  });

  test('is not applied if the account never shows it', async () => {
    const { found, outcome, ids } = await canceled({}, path);
    expect([found.exitCode, outcome, ids]).toEqual([path === 'live' ? 1 : 0, 'not_applied', []]);
  });

  test.each([
    ["the account doesn't say what ends", (body: string) => body.replaceAll(/"cancelAtPeriodEnd":(true|false),/g, '')],
    ['the subscription is gone', () => JSON.stringify({ success: true, data: [] })],
  ])('is unknown if %s', async (_what, says) => {
    const { found, outcome } = await canceled({ after: 0, says }, path);
    expect([found.exitCode, outcome]).toEqual([10, 'unknown']);
  });

  test("stays open if the account can't be checked", async () => {
    const { found, outcome } = await canceled({ after: 0, says: () => 'Closed for today' }, path);
    expect([found.exitCode, outcome]).toEqual([10, path === 'live' ? 'unknown' : 'pending']);
  });
});

describe('pools cancel', () => {
  test('prints nothing about a check that finds the cancellation immediately', async () => {
    const { found } = await canceled({ after: 0 }, 'live');
    expect([found.stderr, found.stdout]).toEqual(['', expect.stringContaining('"cancelAtPeriodEnd":true')]);
  });

  test('says that it is checking if the account shows the cancellation later', async () => {
    const { found } = await canceled({ after: 5000 }, 'live');
    expect(found.stderr).toBe(
      "The API accepted the change, but the account doesn't show it. Checking for up to 3 minutes whether the change went through. If you press Ctrl-C, the outcome stays unknown.\n",
    );
  });

  test('prints why it was not applied', async () => {
    const { found } = await canceled({}, 'live');
    const last = found.stderr.trimEnd().split('\n').at(-1) ?? '';
    expect(at(JSON.parse(last), 'error')).toMatchObject({
      code: 'server_error',
      message: "The API accepted the change, but the account doesn't show it. The change didn't go through",
      outcome: 'not_applied',
    });
  });
});
