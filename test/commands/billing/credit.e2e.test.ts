import { encode } from 'uqr';
import { describe, expect, test } from 'vitest';
import { paymentRequest } from '../../../src/domain/usdc.ts';
import { browser } from '../../support/browser.ts';
import { type Environment, json, oneLine, sandboxUser, settlesIn, user, userOf } from '../../support/cli.ts';
import { customer } from '../../support/customer.ts';
import { errorOf } from '../../support/lost.ts';
import { at, textAt } from '../../support/sandbox.ts';
import {
  answer,
  appliedThen,
  data,
  downFromChangeOn,
  type Instead,
  recordedSandbox,
  reset,
  served,
  server,
} from '../../support/servers.ts';
import { enter, onTerminal, shown } from '../../support/terminal.ts';

const address = '0x5a4db0c15a4db0c15a4db0c15a4db0c15a4db0c1';
const hash = `0x${'0123456789abcdef'.repeat(4)}`;

async function signedInUser(env: Environment = {}) {
  const { api, me } = await customer({ env });
  const credit = async () => at(await api.box.seen(), 'creditBalance');
  return { api, me, credit };
}

/** Returns the body of the only change that was sent. */
function sent({ received }: { readonly received: readonly { method: string; body: string }[] }): unknown {
  const changes = received.filter(({ method }) => method !== 'GET');
  expect(changes).toHaveLength(1);
  return JSON.parse(changes[0]?.body ?? '');
}

describe('`ci billing credits`', () => {
  test('shows the remaining credit in each format', async () => {
    const { api, me } = await signedInUser();
    await me.ci('keys create client-acme --credit');
    const { code, stdout, stderr } = await me.ci('billing credits');
    expect([code, stdout, stderr]).toEqual([
      0,
      'remaining\t25.00\ntotalTopUp\t25.00\ncreditKeyCount\t1\nhasCreditKey\ttrue\n',
      '',
    ]);
    expect((await me.ci('billing credits --json')).stdout).toBe(
      '{"totalTopUp":25,"remaining":25,"hasCreditKey":true,"creditKeyCount":1}\n',
    );
    expect((await me.ci('billing credits -o csv')).stdout).toBe(
      'remaining,totalTopUp,creditKeyCount,hasCreditKey\r\n25.00,25.00,1,true\r\n',
    );
    expect((await me.ci('billing credits -o yaml')).stdout).toBe(
      'totalTopUp: 25\nremaining: 25\nhasCreditKey: true\ncreditKeyCount: 1\n',
    );
    expect((await me.ci('billing credits --fields remaining')).stdout).toBe('remaining\t25.00\n');
    expect(api.requests.at(-1)).toBe('GET /api/billing/credits');
  });

  test('shows dollars on a terminal', async () => {
    const { me } = await signedInUser();
    const { code, rows } = await shown(me, 'billing credits');
    expect(code).toBe(0);
    expect(rows[0]).toMatch(/^Remaining +\$25\.00$/);
    expect(rows[1]).toMatch(/^Topped up +\$25\.00$/);
    expect(rows[2]).toMatch(/^Credit keys +0$/);
  });

  test('accepts amounts as strings, and keeps unknown fields', async () => {
    const api = await server(data({ totalTopUp: '1,234.50', remaining: '0.10', currency: 'USD' }));
    const me = userOf(api);
    expect(json(await me.ci('billing credits --json'))).toEqual({
      totalTopUp: 1234.5,
      remaining: 0.1,
      currency: 'USD',
    });
    expect((await shown(me, 'billing credits')).screen).toContain('$1,234.50');
  });

  test.each([
    ['an extra argument', 'billing credits all'],
    ['an unknown option', 'billing credits --all'],
  ])('refuses %s before anything is sent', async (_what, line) => {
    const { api, me } = await signedInUser();
    const { code, stdout, stderr } = await me.ci(line);
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
  });

  test('exits with 4 if you are not signed in', async () => {
    const api = await server(data({}));
    const { code, stdout, stderr } = await user().ci(`billing credits --api-url ${api.url}`);
    expect([code, stdout, api.requests]).toEqual([4, '', []]);
    expect(stderr).toMatch(oneLine);
  });
});

describe('`ci billing topup` by card', () => {
  test('prints the payment page, with one request', async () => {
    const { api, me } = await signedInUser();
    const { code, stdout, stderr } = await me.ci('billing topup 25');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^sessionUrl\thttp:\/\/127\.0\.0\.1:\d+\/sandbox\/pay\/\S+\nsessionId\tcs_sandbox_\S+\n$/);
    expect(api.requests).toEqual(['POST /api/billing/topup']);
    expect(sent(api)).toEqual({ amount: 25, method: 'stripe' });
  });

  test.each([
    ['10', 10],
    ['10.00', 10],
    ['25.5', 25.5],
    ['1234.56', 1234.56],
  ])('requests the amount %s', async (typed, amount) => {
    const { api, me } = await signedInUser();
    expect((await me.ci(`billing topup ${typed} --json`)).code).toBe(0);
    expect(sent(api)).toEqual({ amount, method: 'stripe' });
  });

  test('prints JSON, CSV and YAML', async () => {
    const { me } = await signedInUser();
    const asJson = json(await me.ci('billing topup 25 --json'));
    expect(asJson).toEqual({
      sessionUrl: expect.stringMatching(/\/sandbox\/pay\//),
      sessionId: expect.stringMatching(/^cs_sandbox_/),
    });
    expect((await me.ci('billing topup 25 -o csv')).stdout).toMatch(
      /^sessionUrl,sessionId\r\nhttp:\S+,cs_sandbox_\S+\r\n$/,
    );
    expect((await me.ci('billing topup 25 -o yaml')).stdout).toMatch(
      /^sessionUrl: http\S+\nsessionId: cs_sandbox_\S+\n$/,
    );
  });

  test('shows the amount and the payment page on a terminal, and opens the page', async () => {
    const { me } = await signedInUser();
    const { opened } = browser(me);
    const { code, rows } = await shown(me, 'billing topup 1234.5');
    // The address has a line of its own: it is to be copied.
    expect(rows[0]).toBe('Pay $1,234.50 here:');
    const [, page = ''] = rows;
    expect([code, await opened(1)]).toEqual([0, [page]]);
    expect(page).toMatch(/\/sandbox\/pay\//);
  });

  test('opens only web pages', async () => {
    const api = await server(data({ sessionUrl: 'file:///etc/hosts', sessionId: 'x' }));
    const me = userOf(api);
    const { opened } = browser(me);
    expect((await shown(me, 'billing topup 25')).code).toBe(0);
    await shown(me, 'open docs');
    expect(await opened(1)).toEqual(['https://docs.cheapestinference.com/']);
  });

  test('waits for the payment with --wait, and prints the new credit', async () => {
    const { api, me, credit } = await signedInUser();
    const waiting = me.start('billing topup 25 --wait --json');
    await api.got('POST');
    const [, page = ''] = await waiting.stderr(/here: (http:\S+)/);
    expect(await credit()).toBe(25);
    await fetch(page, { method: 'POST' });
    const { code, stdout, stderr } = await waiting.ended;
    expect([code, await credit()]).toEqual([0, 50]);
    expect(json({ stdout })).toMatchObject({ sessionUrl: page, credited: 25, balance: 50 });
    expect(stderr).toContain('Pay $25.00');
    expect(api.changes).toEqual(['POST /api/billing/topup']);
  });

  test('opens the page with --wait on a terminal, and says how much was added', async () => {
    const { api, me } = await signedInUser();
    const { opened } = browser(me);
    const session = onTerminal(me, 'billing topup 25 --wait', { columns: 160 });
    const [page = ''] = await opened(1);
    expect(page).toMatch(new RegExp(`^${api.box.url}/sandbox/pay/`));
    await session.shows('Waiting for the payment');
    await fetch(page, { method: 'POST' });
    expect(await session.exit).toBe(0);
    expect(session.screen).toContain('✓ $25.00 of credit added.');
  });

  test('waits for the page of the embedded sandbox', async () => {
    const me = sandboxUser();
    const waiting = me.start('billing topup 40 --wait');
    const [, page = ''] = await waiting.stderr(/here: (http:\S+)/);
    expect((await fetch(page, { method: 'POST' })).status).toBe(200);
    const { code, stdout } = await waiting.ended;
    expect([code, stdout]).toEqual([0, expect.stringMatching(/\ncredited\t40(?:\.00)?\nbalance\t65(?:\.00)?\n$/)]);
  });

  test('says that the page of the built-in sandbox closes with the command, and how to open it later', async () => {
    const { code, stdout, stderr } = await sandboxUser().ci('billing topup 25');
    expect(code).toBe(0);
    const page = new URL(/\S+\/sandbox\/pay\/\S+/.exec(stdout)?.[0] ?? '');
    expect(stderr.replace(/\s+/g, ' ')).toContain(
      `This page is available only while this command runs. To open it later, run \`ci sandbox serve\`, then open: http://127.0.0.1:8787${page.pathname}`,
    );
  });

  test('notices a payment in a served sandbox', async () => {
    const me = sandboxUser();
    const { url } = await served(me);
    const client = user({ CHEAPESTINFERENCE_API_URL: url, CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_sandbox' });
    const waiting = client.start('billing topup 25 --wait --jq .balance');
    const [, page = ''] = await waiting.stderr(/here: (http:\S+)/);
    expect(page.startsWith(`${url}/`)).toBe(true);
    await fetch(page, { method: 'POST' });
    expect(await waiting.ended).toMatchObject({ code: 0, stdout: '50\n' });
  });

  test('exits with 130 if --wait is interrupted, and does not claim that nothing was changed', async () => {
    const { api, me } = await signedInUser();
    const waiting = me.start('billing topup 25 --wait --json');
    await waiting.stderr(/Waiting/);
    waiting.kill('SIGINT');
    const { code, stdout, stderr } = await waiting.ended;
    expect([code, stdout, api.changes.length]).toEqual([130, '', 1]);
    const error = at(JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? ''), 'error');
    expect(at(error, 'outcome')).not.toBe('not_applied');
  });

  test('exits with 9 if the response is lost, and does not send the request again', async () => {
    const api = await recordedSandbox({ instead: ({ method }) => (method === 'POST' ? reset : undefined) });
    const { code, stdout, stderr } = await userOf(api).ci('billing topup 25 --json');
    expect([code, stdout, api.requests]).toEqual([9, '', ['POST /api/billing/topup']]);
    expect(at(JSON.parse(stderr), 'error')).toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/^The response was lost \(no response from .+\)\. The change didn't go through$/),
      retryable: true,
      outcome: 'not_applied',
    });
  });
});

describe('`ci billing topup` with USDC', () => {
  test('prints the address, the chain and the exact amount in a pipe', async () => {
    const { api, me } = await signedInUser();
    const { code, stdout, stderr } = await me.ci('billing topup 25.5 --method usdc');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(new RegExp(`^address\t${address}\nchain\tbase\namount\t25\\.50?\n$`));
    expect(sent(api)).toEqual({ amount: 25.5, method: 'usdc' });
  });

  test('prints JSON, CSV and YAML', async () => {
    const { me } = await signedInUser();
    expect((await me.ci('billing topup 25 --method usdc --json')).stdout).toBe(
      `{"address":"${address}","chain":"base","amount":25}\n`,
    );
    expect((await me.ci('billing topup 25 --method usdc -o csv')).stdout).toMatch(
      new RegExp(`^address,chain,amount\r\n${address},base,25(?:\\.00)?\r\n$`),
    );
    const { stdout } = await me.ci('billing topup 25 --method usdc -o yaml');
    expect(stdout).toMatch(new RegExp(`^address: "?${address}"?\nchain: base\namount: 25\n$`));
  });

  test('shows the amount, the address, a QR code and the next command on a terminal', async () => {
    const { me } = await signedInUser();
    const { code, rows } = await shown(me, 'billing topup 25.5 --method usdc');
    expect(code).toBe(0);
    expect(rows.slice(0, 3)).toEqual(['Send  exactly 25.50 USDC', `To    ${address}`, 'On    Base']);
    expect(rows.slice(3, 28).every((row) => /^[█▀▄ ]{49}$/.test(row))).toBe(true);
    expect(rows.slice(28)).toEqual(['After sending it, run `ci billing verify TXHASH --amount 25.50 --wait`.', '']);
  });

  test.each(['billing topup 25.5 --method usdc', 'billing topup 25.5 --method usdc --wait'])(
    'draws the QR code of `ci %s` in black on white, with a quiet zone of four modules',
    async (line) => {
      const { me } = await signedInUser();
      const session = onTerminal(me, line);
      await session.shows(/Waiting for the payment|After sending/);
      const drawn = session.cells.filter(
        (row) => row.length === 49 && row.every((cell) => cell?.graphics.length === 2),
      );
      expect(drawn).toHaveLength(25);
      expect(new Set(drawn.flat().map((cell) => cell?.graphics.join(';')))).toEqual(new Set(['30;107']));
      const modules = drawn.flatMap((row) =>
        ['█▀', '█▄'].map((dark) => row.map((cell) => dark.includes(cell?.character ?? ' '))),
      );
      const { data } = encode(paymentRequest(address, 25.5), { border: 4 });
      expect(modules.slice(0, 49)).toEqual(data);
      expect(data.slice(0, 4).flat()).not.toContain(true);
      expect(data.slice(4).flatMap((row) => [...row.slice(0, 4), ...row.slice(-4)])).not.toContain(true);
    },
  );

  test.each([
    ['too few rows', { rows: 30 }, 'The QR code needs a terminal of 49 columns and 31 rows. This one has 80 and 30.'],
    [
      'too few columns',
      { columns: 48 },
      'The QR code needs a terminal of 49 columns and\n31 rows. This one has 48 and 50.',
    ],
    ['colors turned off', { env: { NO_COLOR: '1' } }, "Can't show the QR code, because colors are turned off."],
  ])('leaves out the QR code on a terminal with %s, and says so', async (_what, options, note) => {
    const { me } = await signedInUser();
    const { code, screen } = await shown(me, 'billing topup 25.5 --method usdc', options);
    expect([code, /[█▀▄]/.test(screen)]).toEqual([0, false]);
    expect(screen).toContain(note);
    expect(screen).toContain(`To    ${address}`);
  });

  test('shows the QR code on a terminal with just enough rows', async () => {
    const { me } = await signedInUser();
    const { screen } = await shown(me, 'billing topup 25.5 --method usdc', { rows: 31 });
    expect(screen).toMatch(/[█▀▄]/);
    expect(screen).not.toContain('needs');
  });

  test('draws no QR code for an unknown chain, or with --json on a terminal', async () => {
    const api = await server(data({ address, chain: 'solana', amount: '25' }));
    const me = userOf(api);
    const { code, screen } = await shown(me, 'billing topup 25 --method usdc');
    expect([code, screen.includes('solana'), /[█▀▄]/.test(screen)]).toEqual([0, true, false]);
    const { me: other } = await signedInUser();
    const asJson = await shown(other, 'billing topup 25 --method usdc --json');
    expect(JSON.parse(asJson.rows.join('\n'))).toEqual({ address, chain: 'base', amount: 25 });
  });

  test('names a command that adds the credit', async () => {
    const { me, credit } = await signedInUser();
    const { screen } = await shown(me, 'billing topup 25 --method usdc');
    const [, line = ''] = /`ci (billing verify TXHASH [^`]+)`/.exec(screen) ?? [];
    const { code } = await me.ci(line.replace('TXHASH', hash));
    expect([code, await credit()]).toEqual([0, 50]);
  });
});

describe('`ci billing topup` with invalid arguments', () => {
  test.each([
    ['less than 10', ['9.99']],
    ['zero', ['0']],
    ['a negative amount', ['-25']],
    ['a word', ['much']],
    ['an empty amount', ['']],
    ['a fraction of a cent', ['25.005']],
    ['NaN', ['NaN']],
    ['an infinite amount', ['Infinity']],
    ['an amount that is too large', ['99999999999999999999']],
    ['no amount', []],
    ['two amounts', ['25', '50']],
    ['an unknown method', ['25', '--method', 'paypal']],
    ['an empty method', ['25', '--method', '']],
  ])('refuses %s before anything is sent', async (_what, args) => {
    const { api, me } = await signedInUser();
    const { code, stdout, stderr } = await me.ci(['billing', 'topup', ...args]);
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
  });

  test('reports an invalid amount as JSON with --json', async () => {
    const { me } = await signedInUser();
    const { code, stdout, stderr } = await me.ci('billing topup 9 --json');
    expect([code, stdout]).toEqual([2, '']);
    expect(at(JSON.parse(stderr), 'error')).toMatchObject({ code: 'usage', status: null, outcome: 'not_applied' });
    expect(textAt(JSON.parse(stderr), 'error', 'hint')).toContain('$10.00');
  });
});

describe('`ci billing verify`', () => {
  /** Returns a user who has to send 25 USDC. */
  async function payer() {
    const one = await signedInUser();
    await one.api.box.data('POST', '/api/billing/topup', { amount: 25, method: 'usdc' });
    return one;
  }

  test('exits with 6 if the transaction is not final, and says how to retry', async () => {
    const { api, me, credit } = await payer();
    const { code, stdout, stderr } = await me.ci(`billing verify ${hash} --amount 25`);
    expect([code, stdout, await credit()]).toEqual([6, '', 25]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toMatch(/not final yet/);
    expect(stderr).toContain('--wait');
    // Before reporting it, the command checks that nothing was credited.
    expect(api.requests).toEqual([
      'GET /api/billing/credits',
      'POST /api/billing/verify-topup',
      'GET /api/billing/credits',
    ]);
    expect(sent(api)).toEqual({ txHash: hash, amount: 25 });
  });

  test('reports a pending transaction as JSON with --json', async () => {
    const { me } = await payer();
    const { code, stdout, stderr } = await me.ci(`billing verify ${hash} --amount 25 --json`);
    expect([code, stdout]).toEqual([6, '']);
    expect(at(JSON.parse(stderr), 'error')).toMatchObject({
      code: 'not_final',
      status: 400,
      retryable: true,
      outcome: 'not_applied',
    });
  });

  test('adds the credit once the transaction is final, and refuses to add it again', async () => {
    const { me, credit } = await payer();
    await me.ci(`billing verify ${hash} --amount 25`);
    const { code, stdout, stderr } = await me.ci(`billing verify ${hash} --amount 25.00`);
    expect([code, stderr, await credit()]).toEqual([0, '', 50]);
    expect(stdout).toMatch(/^credited\t25(?:\.00)?\nbalance\t50(?:\.00)?\n$/);
    const third = await me.ci(`billing verify ${hash} --amount 25 --json`);
    expect([third.code, await credit()]).toEqual([6, 50]);
    expect(at(JSON.parse(third.stderr), 'error')).toMatchObject({ code: 'unavailable', retryable: false });
  });

  test.each([
    ['--json', /^\{"credited":25,"balance":50\}\n$/],
    ['-o csv', /^credited,balance\r\n25(?:\.00)?,50(?:\.00)?\r\n$/],
    ['-o yaml', /^credited: 25\nbalance: 50\n$/],
    ['--jq .balance', /^50\n$/],
  ])('prints %s', async (format, expected) => {
    const { me } = await payer();
    await me.ci(`billing verify ${hash} --amount 25`);
    expect((await me.ci(`billing verify ${hash} --amount 25 ${format}`)).stdout).toMatch(expected);
  });

  test('says on a terminal how much was added', async () => {
    const { me } = await payer();
    await me.ci(`billing verify ${hash} --amount 25`);
    const { code, screen } = await shown(me, `billing verify ${hash} --amount 25`);
    expect([code, screen]).toEqual([0, expect.stringContaining('✓ $25.00 of credit added.')]);
    expect(screen).toMatch(/Balance +\$50\.00/);
  });

  test('retries with --wait until the transaction is final', async () => {
    const { api, me, credit } = await payer();
    const { code, stdout, stderr } = await me.ci(`billing verify ${hash} --amount 25 --wait --json`);
    expect([code, json({ stdout }), await credit()]).toEqual([0, { credited: 25, balance: 50 }, 50]);
    expect(stderr).toMatch(/not final yet/);
    expect(api.changes).toEqual(['POST /api/billing/verify-topup', 'POST /api/billing/verify-topup']);
  });

  test('exits with 1 if the amount differs from the payment, even with --wait', async () => {
    const { api, me, credit } = await payer();
    for (const wait of ['', '--wait']) {
      const { code, stdout, stderr } = await me.ci(`billing verify ${hash} --amount 26 ${wait}`);
      expect([code, stdout, await credit()]).toEqual([1, '', 25]);
      expect(stderr).toMatch(oneLine);
      expect(stderr).toContain('does not match');
    }
    expect(api.changes).toHaveLength(2);
  });

  test('does not repeat a request if the response is lost, and reports the outcome', async () => {
    const look = 'GET /api/billing/credits';
    const lost = async (instead: Instead, settles = '1s', patience = '5s') => {
      const api = await recordedSandbox({ instead });
      const me = userOf(api);
      settlesIn(me, settles);
      await api.box.data('POST', '/api/billing/topup', { amount: 25, method: 'usdc' });
      // The first time a transaction is asked about it is not final.
      await api.box.call('POST', '/api/billing/verify-topup', { body: { txHash: hash, amount: 25 } });
      const ended = await me.ci(`billing verify ${hash} --amount 25 --wait --json --settle ${patience}`);
      expect(api.changes).toEqual(['POST /api/billing/verify-topup']);
      return { ...ended, requests: api.requests, credit: at(await api.box.seen(), 'creditBalance') };
    };
    const [not, inDoubt, done, unknown] = await Promise.all([
      lost(({ method }) => (method === 'POST' ? reset : undefined)),
      lost(({ method }) => (method === 'POST' ? reset : undefined), '1h', '100ms'),
      lost(({ method }, box) => (method === 'POST' ? appliedThen(box, reset) : undefined)),
      lost(downFromChangeOn(reset)),
    ]);
    expect([not.code, not.stdout, not.credit]).toEqual([9, '', 25]);
    const [before, post, ...after] = not.requests;
    expect([before, post, [...new Set(after)]]).toEqual([look, 'POST /api/billing/verify-topup', [look]]);
    // Until the payment can no longer be credited, the outcome is uncertain.
    expect(after.length).toBeGreaterThan(1);
    expect(errorOf(not)).toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/. The change didn't go through$/),
      outcome: 'not_applied',
    });
    expect([inDoubt.code, inDoubt.stdout, inDoubt.credit]).toEqual([10, '', 25]);
    expect(errorOf(inDoubt)).toMatchObject({ code: 'outcome_unknown', outcome: 'unknown', retryable: false });
    expect([done.code, done.stdout, done.credit]).toEqual([0, '{"credited":25,"balance":50}\n', 50]);
    expect(done.stderr).toMatch(/^The response was lost \(.+\), but the change went through\.\n$/);
    expect([unknown.code, unknown.stdout]).toEqual([10, '']);
    expect(errorOf(unknown)).toMatchObject({
      code: 'outcome_unknown',
      outcome: 'unknown',
      hint: expect.stringMatching(/^Run `ci history reconcile --wait` .*`ci billing credits`\.$/),
    });
  });

  test.each([
    ['without --amount', [hash]],
    ['without a hash', ['--amount', '25']],
    ['an empty hash', ['', '--amount', '25']],
    ['a hash without 0x', [hash.slice(2), '--amount', '25']],
    ['a hash that is too short', [hash.slice(0, -1), '--amount', '25']],
    ['a hash that is too long', [`${hash}0`, '--amount', '25']],
    ['a hash with a letter that is not a hex digit', [hash.replace('f', 'g'), '--amount', '25']],
    ['an amount of zero', [hash, '--amount', '0']],
    ['an amount that is not a number', [hash, '--amount', 'all']],
    ['a fraction of a cent', [hash, '--amount', '25.005']],
    ['an empty amount', [hash, '--amount', '']],
  ])('refuses %s before anything is sent', async (_what, args) => {
    const { api, me } = await signedInUser();
    const { code, stdout, stderr } = await me.ci(['billing', 'verify', ...args]);
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
  });

  test('accepts a hash in upper case', async () => {
    const { me } = await payer();
    expect((await me.ci(`billing verify 0x${hash.slice(2).toUpperCase()} --amount 25`)).code).toBe(6);
  });
});

describe('`ci billing card`', () => {
  test('prints the page that saves a card', async () => {
    const { api, me } = await signedInUser();
    const { code, stdout, stderr } = await me.ci('billing card');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^url\thttp:\/\/127\.0\.0\.1:\d+\/sandbox\/card\/\S+\n$/);
    expect(api.requests).toEqual(['POST /api/billing/setup-intent']);
    expect(json(await me.ci('billing card --json'))).toEqual({ url: expect.stringMatching(/\/sandbox\/card\//) });
    expect((await me.ci('billing card -o csv')).stdout).toMatch(/^url\r\nhttp:\S+\r\n$/);
    expect((await me.ci('billing card -o yaml')).stdout).toMatch(/^url: http:\S+\n$/);
  });

  test('opens the page on a terminal, which saves the card', async () => {
    const api = await recordedSandbox({ card: false });
    const me = userOf(api);
    const { opened } = browser(me);
    expect((await me.ci('pools subscribe kimi26 --blocks europe --yes')).code).toBe(8);
    const { code, screen } = await shown(me, 'billing card', { columns: 160 });
    const [page = ''] = await opened(1);
    expect([code, screen]).toEqual([0, expect.stringContaining(page)]);
    await fetch(page, { method: 'POST', body: new URLSearchParams({ card: 'good' }) });
    expect((await me.ci('pools subscribe kimi26 --blocks europe --yes')).code).toBe(0);
  });

  test.each([['url'], ['sessionUrl']])('reads the page from the field %s', async (field) => {
    const api = await server(data({ [field]: 'https://pay.example/card' }));
    const { code, stdout } = await userOf(api).ci('billing card --json');
    expect([code, json({ stdout })]).toEqual([0, { [field]: 'https://pay.example/card' }]);
  });

  test('points to the dashboard without a page, and shows no secret', async () => {
    const api = await server(data({ clientSecret: 'seti_1_secret_abc' }));
    for (const format of ['', '--json', '-o csv', '-o yaml', '--debug', '--fields clientSecret']) {
      const { stdout, stderr } = await userOf(api).ci(`billing card ${format}`);
      expect(stdout + stderr).not.toContain('seti_1_secret_abc');
    }
    const { code, stderr } = await userOf(api).ci('billing card');
    expect([code, stderr]).toEqual([0, expect.stringContaining('https://cheapestinference.com/dashboard')]);
  });

  test("exits with 1 and the API's message, without a retry", async () => {
    const api = await server(answer(500, { success: false, error: 'Stripe is down' }));
    const { code, stdout, stderr } = await userOf(api).ci('billing card');
    expect([code, stdout, api.requests]).toEqual([1, '', ['POST /api/billing/setup-intent']]);
    expect(stderr).toBe("ci: The response was lost (Stripe is down). The change didn't go through.\n");
  });

  test('exits with 2 for an extra argument', async () => {
    const { api, me } = await signedInUser();
    const { code, stdout, stderr } = await me.ci('billing card visa');
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
  });
});

describe('a command for retired flat plans', () => {
  const plans = [
    { slug: 'pro', name: 'Pro', priceUsdc: '20.00', rateLimits: { tpm_limit: 100_000, rpm_limit: 60 } },
    { slug: 'max', name: 'Max', priceUsdc: 100, rateLimits: null },
  ];
  const subscribed = { subscriptionId: 'sub_1', planSlug: 'pro', status: 'active', currentPeriodEnd: null };

  /** An API that still sells them. */
  async function seller(made: unknown = subscribed) {
    const api = await server((request, response) =>
      (request.path === '/api/plans' ? answer(200, plans) : data(made))(request, response),
    );
    return { api, me: userOf(api) };
  }

  test('notes that they are retired, and needs no key (plans list)', async () => {
    const { api } = await seller();
    const { code, stdout, stderr } = await user().ci(`plans list --api-url ${api.url}`);
    expect([code, api.received[0]?.headers.authorization]).toEqual([0, undefined]);
    expect(stdout).toMatch(/^pro\tPro\t20(?:\.00)?\t60\t100000\nmax\tMax\t100(?:\.00)?\t\t\n$/);
    expect(stderr).toMatch(/retired/);
    expect(stderr).toContain('ci pools list');
  });

  test('prints JSON, CSV and YAML, and a table on a terminal (plans list)', async () => {
    const { me } = await seller();
    expect(json(await me.ci('plans list --json'))).toEqual([{ ...plans[0], priceUsdc: 20 }, plans[1]]);
    expect((await me.ci('plans list -o csv --fields slug,name')).stdout).toBe('slug,name\r\npro,Pro\r\nmax,Max\r\n');
    expect((await me.ci('plans ls -o yaml --fields slug')).stdout).toBe('- slug: pro\n- slug: max\n');
    const { code, screen } = await shown(me, 'plans list');
    expect([code, screen]).toEqual([0, expect.stringMatching(/retired[\s\S]*PLAN +NAME[\s\S]*pro +Pro/)]);
  });

  test("prints an empty list for today's API (plans list)", async () => {
    const { me } = await signedInUser();
    expect(await me.ci('plans list')).toMatchObject({ code: 0, stdout: '', stderr: expect.stringMatching(/retired/) });
    expect((await me.ci('plans list --json')).stdout).toBe('[]\n');
    expect((await shown(me, 'plans list')).screen).toContain('There are no flat plans.');
  });

  test.each([
    ['billing subscribe pro --yes', 6],
    ['billing checkout pro', 6],
    ['billing cancel no-such-subscription --yes', 5],
  ])("notes that it is retired, and prints the API's error (%s)", async (line, exitCode) => {
    const { me } = await signedInUser();
    const { code, stdout, stderr } = await me.ci(line);
    expect([code, stdout]).toEqual([exitCode, '']);
    expect(stderr).toMatch(/retired/);
    expect(stderr).toMatch(/ci pools (?:subscribe|cancel)/);
  });

  test.each([['billing subscribe pro'], ['billing cancel sub_1']])(
    'exits with 2 without --yes and a terminal (%s)',
    async (line) => {
      const { api, me } = await seller();
      const { code, stdout, stderr } = await me.ci(line);
      expect([code, stdout, api.requests]).toEqual([2, '', []]);
      expect(stderr).toContain('--yes');
    },
  );

  test.each([
    ['an empty plan', ['billing', 'subscribe', '', '--yes']],
    ['no plan', ['billing', 'subscribe', '--yes']],
    ['an empty plan to check out', ['billing', 'checkout', '']],
    ['an empty subscription', ['billing', 'cancel', '', '--yes']],
    ['no subscription', ['billing', 'cancel', '--yes']],
    ['an empty key name', ['billing', 'subscribe', 'pro', '--create-key', '', '--yes']],
    ['a filter for plans', ['plans', 'list', 'pro']],
  ])('exits with 2 and one line for %s, and sends nothing', async (_what, args) => {
    const { api, me } = await seller();
    const { code, stdout, stderr } = await me.ci(args);
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
  });

  test('shows the plan, its price and the account, and asks with No as the default (billing subscribe)', async () => {
    const { api, me } = await seller();
    const session = onTerminal(me, 'billing subscribe pro');
    await session.shows('Charge your saved card now?');
    for (const fact of ['pro', '20', 'mk_…cdef', new URL(api.url).host]) expect(session.screen).toContain(fact);
    session.type(enter);
    expect([await session.exit, api.changes]).toEqual([1, []]);
  });

  test('sends the documented body after y (billing subscribe)', async () => {
    const { api, me } = await seller();
    const session = onTerminal(me, 'billing subscribe pro --create-key app');
    await session.shows('Charge your saved card now?');
    session.type(`y${enter}`);
    expect(await session.exit).toBe(0);
    expect(api.changes).toEqual(['POST /api/billing/subscribe']);
    expect(sent(api)).toEqual({ planSlug: 'pro', createKey: true, keyName: 'app' });
  });

  test('prints the subscription (billing subscribe)', async () => {
    const { me } = await seller();
    const { code, stdout } = await me.ci('billing subscribe pro --yes');
    expect([code, stdout.split('\n').slice(0, 3)]).toEqual([
      0,
      ['subscriptionId\tsub_1', 'planSlug\tpro', 'status\tactive'],
    ]);
    expect(json(await me.ci('billing subscribe pro --yes --json'))).toEqual(subscribed);
    expect((await me.ci('billing subscribe pro --yes -o csv')).stdout).toMatch(
      /^subscriptionId,planSlug,status,currentPeriodEnd,key,keyError\r\nsub_1,pro,active,,,\r\n$/,
    );
  });

  test("fails if the key wasn't created, and reports the purchase (billing subscribe)", async () => {
    const { me } = await seller({ ...subscribed, key: null, keyError: 'out of keys' });
    const { code, stdout, stderr } = await me.ci('billing subscribe pro --create-key app --yes --json');
    expect([code, stdout]).toEqual([1, '']);
    const error = at(JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? ''), 'error');
    expect(error).toMatchObject({ outcome: 'applied', hint: expect.stringContaining('sub_1') });
    expect(textAt(error, 'message')).toContain('out of keys');
  });

  test('prints the page and opens it on a terminal (billing checkout)', async () => {
    const { api, me } = await seller({ sessionUrl: 'https://pay.example/plan', sessionId: 'cs_1' });
    const { code, stdout } = await me.ci('billing checkout pro');
    expect([code, stdout]).toEqual([0, 'sessionUrl\thttps://pay.example/plan\nsessionId\tcs_1\n']);
    expect(sent(api)).toEqual({ planSlug: 'pro' });
    const { opened } = browser(me);
    const { screen } = await shown(me, 'billing checkout pro');
    expect([screen.includes('https://pay.example/plan'), await opened(1)]).toEqual([
      true,
      ['https://pay.example/plan'],
    ]);
  });

  test('shows the subscription and the account, and asks with No as the default (billing cancel)', async () => {
    const { api, me } = await seller({ canceled: true });
    const session = onTerminal(me, 'billing cancel sub_1');
    await session.shows('Cancel this subscription?');
    for (const fact of ['sub_1', 'Refund        none', 'mk_…cdef']) expect(session.screen).toContain(fact);
    session.type(enter);
    expect([await session.exit, api.changes]).toEqual([1, []]);
  });

  test('cancels the subscription with --yes, and prints the result (billing cancel)', async () => {
    const { api, me } = await seller({ canceled: true });
    const { code, stdout } = await me.ci('billing cancel sub_1 --yes');
    expect([code, stdout]).toEqual([0, 'subscriptionId\tsub_1\ncanceled\ttrue\n']);
    expect([api.changes, sent(api)]).toEqual([['POST /api/billing/cancel'], { subscriptionId: 'sub_1' }]);
    expect(json(await me.ci('billing cancel sub_1 --yes --json'))).toEqual({ subscriptionId: 'sub_1', canceled: true });
  });
});
