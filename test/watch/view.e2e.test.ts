import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { userOf } from '../support/cli.ts';
import { comesLate, dropping } from '../support/drops.ts';
import { listAt } from '../support/sandbox.ts';
import { recordedSandbox } from '../support/servers.ts';
import { ctrlC, drawnFor, enter, onPty, type Session, withoutProgress } from '../support/terminal.ts';

const list = 'GET /api/pools';
const otherScreen = '\x1b[?1049h';
const ownScreen = '\x1b[?1049l';

/** Returns what the main screen shows before and after the live view. */
function around(session: Session): string[] {
  const written = withoutProgress(session.written);
  return [
    written.slice(0, written.indexOf(otherScreen)),
    written.slice(written.lastIndexOf(ownScreen) + ownScreen.length),
  ].map(stripVTControlCharacters);
}

describe('the live view', () => {
  test('has a line for each block with its state and price, and shows the time until the next check', async () => {
    const api = await recordedSandbox();
    const session = onPty(
      userOf(api, { TZ: 'Asia/Kolkata' }),
      'pools watch minimax-m3 qwen35 --blocks americas,asia --all-blocks --interval 1h',
    );
    await session.shows(/next check in \d+ s/);
    const rows = session.screen.split('\n');
    expect(rows[0]).toBe('Waiting for a seat on minimax-m3 or qwen35');
    expect(rows[2]).toMatch(/^POOL +BLOCK +STATE +PRICE\/MONTH +SINCE$/);
    const since = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`;
    expect(rows.slice(3, 7)).toEqual([
      expect.stringMatching(new RegExp(`^minimax-m3 +asia +open, few seats left +\\$39\\.00 +${since}$`)),
      expect.stringMatching(new RegExp(`^minimax-m3 +americas +sold out +\\$45\\.00 +${since}$`)),
      expect.stringMatching(new RegExp(`^qwen35 +asia +paused +\\$29\\.00 +${since}$`)),
      expect.stringMatching(new RegExp(`^qwen35 +americas +paused +\\$35\\.00 +${since}$`)),
    ]);
    expect(rows[8]).toMatch(/^1 check, next check in \d+ s\. Ctrl-C: quit\.$/);
    expect(rows).toHaveLength(9);
    session.type(ctrlC);
    expect(await session.exit).toBe(130);
  });

  test('shows the latest changes first, and prints them at the end', async () => {
    const api = await dropping({ at: [3, 4, 8] });
    const session = onPty(userOf(api), 'pools watch minimax-m3 --blocks americas --count 2 --interval 300ms');
    await session.shows('Latest changes');
    await session.shows(/sold out again\n.*is open: \$45\.00 per month/);
    expect(await session.exit).toBe(0);
    const [, after = ''] = around(session);
    const lines = after.split('\r\n');
    expect(lines.map((line) => line.slice(21))).toEqual([
      'minimax-m3 americas is open: $45.00 per month',
      'minimax-m3 americas is sold out again',
      'minimax-m3 americas is open: $45.00 per month',
      '',
    ]);
  });

  test('adapts to a new terminal size', async () => {
    const api = await recordedSandbox();
    const session = onPty(userOf(api), 'pools watch minimax-m3 --blocks americas --interval 1h');
    await session.shows('next check');
    expect(session.screen).toContain('PRICE/MONTH');
    for (const columns of [40, 25, 12]) {
      session.resize(columns, 20);
      await session.shows(drawnFor(columns, /^Waiting(?:.*\n)+.*1 check/));
      // A table that is too wide loses its least useful columns.
      if (columns === 40) expect(session.screen).toMatch(/POOL +BLOCK +STATE\n/);
    }
    session.resize(100, 4);
    await session.shows(/^Waiting.*\n\nPOOL.*PRICE\/MONTH +SINCE\nminimax-m3/);
    expect(session.screen.split('\n')).toHaveLength(4);
    session.resize(100, 30);
    await session.shows(/Ctrl-C: quit\.$/);
    session.type(ctrlC);
    expect(await session.exit).toBe(130);
  });

  test('restores the terminal after Ctrl-C', async () => {
    const api = await recordedSandbox();
    const session = onPty(userOf(api), 'pools watch minimax-m3 --blocks americas --interval 1h');
    await session.shows('next check');
    session.type(ctrlC);
    expect(await session.exit).toBe(130);
    const [before, after] = around(session);
    expect(before).toBe('');
    expect(after).toBe('ci: Interrupted.\r\n');
    for (const sequence of ['\x1b[?25h', ownScreen, '\x1b[?25l', otherScreen]) {
      expect(session.written.split(sequence)).toHaveLength(2);
    }
  });

  test('closes if the command fails', async () => {
    const api = await recordedSandbox();
    const session = onPty(userOf(api), 'pools watch minimax-m3 --blocks americas --interval 100ms --for 500ms');
    expect(await session.exit).toBe(6);
    const [, after = ''] = around(session);
    expect(after).toMatch(/^ci: No seat opened on minimax-m3 americas within 500ms/);
  });

  test("isn't used on a dumb terminal, which gets a line for each event", async () => {
    const api = await dropping({ at: [3] });
    const session = onPty(userOf(api), 'pools watch minimax-m3 --blocks americas --interval 100ms', {
      env: { TERM: 'dumb' },
    });
    expect(await session.exit).toBe(0);
    expect(session.written).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}minimax-m3 americas is open: \$45\.00 per month\r\n$/,
    );
  });

  test("isn't used with --debug", async () => {
    const api = await dropping({ at: [3] });
    const session = onPty(userOf(api), 'pools watch minimax-m3 --blocks americas --interval 100ms --debug');
    expect(await session.exit).toBe(0);
    expect(session.written).not.toContain(otherScreen);
    expect(session.written.match(/> GET .*\/api\/pools/g)).toHaveLength(3);
  });

  test('has no color with NO_COLOR', async () => {
    const api = await recordedSandbox();
    const session = onPty(userOf(api), 'pools watch minimax-m3 --blocks americas --interval 1h --no-color');
    await session.shows('next check');
    expect(session.written).not.toMatch(/\x1b\[\d*m/);
    session.type(ctrlC);
    await session.exit;
  });

  test("isn't used with --json, which prints an object per line", async () => {
    const api = await recordedSandbox();
    const session = onPty(userOf(api), 'pools watch kimi26 --blocks europe --json', { columns: 400 });
    expect(await session.exit).toBe(0);
    expect(stripVTControlCharacters(session.written)).toMatch(/^\{"event":"opened",.*\}\r\n$/);
  });

  test('shows the output of --exec without being garbled, and rings the bell', async () => {
    const api = await recordedSandbox();
    const line = 'pools watch kimi26 --blocks any --forever --interval 1h --bell --exec'.split(' ');
    const session = onPty(userOf(api), [...line, 'printf "\\033[31mtold of $CHEAPESTINFERENCE_BLOCKS\\n"; exit 7']);
    await session.shows(/--exec failed: it exited with code 7\.\ntold of americas\n/);
    expect(session.screen.split('\n')[0]).toBe('Waiting for a seat on kimi26');
    expect(session.written.split('\x07')).toHaveLength(4);
    session.type(ctrlC);
    await session.exit;
    const [, after = ''] = around(session);
    expect(after.split('\r\n').filter((each) => each.startsWith('told of'))).toEqual([
      'told of asia',
      'told of europe',
      'told of americas',
    ]);
  });
});

test('masks keys in the output of --exec', async () => {
  const api = await recordedSandbox();
  const line = 'pools watch kimi26 --blocks europe --forever --interval 1h --exec'.split(' ');
  const key = 'sk_live_0123456789abcdefghijklmnopqrstuv';
  const session = onPty(userOf(api), [
    ...line,
    // A zero-width space would hide the key from a search.
    `printf 'told ${key}\\nhidden sk_live_\\342\\200\\213${key.slice(8)}\\nPASSWORD=hunter2hunter2\\nlast\\n'`,
  ]);
  await session.shows(/\nlast\n/);
  expect(session.screen).toContain(`told sk_live_…${key.slice(-4)}`);
  session.type(ctrlC);
  await session.exit;
  expect(session.written).toContain('PASSWORD=…');
  expect(session.written).toContain(`hidden sk_live_…${key.slice(-4)}`);
  for (const each of [key.slice(8), 'hunter2']) expect(session.written).not.toContain(each);
});

test('never shows half a key of a long line of --exec', async () => {
  const api = await recordedSandbox();
  const key = 'sk_live_0123456789abcdefghijklmnopqrstuv';
  const command = `node -e "process.stdout.write(' '.repeat(65520) + '${key} end\\n')"`;
  const ended = await userOf(api).ci(['pools', 'watch', 'kimi26', '--blocks', 'europe', '--exec', command]);
  expect(ended.stderr.trim()).toMatch(/sk_live_…stuv end$/);
  expect(ended.stderr).not.toContain('klmnop');
});

describe('--subscribe on a terminal', () => {
  const line = 'pools watch minimax-m3 --blocks americas,asia --subscribe --interval 200ms --for 6h';

  test('asks once, with the pools, blocks, limit and account', async () => {
    const api = await recordedSandbox();
    const session = onPty(userOf(api, { TZ: 'Asia/Kolkata' }), line.replace(',asia', '').concat(' --max-price 50'));
    await session.shows('Charge up to $50.00 as soon as a seat opens? (y/N)');
    const rows = session.screen.split('\n');
    expect(rows.slice(0, 8)).toEqual([
      'Waits for    minimax-m3  americas  $45.00  16:00–24:00 UTC, 21:30–05:30 local',
      'Buys         as soon as it opens',
      'Seats        1 per block',
      'Price limit  $50.00',
      'Billing      Monthly, renews until canceled',
      'Time limit   6h',
      'Charged to   your saved card',
      expect.stringMatching(/^Account {6}mk_….*cdef.* at 127\.0\.0\.1:\d+$/),
    ]);
    session.type(enter);
    expect(await session.exit).toBe(1);
    expect([api.changes, session.written.includes(otherScreen)]).toEqual([[], false]);
  });

  test('charges at most the current price without --max-price', async () => {
    const api = await dropping({ at: [99] });
    const session = onPty(userOf(api), line);
    await session.shows('Price limit  the current price');
    await session.shows('Buys         only the first one, as soon as it opens');
    await session.shows('Charge up to $45.00 as soon as a seat opens? (y/N)');
    session.type(`y${enter}`);
    expect(await session.exit).toBe(0);
    const [, after = ''] = around(session);
    expect(after).toMatch(
      /minimax-m3 asia is open: \$39\.00 per month\r\n✓ Subscribed to asia of minimax-m3\. Charged \$39\.00/,
    );
    expect(after).toMatch(/Subscription {2}[0-9a-f-]{36}\r\n {0,2}Blocks {8}asia\r\n/);
    expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
  });

  test('notes a purchase that appears late on the main screen', async () => {
    const api = await dropping({ at: [2], seats: 3, instead: comesLate() });
    const session = onPty(userOf(api), `${line.replace(',asia', '')} --yes --settle 1s`);
    expect(await session.exit).toBe(0);
    const [, after = ''] = around(session);
    expect(after).toMatch(/^The response to a purchase was lost, but the purchase went through\.\r\nSubscription {2}/);
  });

  test('returns to the live view if someone was faster', async () => {
    let posts = 0;
    const api = await dropping({
      at: [3],
      instead: ({ method }) =>
        method === 'POST' && ++posts === 1
          ? (_request, response) => {
              response.writeHead(409, { 'content-type': 'application/json' });
              response.end('{"success":false,"error":"Not enough seats"}');
            }
          : undefined,
    });
    const session = onPty(userOf(api), `${line.replace(',asia', '')} --yes`);
    expect(await session.exit).toBe(0);
    expect([session.written.split(otherScreen).length, session.written.split(ownScreen).length]).toEqual([3, 3]);
    expect(session.written).toContain('minimax-m3 americas: Not enough seats');
    expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
  });
});

test('asks for missing pools and blocks, and fetches the list once', async () => {
  const api = await recordedSandbox();
  const session = onPty(userOf(api), 'pools watch');
  await session.shows('Pools:');
  session.type(` ${enter}`);
  await session.shows('Blocks:');
  session.type(` ${enter}`);
  expect(await session.exit).toBe(0);
  expect(session.written).toContain('kimi26 asia is open');
  // The other request is the first check.
  expect(api.requests.filter((each) => each === list)).toHaveLength(2);
});
