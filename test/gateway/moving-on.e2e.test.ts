import { describe, expect, test } from 'vitest';
import { creditSecret, seat, secretOf, startGateway, type TestGateway, token } from '../support/gateway.ts';
import {
  type Call,
  dial,
  exchange,
  parseAnswer,
  type RawAnswer,
  requestWith,
  type StandIn,
  standIn,
} from '../support/raw-http.ts';

/** Larger than a chunk. */
const body = `{"model":"m","input":"${Array.from({ length: 20_000 }, (_, index) => index).join()}"}`;

/** Sends a request and returns its answer. */
async function ask(gateway: TestGateway, text = body): Promise<RawAnswer> {
  return parseAnswer(await exchange(gateway.url, requestWith(token, { body: text })));
}

/** Expects that the whole body arrives. */
async function expectBody(call: Call): Promise<void> {
  expect((await call.body()).toString() === body).toBe(true);
}

/** Has the gateway do other things. */
async function otherRequests(gateway: TestGateway, count = 1): Promise<void> {
  const request = 'GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n';
  for (let done = 0; done < count; done++) await exchange(gateway.url, request);
}

/** Expects that a request gets the only seat, and answers it. */
async function servesNext(api: StandIn, gateway: TestGateway): Promise<void> {
  const answer = ask(gateway, '{"model":"m"}');
  (await api.next()).answer(200, 'next');
  expect((await answer).body.toString()).toBe('next');
}

type Fault = readonly [name: string, act: (call: Call) => void];

const status = (code: number, ...headers: string[]): Fault => [
  [code, ...headers].join(', '),
  (call) => call.answer(code, '{"error":{"message":"no"}}', headers),
];
const reset: Fault = ['a reset', (call) => call.socket.resetAndDestroy()];
const end: Fault = ['the end of the connection', (call) => call.socket.end()];
const halfHead: Fault = ['half of the headers', (call) => void call.socket.end('HTTP/1.1 200 OK\r\nContent-Le')];
const notHttp: Fault = ['something else than HTTP', (call) => void call.socket.end('SSH-2.0-OpenSSH_9.2\r\n')];

const busy = [
  status(429),
  status(429, 'Retry-After: 1'),
  status(429, 'Retry-After: 36000'),
  status(429, 'Retry-After: x'),
];
const refusing = [status(401)];
const failing = [status(403), status(500), status(502), status(503, 'Retry-After: 5'), status(529)];
const interim: Fault = [
  'endless interim responses',
  (call) => void call.socket.write('HTTP/1.1 102 Processing\r\n\r\n'.repeat(200)),
];
const broken = [reset, end, halfHead, notHttp, interim];

describe('a request moves on to another seat after', () => {
  test.each([...busy, ...refusing, ...failing, ...broken])('%s', async (name, act) => {
    const api = await standIn();
    const gateway = await startGateway(api.url, { seats: 2 });
    const answer = ask(gateway);
    const first = await api.next();
    await expectBody(first);
    act(first);
    const second = await api.next();
    await expectBody(second);
    // A connection that breaks says nothing about its seat.
    const isBroken = broken.some(([each]) => each === name);
    expect([first.secret, second.secret]).toEqual([secretOf(0), secretOf(isBroken ? 0 : 1)]);
    second.answer(200, 'second');
    expect(await answer).toMatchObject({ line: 'HTTP/1.1 200 Status', isComplete: true, body: Buffer.from('second') });
    expect(await gateway.ended(1)).toMatchObject([{ status: 200, attempts: 2, complete: true }]);
    expect(api.calls).toHaveLength(2);
  });

  test.each([...busy, ...failing, reset])('%s while its body still arrives', async (_name, act) => {
    const api = await standIn();
    const gateway = await startGateway(api.url, { seats: 2 });
    const text = requestWith(token, { body });
    const client = await dial(gateway.url);
    client.write(text.slice(0, -50_000));
    const first = await api.next();
    first.body().catch(() => {});
    act(first);
    const second = await api.next();
    const whole = second.body();
    client.write(text.slice(-50_000));
    expect((await whole).toString() === body).toBe(true);
    second.answer(200, 'second');
    expect(parseAnswer(await client.closed).body.toString()).toBe('second');
    expect(await gateway.ended(1)).toMatchObject([{ status: 200, attempts: 2 }]);
  });

  test('refused keys, which the gateway reports', async () => {
    const api = await standIn((call) =>
      call.secret === secretOf(2)
        ? call.answer(200, 'third')
        : call.answer(call.secret === secretOf(0) ? 401 : 403, ''),
    );
    const gateway = await startGateway(api.url, { seats: 3 });
    expect((await ask(gateway)).body.toString()).toBe('third');
    await gateway.ended(1);
    expect(gateway.refused()).toBe(2);
  });

  test('others, at most three times', async () => {
    const api = await standIn((call) => call.answer(500, `failure ${api.calls.length}`));
    const gateway = await startGateway(api.url, { seats: 5 });
    expect(await ask(gateway)).toMatchObject({ line: 'HTTP/1.1 500 Status', body: Buffer.from('failure 3') });
    expect(api.calls.map(({ secret }) => secret)).toEqual([0, 1, 2].map(secretOf));
  });
});

test('a seat gets its next request only after the end of a response that a client does not get', async () => {
  const api = await standIn();
  const gateway = await startGateway(api.url, { seats: 2 });
  const first = ask(gateway, '{"model":"m","n":1}');
  const declined = await api.next();
  await declined.body();
  declined.write('HTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\nh');
  const second = ask(gateway, '{"model":"m","n":2}');
  const other = await api.next();
  expect([declined.secret, other.secret]).toEqual([secretOf(0), secretOf(1)]);
  expect((await other.body()).toString()).toBe('{"model":"m","n":2}');
  const third = ask(gateway, '{"model":"m","n":3}');
  await waiting(gateway, 1);
  declined.write('alf');
  const next = await api.next();
  expect(next.secret).toBe(secretOf(0));
  expect((await next.body()).toString()).toBe('{"model":"m","n":3}');
  other.answer(200, 'second');
  const again = await api.next();
  expect([again.secret, (await again.body()).toString()]).toEqual([secretOf(1), '{"model":"m","n":1}']);
  again.answer(200, 'first');
  next.answer(200, 'third');
  const answers = await Promise.all([first, second, third]);
  expect(answers.map(({ body: text }) => text.toString())).toEqual(['first', 'second', 'third']);
});

describe('with one seat,', () => {
  test.each(busy.slice(0, 2))('a request waits after %s', async (_name, act) => {
    const api = await standIn();
    const gateway = await startGateway(api.url);
    const answer = ask(gateway);
    const first = await api.next();
    await first.body();
    act(first);
    for (let round = 0; api.calls.length === 1; round++) {
      expect(round).toBeLessThan(100);
      await gateway.advance(1000);
      await otherRequests(gateway);
    }
    const second = await api.next();
    await expectBody(second);
    second.answer(200, 'second');
    expect((await answer).body.toString()).toBe('second');
    expect(await gateway.ended(1)).toMatchObject([{ status: 200, attempts: 2 }]);
  });

  test('a request waits after a 429 without a wait', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url);
    const answer = ask(gateway);
    (await api.next()).answer(429, '', ['Retry-After: 0']);
    for (let count = 0; count < 4; count++) {
      let hasArrived = false;
      const next = api.next().finally(() => {
        hasArrived = true;
      });
      while (!hasArrived) {
        await gateway.advance(1000);
        await new Promise(setImmediate);
      }
      const call = await next;
      if (count < 3) call.answer(429, '', ['Retry-After: 0']);
      else call.answer(200, 'last');
    }
    expect((await answer).body.toString()).toBe('last');
    expect(await gateway.ended(1)).toMatchObject([{ attempts: 5 }]);
  });

  test.each(failing)('the answer is passed on after %s', async (_name, act) => {
    const api = await standIn(act);
    const gateway = await startGateway(api.url);
    const { line, body: text } = await ask(gateway);
    expect(line).toMatch(/^HTTP\/1\.1 (?:403|5\d\d) Status$/);
    expect(text.toString()).toBe('{"error":{"message":"no"}}');
    expect(await gateway.ended(1)).toMatchObject([{ attempts: 1, complete: true }]);
    expect(api.calls).toHaveLength(1);
  });

  test('the gateway says after 401 that its key was refused', async () => {
    const api = await standIn((call) => call.answer(401, `No key ${call.secret}`));
    const gateway = await startGateway(api.url);
    const answered = ask(gateway);
    await gateway.wasRefused(1);
    // The account still has the key.
    await gateway.update([seat(0)]);
    const { line, body: text } = await answered;
    expect(line).toBe('HTTP/1.1 503 Service Unavailable');
    expect(JSON.parse(text.toString())).toMatchObject({ error: { code: 'keys_refused' } });
    await gateway.wasRefused(2);
    expect(api.calls).toHaveLength(2);
  });

  test('a request waits after 401 until its key was replaced', async () => {
    const api = await standIn((call) =>
      call.secret === secretOf(0) ? call.answer(401, 'Revoked') : call.answer(200, 'new'),
    );
    const gateway = await startGateway(api.url);
    const answered = ask(gateway);
    await gateway.wasRefused(1);
    await gateway.update([seat(0, { secret: secretOf(1), version: '2' })]);
    expect((await answered).body.toString()).toBe('new');
    expect(await gateway.ended(1)).toMatchObject([{ status: 200, attempts: 2 }]);
  });

  test('the gateway says after 429 for hours when they begin', async () => {
    const api = await standIn((call) => call.answer(429, '', ['Retry-After: 36000']));
    const gateway = await startGateway(api.url);
    const { line, headers, body: text } = await ask(gateway);
    expect(line).toBe('HTTP/1.1 429 Too Many Requests');
    expect(headers).toContainEqual(['Retry-After', '36000']);
    expect(JSON.parse(text.toString())).toMatchObject({ error: { code: 'outside_reserved_hours' } });
    expect(api.calls).toHaveLength(1);
  });

  test.each(broken)('a request is sent at most three times after %s', async (_name, act) => {
    const api = await standIn();
    const gateway = await startGateway(api.url);
    const answer = ask(gateway);
    for (let count = 0; count < 3; count++) {
      const call = await api.next();
      await expectBody(call);
      act(call);
      await gateway.advance(60_000);
      await call.closed;
      await otherRequests(gateway);
      await gateway.advance(60_000);
    }
    expect((await answer).line).toBe('HTTP/1.1 502 Bad Gateway');
    expect(await gateway.ended(1)).toMatchObject([{ status: 502, attempts: 3 }]);
    expect(api.calls).toHaveLength(3);
  });
});

describe('a request is never sent again', () => {
  test.each([400, 402, 404, 409, 413, 422, 200, 307])('after %d', async (code) => {
    const api = await standIn((call) => call.answer(code, 'first'));
    const gateway = await startGateway(api.url, { seats: 2 });
    expect((await ask(gateway)).line).toBe(`HTTP/1.1 ${code} Status`);
    expect(api.calls).toHaveLength(1);
  });

  const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n';
  test.each([
    ['its headers', `${head}Transfer-Encoding: chunked\r\n\r\n`],
    ['half of a body in chunks', `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n`],
    ['half of a chunk', `${head}Transfer-Encoding: chunked\r\n\r\n50\r\nfirst`],
    ['half of a body with a length', `${head}Content-Length: 100\r\n\r\nfirst`],
    ['half of an error', 'HTTP/1.1 400 No\r\nContent-Length: 100\r\n\r\nfirst'],
  ])('after an answer that breaks off after %s', async (_name, start) => {
    const api = await standIn();
    const gateway = await startGateway(api.url, { seats: 2 });
    for (const breakOff of [(call: Call) => call.socket.end(), (call: Call) => call.socket.resetAndDestroy()]) {
      const client = await dial(gateway.url);
      client.write(requestWith(token, { body }));
      const call = await api.next();
      await call.body();
      call.write(start);
      await client.until(start.endsWith('first') ? 'first' : '\r\n\r\n');
      breakOff(call);
      expect(parseAnswer(await client.closed).isComplete).toBe(false);
    }
    expect(await gateway.ended(2)).toMatchObject([
      { attempts: 1, complete: false },
      { attempts: 1, complete: false },
    ]);
    expect(api.calls).toHaveLength(2);
    await servesNext(api, gateway);
  });

  test('after an error of the last seat that breaks off', async () => {
    const api = await standIn((call) => {
      call.write('HTTP/1.1 500 No\r\nContent-Length: 100\r\n\r\nfirst');
      call.socket.end();
    });
    const gateway = await startGateway(api.url);
    expect(await ask(gateway)).toMatchObject({ line: 'HTTP/1.1 500 No', isComplete: false });
    expect(api.calls).toHaveLength(1);
  });
});

test('credit is not spent if the hours of a seat start while the body arrives', async () => {
  const api = await standIn((call) => call.answer(200, 'ok'));
  const creditKey = { name: 'credit', secret: creditSecret };
  const gateway = await startGateway(api.url, { seats: [seat(0, { hours: [21] })], creditKey });
  const client = await dial(gateway.url);
  client.write(requestWith(token, { body }).slice(0, -1));
  // The model has arrived, so that the request has its turn while the gateway does other things.
  await otherRequests(gateway, 20);
  await gateway.advance(3_600_000);
  client.write(body.slice(-1));
  expect(parseAnswer(await client.closed)).toMatchObject({ line: 'HTTP/1.1 200 Status', isComplete: true });
  expect(api.calls.map(({ secret }) => secret)).toEqual([secretOf(0)]);
  expect(await gateway.ended(1)).toMatchObject([{ credit: false, key: 'key-0' }]);
});

test('credit is spent through the key in use when the body has arrived', async () => {
  const api = await standIn((call) => call.answer(200, 'ok'));
  const creditKey = { name: 'credit', secret: creditSecret };
  const gateway = await startGateway(api.url, { seats: [seat(0, { hours: [] })], creditKey });
  const client = await dial(gateway.url);
  client.write(requestWith(token, { body }).slice(0, -1));
  await otherRequests(gateway, 20);
  await gateway.updateCreditKey({ name: 'new', secret: secretOf(9) });
  client.write(body.slice(-1));
  expect(parseAnswer(await client.closed).body.toString()).toBe('ok');
  expect(api.calls.map(({ secret }) => secret)).toEqual([secretOf(9)]);
  expect(await gateway.ended(1)).toMatchObject([{ credit: true, key: 'new' }]);
});

test.each([
  ['within its hours', [20]],
  ["whose hours aren't known", undefined],
] as const)('credit is not spent because a seat %s says that it is outside its hours', async (_name, hours) => {
  const api = await standIn((call) => call.answer(429, '', ['Retry-After: 36000']));
  const creditKey = { name: 'credit', secret: creditSecret };
  const gateway = await startGateway(api.url, { seats: [seat(0, { hours })], creditKey });
  const { line } = await ask(gateway);
  expect(line).toBe('HTTP/1.1 429 Too Many Requests');
  expect(api.calls.map(({ secret }) => secret)).toEqual([secretOf(0)]);
  expect(await gateway.ended(1)).toMatchObject([{ credit: false, status: 429 }]);
});

test.each([
  ['another model after the first one', '{"model":"m","model":"expensive"}'],
  ['no text as its model', '{"model":1,"model":"m"}'],
  ['no model', '{"messages":[]}'],
  ['something else than JSON', 'model=m'],
])('credit is not spent on a request with %s', async (_name, text) => {
  const api = await standIn((call) => call.answer(200, 'ok'));
  const creditKey = { name: 'credit', secret: creditSecret };
  const gateway = await startGateway(api.url, { seats: [seat(0, { hours: [] })], creditKey });
  expect((await ask(gateway, text)).line).toBe('HTTP/1.1 429 Too Many Requests');
  expect(api.calls).toEqual([]);
});

describe('with a credit key, a request outside all hours is sent once, and not again after', () => {
  const creditKey = { name: 'credit', secret: creditSecret };
  const seats = [seat(0, { hours: [] })];

  test.each([...busy, ...failing])('%s', async (_name, act) => {
    const api = await standIn(act);
    const gateway = await startGateway(api.url, { seats, creditKey });
    const { line, headers, body: text } = await ask(gateway);
    expect(line).toMatch(/ Status$/);
    expect(headers).toContainEqual(['X-Gateway-Paid-With', 'credit']);
    expect(text.toString()).toBe('{"error":{"message":"no"}}');
    expect(api.calls.map(({ secret }) => secret)).toEqual([creditSecret]);
    expect(await gateway.ended(1)).toMatchObject([{ credit: true, attempts: 1, key: 'credit' }]);
  });

  test('401, and tells the client that its own token is right', async () => {
    const api = await standIn((call) => call.answer(401, '{"error":{"message":"no"}}'));
    const gateway = await startGateway(api.url, { seats, creditKey });
    const { line, headers, body: text } = await ask(gateway);
    expect(line).toBe('HTTP/1.1 503 Service Unavailable');
    expect(JSON.parse(text.toString())).toMatchObject({ error: { code: 'credit_key_refused' } });
    expect(headers.map(([name]) => name)).not.toContain('X-Gateway-Paid-With');
    expect(await gateway.ended(1)).toMatchObject([{ credit: false, attempts: 1, status: 503 }]);
    expect(api.calls).toHaveLength(1);
  });

  test.each(broken)('%s', async (_name, act) => {
    const api = await standIn(act);
    const gateway = await startGateway(api.url, { seats, creditKey });
    // With one that was used before, the API can't be sure to have got nothing.
    for (let count = 1; count <= 2; count++) {
      expect((await ask(gateway)).line).toBe('HTTP/1.1 502 Bad Gateway');
      expect(api.calls).toHaveLength(count);
    }
    expect(await gateway.ended(2)).toMatchObject([{ attempts: 1 }, { attempts: 1 }]);
  });

  test('the client went away, although it may have to pay', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url, { seats, creditKey });
    const client = await dial(gateway.url);
    client.write(requestWith(token, { body: '{"model":"m"}' }));
    await (await api.next()).body();
    client.leave();
    expect(await gateway.ended(1)).toMatchObject([{ credit: true, attempts: 1, key: 'credit', complete: false }]);
  });

  test('an answer on a connection that is used again', async () => {
    const api = await standIn((call) => call.answer(200, 'ok'));
    const gateway = await startGateway(api.url, { seats, creditKey });
    for (let count = 0; count < 3; count++) expect((await ask(gateway)).body.toString()).toBe('ok');
    expect(new Set(api.calls.map(({ socket }) => socket)).size).toBe(3);
  });
});

describe('a client that goes away', () => {
  test('while a refusal arrives leaves the seat set aside', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url);
    const client = await dial(gateway.url);
    client.write(requestWith(token, { body: '{"model":"m"}' }));
    const call = await api.next();
    call.write('HTTP/1.1 429 Busy\r\nRetry-After: 30\r\nContent-Length: 100\r\n\r\n');
    await answered(gateway, 429);
    client.leave();
    await gateway.ended(1);
    const status = requestWith(token, { method: 'GET', path: '/status', body: '' });
    const state = async () =>
      JSON.parse(parseAnswer(await exchange(gateway.url, status)).body.toString()).seats[0].state;
    await expect.poll(state).not.toBe('busy');
    expect(await state()).toBe('set aside');
    const next = ask(gateway, '{"model":"m"}');
    await gateway.advance(30_000);
    (await api.next()).answer(200, 'next');
    expect((await next).body.toString()).toBe('next');
  });

  test('while it waits never reaches the API, and the next one gets the seat', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url);
    const first = ask(gateway, '{"model":"m","n":1}');
    const busyCall = await api.next();
    const second = await dial(gateway.url);
    second.write(requestWith(token, { body: '{"model":"m","n":2}' }));
    await waiting(gateway, 1);
    const third = ask(gateway, '{"model":"m","n":3}');
    await waiting(gateway, 2);
    second.leave();
    expect(await gateway.ended(1)).toMatchObject([{ attempts: 0, complete: false }]);
    busyCall.answer(200, 'first');
    expect((await first).body.toString()).toBe('first');
    const call = await api.next();
    expect((await call.body()).toString()).toBe('{"model":"m","n":3}');
    call.answer(200, 'third');
    expect((await third).body.toString()).toBe('third');
    expect(api.calls).toHaveLength(2);
  });

  test('while it waits with a long body never holds the seat', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url);
    const first = ask(gateway, '{"model":"m"}');
    const busyCall = await api.next();
    const second = await dial(gateway.url);
    second.write(requestWith(token, { body: `{"model":"m","input":"${'x'.repeat(5_000_000)}` }));
    await waiting(gateway, 1);
    await otherRequests(gateway, 100);
    second.leave();
    await second.closed;
    busyCall.answer(200, 'first');
    await first;
    // If it still seemed to be there, its request breaks off.
    const third = ask(gateway, '{"model":"m","n":3}');
    for (;;) {
      const call = await api.next();
      const text = await call.body().catch(() => undefined);
      if (!text) continue;
      expect(text.toString()).toBe('{"model":"m","n":3}');
      call.answer(200, 'third');
      break;
    }
    expect((await third).body.toString()).toBe('third');
  });

  test.each(['leaves', 'resets the connection', 'ends the connection'])(
    'before an answer frees its seat at once if it %s',
    async (how) => {
      const api = await standIn();
      const gateway = await startGateway(api.url);
      const client = await dial(gateway.url);
      client.write(requestWith(token));
      const call = await api.next();
      await call.body();
      if (how === 'leaves') client.socket.destroy();
      else if (how === 'ends the connection') client.socket.end();
      else client.leave();
      await call.closed;
      await servesNext(api, gateway);
    },
  );

  test('in the middle of an answer frees its seat at once', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url);
    const client = await dial(gateway.url);
    client.write(requestWith(token));
    const call = await api.next();
    call.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n');
    await client.until('first');
    client.leave();
    await call.closed;
    await servesNext(api, gateway);
    expect(await gateway.ended(2)).toMatchObject([{ complete: false, attempts: 1 }, { complete: true }]);
  });

  test('in the middle of an answer that it does not read frees its seat at once', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url);
    const client = await dial(gateway.url);
    client.socket.pause();
    client.write(requestWith(token));
    const call = await api.next();
    call.write('HTTP/1.1 200 OK\r\n\r\n');
    // More than all buffers together.
    call.write(Buffer.alloc(32 * 1024 * 1024));
    await otherRequests(gateway, 100);
    client.leave();
    await call.closed;
    await servesNext(api, gateway);
  });

  test('while it sends its request frees its seat at once', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url);
    const client = await dial(gateway.url);
    client.write(requestWith(token, { body }).slice(0, -1));
    const call = await api.next();
    const got = call.body();
    client.leave();
    await expect(got).rejects.toThrow();
    await servesNext(api, gateway);
    expect(await gateway.ended(2)).toMatchObject([{ complete: false }, { complete: true }]);
  });

  test('while the API does not read its request frees its seat when the API reads on', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url);
    const client = await dial(gateway.url);
    const text = requestWith(token, { body: `{"model":"m","input":"${'x'.repeat(32_000_000)}` });
    client.write(text);
    const call = await api.next();
    await otherRequests(gateway, 100);
    client.leave();
    await client.closed;
    await expect(call.body()).rejects.toThrow();
    await servesNext(api, gateway);
  });

  test('after an answer that began before its request ended frees its seat at once', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url);
    const client = await dial(gateway.url);
    client.write(requestWith(token, { body }).slice(0, -1));
    const call = await api.next();
    call.body().catch(() => {});
    call.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n');
    await client.until('first');
    client.leave();
    await call.closed;
    await servesNext(api, gateway);
  });

  test('while a connection is opened for it reaches nobody', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url);
    for (let count = 0; count < 50; count++) {
      const client = await dial(gateway.url);
      client.write(requestWith(token));
      client.leave();
      await client.closed;
    }
    const next = ask(gateway, '{"model":"m","next":true}');
    for (;;) {
      const call = await api.next();
      const text = await call.body().catch(() => undefined);
      if (text?.includes('next')) {
        call.answer(200, 'next');
        break;
      }
    }
    expect((await next).body.toString()).toBe('next');
  });
});

/** Waits until this many requests wait. */
async function waiting(gateway: TestGateway, count: number): Promise<void> {
  for (;;) {
    const request = requestWith(token, { method: 'GET', path: '/status', body: '' });
    const { queue }: { queue: number } = JSON.parse(parseAnswer(await exchange(gateway.url, request)).body.toString());
    if (queue === count) return;
  }
}

/** Waits until the API has begun an answer with a status. */
async function answered(gateway: TestGateway, code: number): Promise<void> {
  const request = requestWith(token, { method: 'GET', path: '/metrics', body: '' });
  const metrics = async () => parseAnswer(await exchange(gateway.url, request)).body.toString();
  while (!(await metrics()).includes(`upstream_responses_total{seat="key-0",status="${code}"}`));
}
