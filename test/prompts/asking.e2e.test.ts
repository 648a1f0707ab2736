import { describe, expect, test } from 'vitest';
import { user, userOf } from '../support/cli.ts';
import { customer } from '../support/customer.ts';
import { listAt } from '../support/sandbox.ts';
import { answer, data, recordedSandbox } from '../support/servers.ts';
import { ctrlC, down, enter, onTerminal, shown } from '../support/terminal.ts';

const subscribe = 'pools subscribe kimi26 --blocks europe';
const question = 'Charge $49.00 now?';

/** A pool without available seats. */
const fullPool = {
  id: '6b1d3c8e-4f0a-4c57-9d26-0a1f5e7c26ff',
  slug: 'full',
  status: 'active',
  blocks: ['asia', 'europe', 'americas'].map((block) => ({ block, pricePerMonth: '39.00', status: 'sold-out' })),
};

describe('before a charge', () => {
  test('shows the pool, its hours in UTC and local time, the amount and the account', async () => {
    const { api, me } = await customer({ env: { TZ: 'Asia/Kolkata' } });
    const session = onTerminal(me, subscribe);
    await session.shows(question);
    const { screen } = session;
    for (const fact of ['kimi26', 'Kimi K2.6', 'europe', '08:00–16:00', 'UTC', '13:30–21:30', '$49.00', 'month']) {
      expect(screen).toContain(fact);
    }
    expect(screen).toContain('mk_…cdef');
    expect(screen).toContain(new URL(api.url).host);
    expect(session.written).not.toContain('mk_of_the_tests');
    session.type(enter);
    await session.exit;
  });

  test('has No as the default, and exits with 1', async () => {
    const { api, me } = await customer();
    const session = onTerminal(me, subscribe);
    await session.shows(question);
    session.type(enter);
    expect(await session.exit).toBe(1);
    expect([api.changes, listAt(await api.box.seen(), 'charges')]).toEqual([[], []]);
  });

  test('accepts n as No', async () => {
    const { api, me } = await customer();
    const session = onTerminal(me, subscribe);
    await session.shows(question);
    session.type(`n${enter}`);
    expect(await session.exit).toBe(1);
    expect(api.changes).toEqual([]);
  });

  test('charges once after y', async () => {
    const { api, me } = await customer();
    const session = onTerminal(me, subscribe);
    await session.shows(question);
    expect(api.changes).toEqual([]);
    session.type(`y${enter}`);
    expect(await session.exit).toBe(0);
    expect(api.changes).toEqual(['POST /api/pools/kimi26/subscribe']);
    expect(listAt(await api.box.seen(), 'charges')).toMatchObject([{ amount: '49.00' }]);
  });

  test('exits with 130 after Ctrl-C, and charges nothing', async () => {
    const { api, me } = await customer();
    const session = onTerminal(me, subscribe);
    await session.shows(question);
    session.type(ctrlC);
    expect(await session.exit).toBe(130);
    expect(api.changes).toEqual([]);
    expect(session.screen).not.toMatch(/\n\s+at /);
  });

  test('charges without a prompt with --yes, and shows the facts', async () => {
    const { api, me } = await customer();
    const { code, screen } = await shown(me, `${subscribe} --yes`);
    expect([code, api.changes.length]).toEqual([0, 1]);
    expect(screen).toContain('$49.00');
    expect(screen).not.toContain('now?');
  });

  test('shows existing seats', async () => {
    const { api, me } = await customer();
    await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'], quantity: 2 });
    const session = onTerminal(me, 'pools subscribe kimi26 --blocks asia,europe');
    await session.shows('Charge $88.00 now?');
    expect(session.screen).toMatch(/^You have +2 seats in europe already$/m);
    session.type(enter);
    expect([await session.exit, api.changes]).toEqual([1, []]);
  });

  test('includes the seats, the year and its discount in the amount', async () => {
    const { me } = await customer();
    const session = onTerminal(me, `${subscribe} --quantity 3 --billing-cycle year`);
    await session.shows('Charge $1,499.40 now?');
    expect(session.screen).toContain('year');
    session.type(enter);
    expect(await session.exit).toBe(1);
  });
});

describe('prompts for missing arguments', () => {
  test('offers pools and blocks in lists', async () => {
    const { api, me } = await customer();
    const session = onTerminal(me, 'pools subscribe');
    await session.shows('Pool:');
    await session.shows('paused');
    expect(session.screen).toMatch(/^\W{0,2}deepseek-v4 +DeepSeek V4 +from \$59\.00 +not open yet \(funding\)$/m);
    expect(session.screen).toMatch(/^\W{0,2}qwen35 +Qwen 3\.5 +from \$29\.00 +paused$/m);
    session.type(down);
    await session.shows(/❯ minimax-m3/);
    session.type(enter);
    await session.shows('Blocks:');
    await session.shows(/❯\s*◯ asia/);
    session.type(down);
    await session.shows(/❯\s*◯ europe/);
    session.type(' ');
    await session.shows(/◉ europe/);
    session.type(enter);
    await session.shows(question);
    session.type(`y${enter}`);
    expect(await session.exit).toBe(0);
    expect(listAt(await api.box.seen(), 'subscriptions')).toMatchObject([
      { poolSlug: 'minimax-m3', blocks: ['europe'] },
    ]);
  });

  test('searches pools by model, status, price and available blocks', async () => {
    const { me } = await customer();
    const session = onTerminal(me, 'pools quote --blocks asia');
    await session.shows(/❯ kimi26 +Kimi K2\.6 +from \$39\.00 +all blocks available\n/);
    expect(session.screen).toMatch(/ minimax-m3 +MiniMax M3 +from \$39\.00 +asia, europe available\n/);
    session.type('qwen');
    await session.shows(/❯ qwen35 +Qwen 3\.5 +from \$29\.00 +paused/);
    expect(session.screen).not.toContain('kimi26');
    session.type(enter);
    expect(await session.exit).toBe(0);
    expect(session.screen).toMatch(/Pool: qwen35\n/);
    expect(session.screen).toMatch(/^Pool +qwen35/m);
  });

  test('offers blocks with hours, prices and seats, without sold-out ones', async () => {
    const { api, me } = await customer({ env: { TZ: 'Asia/Kolkata' } });
    const session = onTerminal(me, 'pools subscribe minimax-m3');
    await session.shows('Blocks:');
    await session.shows(/❯◯ asia +00:00–08:00 UTC +05:30–13:30 local +\$39\.00 +2 seats left/);
    expect(session.screen).toMatch(/ ◯ europe +08:00–16:00 UTC +13:30–21:30 local +\$49\.00 +7 seats left +live now/);
    expect(session.screen).toMatch(/ - americas +16:00–24:00 UTC +21:30–05:30 local +\$45\.00 +sold out/);
    session.type('a');
    await session.shows(/❯◉ asia/);
    session.type(enter);
    await session.shows('Charge $88.00 now?');
    expect(session.screen).toMatch(/Blocks: asia, europe\n/);
    session.type(enter);
    expect(await session.exit).toBe(1);
    expect(api.changes).toEqual([]);
  });

  test("doesn't prompt for blocks of a sold-out pool", async () => {
    const api = await recordedSandbox({
      instead: ({ path }) =>
        path.startsWith('/api/pools') ? data(path === '/api/pools' ? [fullPool] : fullPool) : undefined,
    });
    const { code, screen } = await shown(userOf(api), 'pools subscribe full');
    expect([code, api.changes]).toEqual([6, []]);
    expect(screen).toContain('ci: full is sold out. Nothing was charged.');
  });

  test('offers only active subscriptions to cancel', async () => {
    const { api, me } = await customer();
    for (const pool of ['minimax-m3', 'kimi26']) {
      await api.box.data('POST', `/api/pools/${pool}/subscribe`, { blocks: ['europe'] });
    }
    await api.box.data('DELETE', '/api/pools/minimax-m3/pledge');
    const session = onTerminal(me, 'pools cancel');
    await session.shows(/❯ kimi26 +europe +live now +\$49\.00 +renews in 1 month/);
    expect(session.screen).not.toMatch(/minimax|glm5|qwen/);
    session.type(enter);
    await session.shows('Cancel this subscription?');
    session.type(`y${enter}`);
    expect(await session.exit).toBe(0);
    const none = await shown(me, 'pools cancel');
    expect([none.code, api.changes]).toEqual([5, ['DELETE /api/pools/kimi26/pledge']]);
    expect(none.screen).toMatch(/^ci: All your subscriptions are already canceled\./m);
  });

  test('offers only subscribed pools for their keys', async () => {
    const { api, me } = await customer();
    await api.box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['europe'] });
    const session = onTerminal(me, 'pools keys');
    await session.shows(/❯ minimax-m3 +europe/);
    expect(session.screen).not.toContain('kimi26');
    session.type(enter);
    expect(await session.exit).toBe(0);
    expect(session.screen).toContain('No keys on minimax-m3.');
  });

  test.each(['pools cancel', 'pools keys', 'billing cancel'])(
    'exits with 5 and a hint without a subscription: %s',
    async (line) => {
      const { api, me } = await customer();
      const { code, screen } = await shown(me, line);
      expect([code, api.changes]).toEqual([5, []]);
      expect(screen).toMatch(
        /^ci: You have no subscriptions\. Run `ci pools subscribe` to reserve blocks of a\npool\.$/m,
      );
    },
  );

  test('offers subscriptions to cancel by ID, and confirms', async () => {
    const { api, me } = await customer();
    await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
    const session = onTerminal(me, 'billing cancel');
    await session.shows(/❯ kimi26 +europe +live now/);
    session.type(enter);
    await session.shows('Cancel this subscription? (y/N)');
    session.type(enter);
    expect(await session.exit).toBe(1);
    expect(api.changes).toEqual([]);
  });

  test.each(['subscribe', 'checkout'])('offers plans for billing %s', async (verb) => {
    const plans = answer(200, { success: true, data: [{ slug: 'pro', name: 'Pro', priceUsdc: 20 }] });
    const api = await recordedSandbox({ instead: ({ path }) => (path === '/api/plans' ? plans : undefined) });
    const session = onTerminal(userOf(api), `billing ${verb}`);
    await session.shows(/❯ pro +Pro +\$20\.00 per month/);
    session.type(ctrlC);
    expect(await session.exit).toBe(130);
    expect(api.changes).toEqual([]);
  });

  test('prompts for the amount of a top-up, again if it is too small', async () => {
    const { api, me } = await customer();
    const session = onTerminal(me, 'billing topup');
    await session.shows('Amount in USD (at least 10):');
    session.type(`5${enter}`);
    await session.shows('! $5.00 is too small for a top-up. Use at least $10.00.');
    session.type(`0${enter}`);
    expect(await session.exit).toBe(0);
    expect(session.screen).toContain('Pay $50.00 here:');
    expect(api.changes).toEqual(['POST /api/billing/topup']);
  });

  test('prompts for the transaction and the amount to verify', async () => {
    const { api, me } = await customer();
    const session = onTerminal(me, 'billing verify');
    await session.shows('Transaction hash (0x…):');
    session.type(`0x1${enter}`);
    await session.shows('! "0x1" is not a valid transaction hash.');
    session.type(`${'0'.repeat(63)}${enter}`);
    await session.shows('Exact amount sent, in USD:');
    session.type(ctrlC);
    expect(await session.exit).toBe(130);
    expect(api.changes).toEqual([]);
  });

  test('prompts for a setting and its value', async () => {
    const { me } = await customer();
    const picked = onTerminal(me, 'config set');
    await picked.shows(/❯ output +table +default/);
    picked.type(enter);
    await picked.shows(/❯ table/);
    picked.type(down);
    await picked.shows(/❯ json/);
    picked.type(enter);
    expect(await picked.exit).toBe(0);
    expect((await me.ci('config get output')).stdout).toBe(
      `${JSON.stringify({ key: 'output', value: 'json', origin: 'profile "default"' })}\n`,
    );
    const typed = onTerminal(me, 'config set timeout');
    await typed.shows('timeout (such as 30s, or "default" to remove it):');
    typed.type(`soon${enter}`);
    await typed.shows('! "soon"');
    typed.type(`\x1560s${enter}`);
    expect(await typed.exit).toBe(0);
    const read = onTerminal(me, 'config get -o table');
    await read.shows(/ timeout +60s +profile "default"/);
    read.type(ctrlC);
    expect(await read.exit).toBe(130);
  });

  test('offers keys to revoke, and confirms them once', async () => {
    const { api, me } = await customer();
    const ends: string[] = [];
    // The newest is listed first.
    for (const name of ['three', 'second', 'one']) {
      ends.unshift((await me.ci(`keys create ${name} --credit --secret-only`)).stdout.trim().slice(-4));
    }
    const [one, two] = ends;
    const session = onTerminal(me, 'keys delete');
    await session.shows('Keys to revoke:');
    await session.shows(new RegExp(`❯◯ one +credit +sk_sandbox_…${one} +never used`));
    session.type(' ');
    await session.shows(/❯◉ one /);
    session.type(down);
    await session.shows(/❯◯ second /);
    session.type(' ');
    await session.shows(/❯◉ second /);
    session.type(enter);
    await session.shows('Revoke these 2 keys immediately?');
    expect(session.screen).toMatch(new RegExp(`Key {6}one {5}[0-9a-f-]{36} {2}sk_sandbox_…${one}`));
    expect(session.screen).toMatch(new RegExp(`Key {6}second {2}[0-9a-f-]{36} {2}sk_sandbox_…${two}`));
    session.type(`y${enter}`);
    expect(await session.exit).toBe(0);
    expect(listAt(await api.box.seen(), 'keys')).toMatchObject([{ name: 'three' }]);
  });

  test('offers several subscriptions for a key', async () => {
    const { api, me } = await customer();
    for (const blocks of [['asia'], ['europe']]) await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks });
    const session = onTerminal(me, 'keys create app --pool kimi26');
    await session.shows('Subscription:');
    session.type('asia');
    await session.shows(/❯ kimi26 +asia +live in 15 hours +\$39\.00/);
    session.type(enter);
    expect(await session.exit).toBe(0);
    expect(session.screen).toContain('Subscription: kimi26 asia');
  });

  test('exits with 130 after Ctrl-D', async () => {
    const { api, me } = await customer();
    for (const [line, asked] of [
      ['pools subscribe', 'Pool:'],
      [subscribe, question],
    ] as const) {
      const session = onTerminal(me, line);
      await session.shows(asked);
      session.type('\x04');
      expect(await session.exit).toBe(130);
      expect(session.screen).toMatch(/\nci: Interrupted\.$/);
    }
    expect(api.changes).toEqual([]);
  });

  test('exits with 130 after Ctrl-C in a list', async () => {
    const { api, me } = await customer();
    const session = onTerminal(me, 'pools subscribe');
    await session.shows('Pool:');
    session.type(ctrlC);
    expect(await session.exit).toBe(130);
    expect(api.changes).toEqual([]);
  });

  test('prompts for the name of a credit key', async () => {
    const { api, me } = await customer();
    const session = onTerminal(me, 'keys create --credit');
    await session.shows(/Key name:/);
    session.type(`client-acme${enter}`);
    expect(await session.exit).toBe(0);
    expect(listAt(await api.box.seen(), 'keys')).toMatchObject([{ name: 'client-acme', type: 'credit' }]);
  });
});

describe('on a dumb terminal', () => {
  const dumb = { TERM: 'dumb' };

  test('prompts for a pool, blocks and consent line by line', async () => {
    const { api, me } = await customer();
    const session = onTerminal(me, 'pools subscribe', { env: dumb, pty: true });
    await session.shows('Number or name:');
    expect(session.screen).toMatch(/^Pool:\n {2}1 {2}kimi26 .*\n {2}2 {2}minimax-m3 /m);
    session.type(`minimax${enter}`);
    await session.shows('or all:');
    session.type(`3${enter}`);
    await session.shows(/americas isn't available: (?:it is )?sold out\./);
    session.type(`europe${enter}`);
    await session.shows(`${question} (y/N)`);
    session.type(`y${enter}`);
    expect(await session.exit).toBe(0);
    expect(listAt(await api.box.seen(), 'charges')).toMatchObject([{ amount: '49.00' }]);
    expect(session.written).toMatch(/^[^\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]*$/);
  });

  test('exits with 130 after Ctrl-C and Ctrl-D', async () => {
    const { api, me } = await customer();
    for (const key of [ctrlC, '\x04']) {
      const session = onTerminal(me, subscribe, { env: dumb, pty: true });
      await session.shows(question);
      session.type(key);
      expect(await session.exit).toBe(130);
      expect(session.screen).toMatch(/\nci: Interrupted\.$/);
    }
    expect(api.changes).toEqual([]);
  });

  test('hides a typed key', async () => {
    const api = await recordedSandbox();
    const me = user({ CHEAPESTINFERENCE_API_URL: api.url });
    const session = onTerminal(me, 'auth login', { env: dumb, pty: true });
    await session.shows('Number, or text:');
    session.type('mk_wrong\x7f\x7f\x15mk_anything_1234567\x7f8');
    session.type(enter);
    expect(await session.exit).toBe(0);
    expect(session.written).not.toMatch(/mk_wrong|mk_any/);
    expect((await me.ci('auth token')).stdout).toBe('mk_anything_1234568\n');
  });

  test('exits with 130 after Ctrl-C at a key', async () => {
    const session = onTerminal(user(), 'auth login', { env: dumb, pty: true });
    await session.shows('Number, or text:');
    session.type(ctrlC);
    expect(await session.exit).toBe(130);
  });
});

test('prompts in ASCII on an ASCII terminal', async () => {
  const { me } = await customer();
  const session = onTerminal(me, 'pools subscribe', { env: { LANG: 'C' } });
  await session.shows(/> kimi26 /);
  session.type(enter);
  await session.shows(/>\[ \] asia +00:00-08:00 UTC/);
  session.type(` ${enter}`);
  await session.shows('Charge $39.00 now?');
  session.type(enter);
  expect(await session.exit).toBe(1);
  expect(session.written).toMatch(/^[\x00-\x7f]*$/);
});

test('wraps prompts between words at 40 columns', async () => {
  const { me } = await customer();
  const session = onTerminal(me, 'pools subscribe', { columns: 40 });
  await session.shows(/❯ kimi26 +all blocks available\n/);
  session.type(enter);
  await session.shows(/❯◯ asia +00:00–08:00 local\n/);
  await session.shows('space select • a all • ⏎ submit');
  session.type(` ${enter}`);
  await session.shows('Charge $39.00 now?');
  for (const row of session.screen.split('\n')) expect([...row].length).toBeLessThanOrEqual(40);
  expect(session.screen).toMatch(
    /\nBlocks +asia +\$39\.00\n {12}00:00–08:00 UTC, 00:00–08:00\n {12}local, 7 seats left\n/,
  );
  session.type(enter);
  expect(await session.exit).toBe(1);
});

describe('before a key is revoked', () => {
  async function withKey() {
    const { api, me } = await customer();
    await me.ci('keys create old --credit');
    return { api, me };
  }

  test('shows its name and ID, with No as the default', async () => {
    const { api, me } = await withKey();
    const session = onTerminal(me, 'keys delete old');
    await session.shows('Revoke this key');
    expect(session.screen).toMatch(/old .*[0-9a-f]{8}-[0-9a-f]{4}/);
    session.type(enter);
    expect(await session.exit).toBe(1);
    expect(listAt(await api.box.seen(), 'keys')).toHaveLength(1);
  });

  test('y revokes it', async () => {
    const { api, me } = await withKey();
    const session = onTerminal(me, 'keys delete old');
    await session.shows('Revoke this key');
    session.type(`y${enter}`);
    expect(await session.exit).toBe(0);
    expect(listAt(await api.box.seen(), 'keys')).toEqual([]);
  });

  test('exits with 130 after Ctrl-C, and keeps it', async () => {
    const { api, me } = await withKey();
    const session = onTerminal(me, 'keys delete old');
    await session.shows('Revoke this key');
    session.type(ctrlC);
    expect(await session.exit).toBe(130);
    expect(listAt(await api.box.seen(), 'keys')).toHaveLength(1);
  });
});

describe('without prompts', () => {
  test.each([
    ['CI=true', subscribe, { CI: 'true' }],
    ['CI=1', subscribe, { CI: '1' }],
    ['--no-input', `${subscribe} --no-input`, {}],
    ['--no-input before the command', `--no-input ${subscribe}`, {}],
  ])('exits with 2 for a charge on a terminal with %s', async (_what, line, env) => {
    const { api, me } = await customer();
    const { code, screen } = await shown(me, line, { env });
    expect([code, api.changes]).toEqual([2, []]);
    expect(screen).toContain('--yes');
    expect(screen).not.toContain('now?');
  });

  test('exits with 2 for a missing pool with CI=true', async () => {
    const { api, me } = await customer();
    const { code, screen } = await shown(me, 'pools view', { env: { CI: 'true' } });
    expect([code, api.requests]).toEqual([2, []]);
    expect(screen).toMatch(/^ci: Can't ask for the pool without a terminal\./);
  });

  test('prompts with CI=false', async () => {
    const { me } = await customer();
    const session = onTerminal(me, subscribe, { env: { CI: 'false' } });
    await session.shows(question);
    session.type(enter);
    expect(await session.exit).toBe(1);
  });

  test('charges with CI=true and --yes', async () => {
    const { api, me } = await customer();
    const { code } = await shown(me, `${subscribe} --yes`, { env: { CI: 'true' } });
    expect([code, api.changes.length]).toEqual([0, 1]);
  });
});
