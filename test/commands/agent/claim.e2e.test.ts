import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChain, type TestChain } from '../../support/chain.ts';
import { cells, json, oneLine, secret } from '../../support/cli.ts';
import { errorOf, outcomesOf, recordOf, stateFiles } from '../../support/lost.ts';
import { newKey, type Payer, payer, payTo, shop, writeWallet } from '../../support/payer.ts';
import { nodeOnly } from '../../support/program.ts';
import { rpcProxy } from '../../support/rpc.ts';
import { at, textAt } from '../../support/sandbox.ts';
import { answer, type Behavior, data, reset, webPage } from '../../support/servers.ts';

const buy = 'agent subscribe kimi26 --blocks asia --password-file password --yes';
const unknownHash = `0x${'1f'.repeat(32)}`;
const apiKey = `sk_live_${'0123456789abcdef'.repeat(2)}`;
const claimPath = '/api/agent/subscribe-pool';

let chain: TestChain;
beforeAll(async () => {
  chain = await startChain();
});
afterAll(() => chain.close());

/** Starts the sandbox. Claims are answered by these instead, in turn; undefined lets the sandbox answer. */
function shopClaiming(...behaviors: (Behavior | undefined)[]) {
  return shop(chain, ({ method }) => (method === 'POST' ? behaviors.shift() : undefined));
}

/** Starts the sandbox, which answers all claims in one way. */
function shopAlways(behavior: Behavior) {
  return shop(chain, ({ method }) => (method === 'POST' ? behavior : undefined));
}

/** Pays with an account of anvil, as another program does. @returns the hash */
async function foreignPayment(units = 39_000_000n, from = chain.accounts[1]): Promise<string> {
  await chain.setUsdc(from, units);
  const hash = await chain.send(from, payTo, units);
  await chain.mine(2);
  return hash;
}

function messageOf(hash: string): string {
  return `CheapestInference: claim pool subscription for transaction ${hash}`;
}

async function signatureOf(hash: string, by = chain.accounts[1]): Promise<string> {
  return String(await chain.rpc('personal_sign', [`0x${Buffer.from(messageOf(hash)).toString('hex')}`, by]));
}

/** Returns the hash of the only payment of a user. */
function paidBy(me: Payer): string {
  return textAt(recordOf(me)[0], 'intent', 'hash');
}

/** Returns the body of the last request. */
function lastBody({ received }: Awaited<ReturnType<typeof shop>>): unknown {
  return JSON.parse(received.at(-1)?.body ?? '');
}

describe('the message to sign', () => {
  test('is printed without a wallet, a chain or an API', async () => {
    const me = await payer(chain, { url: 'http://127.0.0.1:1' });
    const line = `agent claim ${unknownHash.toUpperCase().replace('0X', '0x')} --print-message`;
    const env = { ETH_RPC_URL: 'http://127.0.0.1:1', ETH_KEYSTORE_ACCOUNT: '' };
    expect(await me.ci(line, { env })).toMatchObject({ code: 0, stderr: '', stdout: `${messageOf(unknownHash)}\n` });
    expect(json(await me.ci(`${line} --json`, { env }))).toEqual({ message: messageOf(unknownHash) });
    expect(stateFiles(me)).toEqual([]);
  });

  test.each(['0x', '1f'.repeat(32), `${unknownHash}0`, `0x${'zz'.repeat(32)}`, 'latest'])(
    'is not made for %s',
    async (hash) => {
      const me = await payer(chain, { url: 'http://127.0.0.1:1' });
      const { code, stderr } = await me.ci(['agent', 'claim', hash, '--print-message']);
      expect([code, stderr]).toEqual([2, expect.stringMatching(/ is not a valid transaction hash\. Copy it from/)]);
    },
  );
});

describe('a payment of another program', () => {
  test('is claimed with a signature of the wallet that paid', async () => {
    const api = await shop(chain);
    const me = await payer(chain, api, {}, { ETH_KEYSTORE_ACCOUNT: '' });
    const hash = await foreignPayment();
    const line = `agent claim ${hash} --pool kimi26 --blocks asia`;
    const signature = await signatureOf(hash);
    const { code, stdout, stderr } = await me.pays(`${line} --signature -`, {
      stdin: `${signature.toUpperCase().replace('0X', '0x')}\n`,
    });
    expect([code, stderr]).toEqual([0, '']);
    expect(cells(stdout)[0]?.slice(1)).toEqual([
      'kimi26',
      'asia',
      'active',
      '2026-05-14T09:00:00.000Z',
      expect.any(String),
      expect.stringMatching(secret),
      hash,
    ]);
    expect(lastBody(api)).toEqual({ txHash: hash, poolSlug: 'kimi26', blocks: ['asia'], signature });
    expect(outcomesOf(me)).toEqual([]);
    expect(errorOf(await me.pays(`${line} --signature ${signature} --json`))).toMatchObject({
      code: 'unavailable',
      message:
        'You paid 39.00 USDC for kimi26 asia, but the API refuses the claim: This transaction was already claimed',
      status: 409,
      outcome: 'applied',
    });
  });

  test('is not claimed with the signature of another wallet or text, or an invalid one', async () => {
    const api = await shop(chain);
    const me = await payer(chain, api);
    const hash = await foreignPayment();
    const line = `agent claim ${hash} --pool kimi26 --blocks asia`;
    const wrong = await me.pays(`${line} --signature ${await signatureOf(hash, chain.accounts[0])}`);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(
      /^ci: The value of --signature is from 0x\w{40}, not from 0x\w{40}, which paid\. Sign the message of `ci agent claim /,
    );
    const other = await me.pays(`${line} --signature ${await signatureOf(unknownHash)}`);
    expect([other.code, other.stderr]).toEqual([2, expect.stringMatching(/is from 0x\w{40}, not from/)]);
    for (const text of [
      '0x',
      'x',
      `0x${'00'.repeat(65)}`,
      (await signatureOf(hash)).slice(0, -2),
      `0x${'f'.repeat(130)}`,
    ]) {
      const { code, stderr } = await me.pays([...line.split(' '), '--signature', text]);
      expect([code, stderr]).toEqual([
        2,
        expect.stringMatching(/^ci: The value of --signature is not a valid signature/),
      ]);
    }
    expect(api.changes).toEqual([]);
  });

  test('is not claimed by a wallet that did not pay, and needs to be told what it is for', async () => {
    const api = await shop(chain);
    const me = await payer(chain, api);
    const hash = await foreignPayment();
    const own = await me.pays(`agent claim ${hash} --pool kimi26 --blocks asia --password-file password`);
    expect([own.code, own.stderr]).toEqual([
      2,
      expect.stringMatching(/^ci: The wallet 0x\w{40} didn't make this payment\./),
    ]);
    for (const [options, message] of [
      ['', /was not made from this machine\. Say what it is for: --pool and --blocks, or --credit\./],
      ['--pool kimi26', /--pool needs --blocks|--blocks/],
      ['--blocks asia', /--blocks needs --pool|--pool/],
      ['--credit --pool kimi26', /--credit and --pool or --blocks can't be combined/],
      ['--credit --blocks asia', /--credit and --pool or --blocks can't be combined/],
      ['--pool kimi26 --blocks nowhere', /nowhere/],
    ] as const) {
      const { code, stderr } = await me.pays(`agent claim ${hash} ${options}`.trim());
      expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
    }
    expect(api.changes).toEqual([]);
  });

  test('is claimed by its wallet, and as credit without a signature', async () => {
    const api = await shop(chain);
    const me = await payer(chain, api);
    await chain.rpc('anvil_impersonateAccount', [me.address]);
    const first = await foreignPayment(39_000_000n, me.address);
    const line = '--password-file password --save .env';
    expect(await me.pays(`agent claim ${first} --pool kimi26 --blocks asia ${line}`)).toMatchObject({ code: 0 });
    expect(readFileSync(path.join(me.home, '.env'), 'utf8')).toMatch(/^CHEAPESTINFERENCE_API_KEY=sk_sandbox_\S{32}\n$/);
    const second = await foreignPayment(12_500_000n, me.address);
    const { code, stdout } = await me.pays(`agent claim ${second} --credit`, { env: { ETH_KEYSTORE_ACCOUNT: '' } });
    expect([code, cells(stdout)[0]]).toEqual([0, ['12.50', '37.50', '', expect.stringMatching(secret), second]]);
    expect(lastBody(api)).toEqual({ txHash: second, amount: 12.5 });
  });

  test.skipIf(nodeOnly('sets the clock'))(
    "is not claimed before it is confirmed, if it failed, or if it isn't a payment",
    async () => {
      const api = await shop(chain);
      const me = await payer(chain, api);
      const claiming = (hash: string) => me.waits(`agent claim ${hash} --credit`);
      expect(await claiming(unknownHash)).toMatchObject({
        code: 5,
        stderr: `ci: There is no transaction ${unknownHash} on the local chain. Check the hash, and the chain with --chain and --rpc-url.\n`,
      });
      const [from] = chain.accounts;
      await chain.setUsdc(from, 10_000_000n);
      const early = await chain.send(from, payTo, 10_000_000n);
      expect(await claiming(early)).toMatchObject({
        code: expect.any(Number),
        stderr: expect.stringMatching(/isn't confirmed yet/),
      });
      const failed = await chain.send(from, payTo, 10_000_000n);
      const ether = await chain.transact({ from, to: payTo, value: '0x1' });
      await chain.mine(3);
      expect((await claiming(failed)).stderr).toMatch(/ failed, so nothing can be claimed with it\./);
      expect((await claiming(ether)).stderr).toMatch(/ doesn't transfer any USDC, so nothing can be claimed with it\./);
      expect(api.changes).toEqual([]);
    },
  );

  test('of a smart contract wallet, or sent by somebody else, is refused with the reason', async () => {
    const api = await shop(chain);
    const me = await payer(chain, api);
    const hash = await foreignPayment();
    const [other] = chain.accounts;
    const sentByOther = await rpcProxy(chain, async ({ method, forward }) => {
      const receipt = method === 'eth_getTransactionReceipt' ? await forward() : undefined;
      return typeof receipt === 'object' && receipt !== null ? { ...receipt, from: other } : undefined;
    });
    const twice = await rpcProxy(chain, async ({ method, forward }) => {
      const receipt = method === 'eth_getTransactionReceipt' ? await forward() : undefined;
      const logs = receipt && at(receipt, 'logs', 0);
      return logs ? { ...Object(receipt), logs: [logs, logs] } : undefined;
    });
    const line = `agent claim ${hash} --credit --rpc-url`;
    expect(await me.pays(`${line} ${sentByOther.url}`)).toMatchObject({
      code: 6,
      stderr: expect.stringMatching(/is a smart contract wallet, which can't claim what it pays for/),
    });
    expect((await me.pays(`${line} ${twice.url}`)).stderr).toMatch(
      /makes several transfers, so nothing can be claimed/,
    );
    expect(api.changes).toEqual([]);
  });
});

describe('a payment whose seat is gone', () => {
  const soldOut = answer(409, { success: false, error: 'No seats available in asia' });

  test('keeps the proof, and is claimed for other blocks of the same price', async () => {
    const api = await shopClaiming(soldOut, data({ apiKey, poolSlug: 'glm52' }));
    const me = await payer(chain, api);
    const refused = await me.pays(buy);
    const hash = paidBy(me);
    expect([refused.code, refused.stdout]).toEqual([6, '']);
    expect(refused.stderr).toBe(
      [
        `ci: You paid 39.00 USDC for kimi26 asia, but the API refuses the claim: No seats available in asia. The payment is recorded, and isn't made again. Claim other blocks of the same price with \`ci agent claim ${hash} --pool kimi26 --blocks NAMES\`, or credit with \`ci agent claim ${hash} --credit\`. Or send this proof to CheapestInference (https://docs.cheapestinference.com):`,
        `  Transaction  ${hash}`,
        `  Wallet       ${me.address}`,
        '  Paid         39.00 USDC for kimi26 asia',
        `  Message      ${messageOf(hash)}`,
        '',
      ].join('\n'),
    );
    expect(outcomesOf(me)).toEqual(['pay unknown']);
    const claimed = await me.pays(`agent claim ${hash} --pool glm52 --blocks europe`, {
      env: { ETH_KEYSTORE_ACCOUNT: '' },
    });
    expect([claimed.code, claimed.stdout]).toEqual([0, `\tglm52\t\t\t\t\t${apiKey}\t${hash}\n`]);
    expect(lastBody(api)).toMatchObject({ txHash: hash, poolSlug: 'glm52', blocks: ['europe'] });
    expect([outcomesOf(me), stateFiles(me)]).toEqual([['pay applied'], ['history.jsonl']]);
  });

  test('is claimed as credit, or by the same command when a seat is free again, but never paid twice', async () => {
    const api = await shopClaiming(soldOut, soldOut, undefined);
    const me = await payer(chain, api);
    expect((await me.pays(buy)).code).toBe(6);
    const hash = paidBy(me);
    const again = await me.pays(buy);
    expect([again.code, again.stderr.split('\n')[0]]).toEqual([
      6,
      `Continuing the payment of 39.00 USDC made just now (${hash}).`,
    ]);
    const { code, stdout } = await me.pays(`agent claim ${hash} --credit`);
    expect([code, cells(stdout)[0]?.[0]]).toEqual([0, '39.00']);
    expect(outcomesOf(me)).toEqual(['pay applied']);
    expect((await chain.transfersTo(payTo)).filter((each) => each.from === me.address.toLowerCase())).toHaveLength(1);
  });
});

describe('additional fields', () => {
  test('are sent with the claim, and may replace others', async () => {
    const api = await shopAlways(data({ apiKey }));
    const me = await payer(chain, api);
    const fields = [
      'walletAddress={address}',
      'proof=[{signature}] {txHash} {other} {',
      'poolSlug=other',
      'email=',
      'a=b=c',
      '__proto__=x',
    ];
    const words = [...buy.split(' '), ...fields.flatMap((field) => ['--field', field])];
    expect((await me.pays(words)).code).toBe(0);
    const body = lastBody(api);
    const [hash, signature] = [paidBy(me), textAt(body, 'signature')];
    expect(Object.entries(body ?? {})).toEqual([
      ['txHash', hash],
      ['poolSlug', 'other'],
      ['blocks', ['asia']],
      ['signature', signature],
      ['walletAddress', me.address],
      ['proof', `[${signature}] ${hash} {other} {`],
      ['email', ''],
      ['a', 'b=c'],
      ['__proto__', 'x'],
    ]);
    const again = await me.pays(`agent claim ${hash}`);
    expect([again.code, again.stderr]).toEqual([6, expect.stringContaining('This payment was claimed just now')]);
  });

  test.each(['name', '=value', ''])('are refused if they are %j', async (field) => {
    const me = await payer(chain, { url: 'http://127.0.0.1:1' });
    const { code, stderr } = await me.ci(['agent', 'claim', unknownHash, '--credit', '--field', field]);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/is not a valid value for --field\. Use a name and a value/),
    ]);
  });
});

describe('the response to a claim', () => {
  let hash: string;
  let line: string;
  beforeAll(async () => {
    hash = await foreignPayment();
    line = `agent claim ${hash} --pool kimi26 --blocks asia --signature ${await signatureOf(hash)}`;
  });

  test.each<[string, Behavior, object]>([
    ['in an envelope', data({ apiKey, id: 7 }), { apiKey, id: 7 }],
    ['bare', answer(200, { apiKey, id: 7 }), { apiKey, id: 7 }],
    ['with 201', answer(201, { success: true, data: { apiKey } }), { apiKey }],
    ['with the key inside of an object', data({ key: { secret: apiKey } }), { key: { secret: apiKey }, apiKey }],
    ['with the key under another name', data({ token: apiKey }), { token: apiKey, apiKey }],
    ['that is a list', data([{ apiKey }]), { response: [{ apiKey }], apiKey }],
    ['that is a text', answer(200, JSON.stringify(apiKey)), { response: apiKey, apiKey }],
    ['with an unusual key', data({ apiKey: 'ci-1' }), { apiKey: 'ci-1' }],
  ])('%s is understood', async (_what, behavior, printed) => {
    const me = await payer(chain, await shopAlways(behavior));
    const result = await me.pays(`${line} --json`);
    expect([result.code, result.stderr]).toEqual([0, '']);
    expect(json(result)).toEqual({ ...printed, txHash: hash });
  });

  test('with two keys saves both, and masks both', async () => {
    const second = `sk_pool_${'fedcba9876543210'.repeat(2)}`;
    const me = await payer(chain, await shopAlways(data({ apiKey, list: [{ note: `use ${second}` }] })));
    const result = await me.pays(`${line} --json --save .env`);
    expect(json(result)).toMatchObject({ apiKey: 'sk_live_…cdef', list: [{ note: 'use sk_pool_…3210' }] });
    expect(readFileSync(path.join(me.home, '.env'), 'utf8')).toBe(
      `CHEAPESTINFERENCE_API_KEY=${apiKey}\nCHEAPESTINFERENCE_API_KEY_2=${second}\n`,
    );
  });

  test('without a key is printed as it is, with a note', async () => {
    const me = await payer(chain, await shopAlways(data({ token: 'ci-abcdefghijk', 'a\u001b[31mb': 'x\ty' })));
    const { code, stdout, stderr } = await me.pays(line);
    expect([code, stderr]).toEqual([0, 'The response has no API key. It is printed as it is.\n']);
    expect(cells(stdout)[0]?.slice(-2)).toEqual([hash, '{"token":"ci-abcdefghijk","a\\u001b[31mb":"x\\ty"}']);
  });

  test('with a key of several lines is never written to a dotenv file, and not lost', async () => {
    const evil = `${apiKey}\nLD_PRELOAD=/evil.so`;
    const me = await payer(chain, await shopAlways(data({ apiKey: evil })));
    const { code, stdout, stderr } = await me.pays(`${line} --save .env`);
    expect([code, stdout]).toEqual([1, '']);
    const [, file = ''] = / in (\S+\.key)\.\n$/.exec(stderr) ?? [];
    expect(readFileSync(file, 'utf8')).toContain(apiKey);
    expect(() => readFileSync(path.join(me.home, '.env'))).toThrow();
  });

  // The key is what was paid for, and a script that reads the file gets an old one or none.
  test('without a key fails the command if the key was to be saved', async () => {
    const me = await payer(chain, await shopAlways(data({ token: 'ci-abcdefghijk' })));
    writeFileSync(path.join(me.home, '.env'), 'CHEAPESTINFERENCE_API_KEY=old\n');
    expect((await me.pays(`${buy} --save .env --force`)).code).not.toBe(0);
  });

  // Without it, only the wallet could claim again, and `history reconcile` couldn't.
  test.each([
    ['empty', answer(200, '')],
    ['null', answer(200, 'null')],
    ['204', answer(204, '')],
  ])('that is %s leaves the payment unfinished', async (_what, behavior) => {
    const me = await payer(chain, await shopAlways(behavior));
    await me.pays(buy);
    expect(outcomesOf(me)).toEqual(['pay unknown']);
  });

  test('without a key of the usual form is not lost by `history reconcile`', async () => {
    let isDown = true;
    const api = await shop(chain, ({ method }) => {
      if (method !== 'POST') return undefined;
      return isDown ? webPage(502) : data({ token: 'ci-abcdefghijk' });
    });
    const me = await payer(chain, api);
    expect((await me.pays(buy)).code).toBe(10);
    isDown = false;
    const { stdout, stderr } = await me.pays('history reconcile');
    const undelivered = stateFiles(me).filter((name) => name.endsWith('.key'));
    expect(undelivered.length > 0 || /ci-abcdefghijk/.test(stdout + stderr)).toBe(true);
  });

  test.each<[string, Behavior, number, string, RegExp]>([
    ['401', answer(401, { success: false, error: 'Sign again' }), 4, 'applied', /refuses the claim: Sign again$/],
    [
      '403',
      answer(403, { error: { message: 'Wallet is blocked' } }),
      4,
      'applied',
      /refuses the claim: Wallet is blocked$/,
    ],
    ['409', answer(409, { error: 'No seats', message: 'All seats are taken' }), 6, 'applied', /: All seats are taken$/],
    ['400', answer(400, { detail: 'The amount is wrong' }), 1, 'applied', /: The amount is wrong$/],
    ['404', answer(404, { error: 'No such pool' }), 5, 'applied', /: No such pool$/],
    ['402', answer(402, { error: 'Price changed' }), 8, 'applied', /: Price changed$/],
    ['a failure with 200', answer(200, { success: false, error: 'Not today' }), 1, 'applied', /: Not today$/],
    ['500', answer(500, { error: 'Oops' }), 10, 'unknown', /The response was lost \(Oops\)$/],
    ['a web page with 502', webPage(502), 10, 'unknown', /\(the API returned 502 Bad Gateway\)$/],
    ['a web page with 200', webPage(200), 10, 'unknown', /is a web page, not JSON\)$/],
    ['a reset', reset, 10, 'unknown', /The response was lost \(/],
    ['a redirect', answer(307, '', { Location: 'http://127.0.0.1:1/s' }), 10, 'unknown', /a redirect to /],
  ])('%s is shown with the proof, and says how to go on', async (_what, behavior, code, outcome, message) => {
    const api = await shopAlways(behavior);
    const me = await payer(chain, api);
    const result = await me.pays(`${line} --json`);
    const error = errorOf(result);
    expect([result.code, result.stdout, at(error, 'outcome')]).toEqual([code, '', outcome]);
    expect(textAt(error, 'message')).toMatch(/^You paid 39\.00 USDC for kimi26 asia, /);
    expect(textAt(error, 'message')).toMatch(message);
    expect(textAt(error, 'hint')).toContain(hash);
    expect(api.changes.length).toBe(outcome === 'applied' ? 1 : 4);
    expect(new Set(api.changes)).toEqual(new Set([`POST ${claimPath}`]));
    expect(stateFiles(me)).toEqual([]);
    expect(JSON.stringify(error)).not.toMatch(/0x[0-9a-f]{130}/);
  });

  test('that comes late is waited for, and one that says "not final" is followed by another claim', async () => {
    const early = answer(400, { success: false, error: 'Transaction not final yet, try again in a few seconds' });
    const slow: Behavior = async (...each) => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      await data({ apiKey })(...each);
    };
    const me = await payer(chain, await shopClaiming(early, answer(429, { error: 'Slow down' }), webPage(503), slow));
    const { code, stdout, stderr } = await me.pays(buy);
    expect([code, stdout]).toEqual([0, `\t\t\t\t\t\t${apiKey}\t${paidBy(me)}\n`]);
    expect(stderr).toBe(
      [
        'Transaction not final yet, try again in a few seconds. Claiming again in 5 seconds.',
        'Slow down. Claiming again in 5 seconds.',
        'The API returned 503 Service Unavailable. Claiming again in 5 seconds.',
        '',
      ].join('\n'),
    );
  });

  test('that asks to wait for longer than claims are repeated is not waited for', async () => {
    const me = await payer(chain, await shopAlways(answer(429, { error: 'Slow down' }, { 'Retry-After': '90000' })));
    expect((await me.pays(buy)).stderr).not.toMatch(/Claiming again in 25 hours/);
  });

  test('that is lost may be followed by a refusal because the payment was claimed', async () => {
    const me = await payer(chain, await shopClaiming(webPage(502), answer(409, { error: 'Already claimed' })));
    const { code, stderr } = await me.pays(buy);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(
      /and the payment was claimed, but the response with the API key was lost: Already claimed\./,
    );
  });

  // "refused" contains "used".
  test('that is lost may be followed by a refusal for another reason', async () => {
    const me = await payer(chain, await shopClaiming(webPage(502), answer(403, { error: 'Signature refused' })));
    expect((await me.pays(buy)).stderr).toMatch(/and the claim is not finished\. Signature refused/);
  });

  test('is stripped of control sequences, and never sent the keys of the user', async () => {
    const error = 'Refused\u001b[2J\u001b]0;title\u0007 by\r\n\u202eme';
    const api = await shopAlways(answer(403, { success: false, error }));
    const me = await payer(
      chain,
      api,
      {},
      {
        CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_of_the_tests_0123456789abcdef',
        CHEAPESTINFERENCE_API_KEY: apiKey,
      },
    );
    const { stderr } = await me.pays(buy);
    expect(stderr).toContain('the API refuses the claim: Refused by me.');
    for (const { headers, body } of api.received) expect(JSON.stringify([headers, body])).not.toMatch(/mk_|sk_live/);
  });
});

describe('a claim by another wallet of the user', () => {
  test('is signed by the wallet that paid, chosen with --account', async () => {
    const api = await shopClaiming(answer(409, { error: 'No seats' }), undefined);
    const me = await payer(chain, api);
    expect((await me.pays(buy)).code).toBe(6);
    const hash = paidBy(me);
    writeWallet(me, 'other', newKey());
    await me.sh('rm -r .local');
    const line = `agent claim ${hash} --pool kimi26 --blocks asia --password-file password`;
    const other = await me.pays(`${line} --account other`);
    expect([other.code, other.stderr]).toEqual([2, expect.stringMatching(/didn't make this payment/)]);
    expect(other.stderr).toMatch(oneLine);
    expect((await me.pays(`${line} --account agent`)).code).toBe(0);
  });
});
