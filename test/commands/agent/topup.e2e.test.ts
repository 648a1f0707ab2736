import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChain, type TestChain } from '../../support/chain.ts';
import { cells, json, secret } from '../../support/cli.ts';
import { errorOf, outcomesOf, stateFiles } from '../../support/lost.ts';
import { type Payer, payer, payTo, shop } from '../../support/payer.ts';
import { at } from '../../support/sandbox.ts';
import { answer, data, webPage } from '../../support/servers.ts';
import { enter, onTerminal } from '../../support/terminal.ts';

const asking = 'agent topup 25 --password-file password';
const buy = `${asking} --yes`;
const adding = 'billing topup 25 --method usdc --pay-with agent --password-file password';
const managementKey = { CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_of_the_tests_0123456789abcdef' };

let chain: TestChain;
beforeAll(async () => {
  chain = await startChain();
});
afterAll(() => chain.close());

/** Returns the amounts that a wallet sent, in millionths. */
async function sentBy({ address }: Payer): Promise<bigint[]> {
  const transfers = await chain.transfersTo(payTo);
  return transfers.flatMap(({ from, units }) => (from === address.toLowerCase() ? [units] : []));
}

describe('agent topup', () => {
  test('pays, claims the credit without a signature, and prints its key', async () => {
    const api = await shop(chain);
    const me = await payer(chain, api);
    const { code, stdout, stderr } = await me.pays(buy);
    const hash = (await chain.transfersTo(payTo)).at(-1)?.hash;
    expect([code, stderr, cells(stdout)]).toEqual([
      0,
      '',
      [['25.00', '50.00', '', expect.stringMatching(secret), hash]],
    ]);
    expect(api.requests).toEqual(['GET /api/agent/plans', 'POST /api/agent/topup']);
    expect(JSON.parse(api.received.at(-1)?.body ?? '')).toEqual({ txHash: hash, amount: 25 });
    for (const { headers } of api.received) expect(headers).not.toHaveProperty('authorization');
    expect([await sentBy(me), outcomesOf(me), stateFiles(me)]).toEqual([
      [25_000_000n],
      ['pay applied'],
      ['history.jsonl'],
    ]);
    const repeat = await me.pays(buy);
    expect([repeat.code, repeat.stderr]).toEqual([
      2,
      'ci: You paid for the same thing just now. Nothing was sent. Pass --again to pay a second time.\n',
    ]);
    const other = await me.pays(buy.replace('25', '25.01'));
    expect([other.code, await sentBy(me)]).toEqual([0, [25_000_000n, 25_010_000n]]);
    const again = await me.pays(`${buy} --again --json --save .env`);
    expect(json(again)).toMatchObject({
      credited: 25,
      apiKey: expect.stringMatching(/^sk_sandbox_…/),
      variable: expect.any(String),
    });
    expect(readFileSync(path.join(me.home, '.env'), 'utf8')).toMatch(/^CHEAPESTINFERENCE_API_KEY=sk_sandbox_\S{32}\n$/);
  });

  test('asks for the amount and for consent on a terminal', async () => {
    const api = await shop(chain);
    const me = await payer(chain, api);
    const session = onTerminal(me, 'agent topup --password-file password', { columns: 100 });
    await session.shows('Amount in USD:');
    session.type(`ten${enter}`);
    await session.shows('is not');
    session.type(`\u001510${enter}`);
    await session.shows('Send 10.00 USDC now? (y/N)');
    expect(session.screen).toMatch(
      /Buy {6}credit, with an API key of its own\nDue now {2}10\.00 USDC\nPaid to {2}0x5a4D\w+\n[\s\S]+\nBalance {2}1000\.00 USDC, 1 ETH\n\? Send/,
    );
    session.type(enter);
    expect(await session.exit).toBe(1);
    expect([await sentBy(me), stateFiles(me), api.changes]).toEqual([[], [], []]);
  });

  test.each([
    ['below the minimum', '9.99', /^ci: \$9\.99 is too small for a top-up\. Use at least 10\.00 USDC\.\n$/],
    ['of zero', '0', /^ci: /],
    ['that is negative', '-25', /^ci: /],
    ['with fractions of a cent', '25.001', /^ci: /],
    ['in words', 'ten', /^ci: "ten" is not a/],
    ['that is huge', '1e30', /^ci: "1e30" is not a/],
  ])('refuses an amount %s', async (_what, amount, message) => {
    const me = await payer(chain, await shop(chain));
    const { code, stdout, stderr } = await me.pays(['agent', 'topup', amount, '--password-file', 'password', '--yes']);
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(message)]);
    expect([await sentBy(me), stateFiles(me)]).toEqual([[], []]);
  });

  test('needs --yes and an amount without a terminal', async () => {
    const api = await shop(chain);
    const me = await payer(chain, api);
    for (const line of [asking, 'agent topup --yes']) expect((await me.pays(line)).code).toBe(2);
    expect(api.requests).toEqual([]);
    expect(await sentBy(me)).toEqual([]);
  });

  test('refuses a catalog without credit', async () => {
    const catalog = answer(200, { x402: { network: 'base', asset: 'USDC', payTo, products: [] } });
    const me = await payer(chain, await shop(chain, () => catalog));
    expect(errorOf(await me.pays(`${buy} --json`))).toMatchObject({ code: 'not_found', outcome: 'not_applied' });
    expect(await sentBy(me)).toEqual([]);
  });

  test('shows what the server says about a claim that it refuses, and does not pay again', async () => {
    const behaviors = [answer(409, { error: 'This transaction was already claimed' }), undefined];
    const api = await shop(chain, ({ method }) => (method === 'POST' ? behaviors.shift() : undefined));
    const me = await payer(chain, api);
    const { code, stderr } = await me.pays(buy);
    expect(code).toBe(6);
    expect(stderr).toMatch(
      /^ci: You paid 25\.00 USDC for credit, but the API refuses the claim: This transaction was already claimed\. The payment is recorded, and isn't made again\. Send this proof to/,
    );
    const again = await me.pays(buy);
    expect([again.code, await sentBy(me)]).toEqual([0, [25_000_000n]]);
    expect(again.stderr).toMatch(/^Continuing the payment of 25\.00 USDC made just now \(0x/);
  });
});

describe('billing topup --pay-with', () => {
  test('requests the top-up, pays it and has it credited', async () => {
    const api = await shop(chain);
    const me = await payer(chain, api, {}, managementKey);
    const { code, stdout, stderr } = await me.pays(`${adding} --yes`);
    expect([code, stdout, stderr]).toEqual([0, 'credited\t25.00\nbalance\t50.00\n', '']);
    const hash = (await chain.transfersTo(payTo)).at(-1)?.hash;
    const verified = api.received.find(({ path: address }) => address === '/api/billing/verify-topup');
    expect(JSON.parse(verified?.body ?? '')).toEqual({ txHash: hash, amount: 25 });
    expect(outcomesOf(me)).toEqual(['topup applied', 'pay applied', 'verify applied']);
    const repeat = await me.pays(`${adding} --yes`);
    expect([repeat.code, repeat.stderr]).toEqual([
      2,
      expect.stringMatching(/^ci: You paid for the same thing just now\./),
    ]);
    const again = await me.pays(`${adding} --yes --again --json --confirmations 4`);
    expect([again.code, json(again)]).toEqual([0, { credited: 25, balance: 75 }]);
    expect(await sentBy(me)).toEqual([25_000_000n, 25_000_000n]);
  });

  test('asks for consent, with the account that gets the credit', async () => {
    const api = await shop(chain);
    const me = await payer(chain, api, {}, managementKey);
    const session = onTerminal(me, adding, { columns: 100 });
    await session.shows('Send 25.00 USDC now? (y/N)');
    expect(session.screen).toMatch(/Buy {6}credit\nAccount {2}.+\nDue now {2}25\.00 USDC\nPaid to {2}0x5a4D/);
    session.type(enter);
    expect([await session.exit, await sentBy(me)]).toEqual([1, []]);
    const unasked = await me.pays(adding);
    expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringMatching(/Pass --yes/)]);
    expect(outcomesOf(me)).not.toContain('pay applied');
  });

  test.each([
    ['another amount', { address: payTo, chain: 'base', amount: 250 }, /asks for 250\.00 USDC instead of \$25\.00/],
    ['another chain', { address: payTo, chain: 'ethereum', amount: 25 }, /asks for payment on "ethereum", not on Base/],
    [
      'an invalid address',
      { address: 'vendor.eth', chain: 'base', amount: 25 },
      /"vendor\.eth", which isn't a valid address|unexpected format/,
    ],
  ])('refuses an API that asks for %s', async (_what, due, message) => {
    const api = await shop(chain, ({ path: address }) => (address === '/api/billing/topup' ? data(due) : undefined));
    const me = await payer(chain, api, {}, managementKey);
    const { code, stdout, stderr } = await me.pays(`${adding} --yes`);
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringMatching(message)]);
    expect([await sentBy(me), outcomesOf(me)]).toEqual([[], ['topup applied']]);
  });

  test('needs a management key, --method usdc and a wallet', async () => {
    const api = await shop(chain);
    const me = await payer(chain, api);
    expect((await me.pays(`${adding} --yes`)).code).toBe(4);
    for (const line of [
      'billing topup 25 --pay-with agent --yes',
      'billing topup 25 --method stripe --pay-with agent --yes',
      'billing topup 25 --method usdc --pay-with= --yes',
      'billing topup 25 --method usdc --password-file password --yes',
      'billing topup 25 --method usdc --again --yes',
      'billing topup 9.99 --method usdc --pay-with agent --yes',
    ]) {
      expect(await me.pays(line, { env: managementKey })).toMatchObject({ code: 2, stdout: '' });
    }
    const missing = await me.pays(adding.replace('agent', './nothing').concat(' --yes'), { env: managementKey });
    expect([missing.code, await sentBy(me)]).toEqual([5, []]);
    expect(api.changes).toEqual([]);
  });

  test('goes on with the same payment after the answer to its check was lost', async () => {
    const behaviors = [webPage(502), undefined];
    const api = await shop(chain, ({ path: address }) =>
      address === '/api/billing/verify-topup' ? behaviors.shift() : undefined,
    );
    const me = await payer(chain, api, {}, managementKey);
    const first = await me.pays(`${adding} --yes --json`);
    if (first.code !== 0) expect(at(errorOf(first), 'outcome')).toBe('unknown');
    const second = await me.pays(`${adding} --yes`);
    expect([second.code, await sentBy(me)]).toEqual([0, [25_000_000n]]);
  });

  // Whoever sees the transaction on the chain can have it credited first.
  test('does not report credit that another account got', async () => {
    const stolen = answer(409, { success: false, error: 'Transaction already credited' });
    const api = await shop(chain, ({ path: address }) =>
      address === '/api/billing/verify-topup' ? stolen : undefined,
    );
    const me = await payer(chain, api, {}, managementKey);
    expect((await me.pays(`${adding} --yes`)).code).not.toBe(0);
  });
});
