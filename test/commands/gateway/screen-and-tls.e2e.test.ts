import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { selfSigned } from '../../support/certificate.ts';
import { secret } from '../../support/cli.ts';
import { errorOf } from '../../support/lost.ts';
import { at, hello, textAt } from '../../support/sandbox.ts';
import { gatewayClient, heldCompletions, seatHolder, serveGateway, tokenOf } from '../../support/seat-holder.ts';
import { ctrlC, drawnFor, onTerminal } from '../../support/terminal.ts';

describe('ci gateway on a terminal', () => {
  test('shows the seats, the clients and the totals, and prints the totals at its end', async () => {
    const held = heldCompletions();
    const { me } = await seatHolder({ seats: 2, instead: held.instead });
    const session = onTerminal(me, 'gateway --listen 127.0.0.1:0', { pty: true });
    await session.shows('0 running, 0 waiting.');
    const [, url = ''] = /Gateway {2}(http:\S+)/.exec(session.screen) ?? [];
    expect(session.screen).toMatch(/^POOL +KEY +HOURS +STATE +CLIENT +FOR$/m);
    expect(session.screen).toMatch(/^kimi26 +seat-1 +europe +free/m);
    expect(session.screen).toContain('API key: the output of `ci gateway token`');
    const client = gatewayClient(url, tokenOf(me));
    const answers = ['one', 'two', 'three'].map((name) => client.chat({ 'x-client': name }));
    await session.shows('2 running, 1 waiting.');
    expect(session.screen).toMatch(/^kimi26 +seat-\d .*busy +(?:one|two|three) +\d s$/m);
    held.release();
    await Promise.all(answers);
    await session.shows(/0 running, 0 waiting\. 3 requests and \d+ tokens in the last minute\./);
    session.type(ctrlC);
    expect(await session.exit).toBe(0);
    expect(session.screen).toMatch(/3 requests, \d+ tokens since the start\./);
    expect(session.written).not.toMatch(secret);
  });

  test('says how many requests are running if there are more seats than rows', async () => {
    const { me } = await seatHolder({ seats: 3 });
    const session = onTerminal(me, 'gateway --listen 127.0.0.1:0', { pty: true, rows: 7 });
    await session.shows('0 running, 0 waiting. 0 requests in the last minute.');
    session.type(ctrlC);
    expect(await session.exit).toBe(0);
  });

  test('shows no tokens if the API reported none', async () => {
    const { me } = await seatHolder();
    const session = onTerminal(me, 'gateway --listen 127.0.0.1:0', { pty: true });
    await session.shows('0 running, 0 waiting.');
    const [, url = ''] = /Gateway {2}(http:\S+)/.exec(session.screen) ?? [];
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokenOf(me)}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ...hello, stream: true }),
    });
    expect(await response.text()).toContain('[DONE]');
    await session.shows('0 running, 0 waiting. 1 request in the last minute.');
    session.type(ctrlC);
    await session.exit;
    expect(session.screen).toContain('1 request since the start.');
  });

  test('names the command that prints the token of --token-file', async () => {
    const { me } = await seatHolder();
    const session = onTerminal(me, 'gateway --listen 127.0.0.1:0 --token-file own/token', { pty: true, columns: 200 });
    await session.shows('0 running, 0 waiting.');
    const file = path.join(me.home, 'own', 'token');
    expect(session.screen).toContain(`API key: the output of \`ci gateway token --token-file ${file}\``);
    session.type(ctrlC);
    expect(await session.exit).toBe(0);
  });

  test('fits a narrow terminal', async () => {
    const { me } = await seatHolder();
    const session = onTerminal(me, 'gateway --listen 127.0.0.1:0', { pty: true, columns: 40 });
    await session.shows('0 running, 0 waiting.');
    session.resize(30, 20);
    await session.shows(drawnFor(30, /\nPOOL +/));
    expect(session.cuts).toEqual([]);
    session.type(ctrlC);
    expect(await session.exit).toBe(0);
  });

  test('shows notes below the seats, and prints them at its end', async () => {
    const { me, api } = await seatHolder();
    await api.box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['europe'] });
    const session = onTerminal(me, 'gateway --listen 127.0.0.1:0', { pty: true, columns: 200 });
    await session.shows('Latest changes');
    expect(session.screen).toMatch(/^A seat of pool minimax-m3 isn't used, because its key isn't stored here\./m);
    session.type(ctrlC);
    await session.exit;
    expect(session.screen).toMatch(/^A seat of pool minimax-m3 isn't used/m);
    expect(session.screen).toContain('0 requests since the start.');
  });

  test('shows a note whole that is wider than the terminal', async () => {
    const { me, api } = await seatHolder();
    const bought = await api.box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['europe'] });
    const session = onTerminal(me, 'gateway --listen 127.0.0.1:0', { pty: true });
    await session.shows('Latest changes');
    const command = `ci keys create NAME --subscription ${textAt(bought, 'id')} --store`;
    expect(session.screen.replaceAll(/\s+/g, ' ')).toContain(
      `A seat of pool minimax-m3 isn't used, because its key isn't stored here. Run \`${command}\`.`,
    );
    expect(session.screen).toMatch(/^0 running, 0 waiting\./m);
    session.type(ctrlC);
    await session.exit;
  });

  test('shows when the hours of a seat start', async () => {
    const { me, api } = await seatHolder();
    await api.box.advance(8 * 3_600_000);
    const session = onTerminal(me, 'gateway --listen 127.0.0.1:0');
    await session.shows(/from 08:00/);
  });

  test('prints events as JSON with --json', async () => {
    const { me } = await seatHolder();
    const session = onTerminal(me, 'gateway --listen 127.0.0.1:0 --json', { pty: true, columns: 400 });
    await session.shows(/"event": ?"started"/);
    session.type(ctrlC);
    expect(await session.exit).toBe(0);
    expect(session.written).not.toContain('\x1b[?1049h');
  });
});

describe('TLS', () => {
  /** Creates a user with a certificate for this machine. */
  async function secured() {
    const { me } = await seatHolder();
    const { cert, key } = selfSigned('localhost');
    writeFileSync(path.join(me.home, 'cert.pem'), cert);
    writeFileSync(path.join(me.home, 'key.pem'), key, { mode: 0o600 });
    return { me, cert };
  }

  test('is served with --cert and --key', async () => {
    const { me, cert } = await secured();
    const gateway = await serveGateway(me, '--cert cert.pem --key key.pem');
    expect(gateway.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { authorization: `Bearer ${gateway.token}`, 'content-type': 'application/json' };
      const sent = request(`${gateway.url}/v1/chat/completions`, { ca: cert, method: 'POST', headers, agent: false });
      sent.on('response', (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode));
      });
      sent.on('error', reject);
      sent.end(JSON.stringify(hello));
    });
    expect(status).toBe(200);
    const plain = gatewayClient(gateway.url.replace('https', 'http'), gateway.token);
    await expect(plain.get('/healthz')).rejects.toThrow();
  });

  test('lets `ci gateway status` ask the gateway', async () => {
    const { me } = await secured();
    await serveGateway(me, '--cert cert.pem --key key.pem', { process: true });
    const { code, stdout } = await me.ci('gateway status --json');
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      [expect.objectContaining({ problem: null, seats: [expect.objectContaining({ state: 'free' })] })],
    ]);
  });

  test.each([
    ['a certificate that is missing', '--cert nothing.pem --key key.pem', /^Can't read \S+nothing\.pem: /],
    ['a key that is missing', '--cert cert.pem --key nothing.pem', /^Can't read \S+nothing\.pem: /],
    [
      'a key that belongs to another certificate',
      '--cert cert.pem --key other.pem',
      /^Can't use the certificate \S+cert\.pem with the key \S+other\.pem: key values mismatch$/,
    ],
    [
      'files the wrong way round',
      '--cert key.pem --key cert.pem',
      /^Can't use the certificate \S+key\.pem with the key \S+cert\.pem: no start line$/,
    ],
  ])('refuses %s', async (_what, flags, message) => {
    const { me } = await secured();
    writeFileSync(path.join(me.home, 'other.pem'), selfSigned('localhost').key, { mode: 0o600 });
    const ended = await me.ci(`gateway --listen 127.0.0.1:0 --json ${flags}`);
    expect([ended.code, at(errorOf(ended), 'code'), at(errorOf(ended), 'message')]).toEqual([
      1,
      'file_error',
      expect.stringMatching(message),
    ]);
  });
});
