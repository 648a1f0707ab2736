import { createServer, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { managementKey, secret, user } from '../../support/cli.ts';
import { withResolvers } from '../../support/resolvers.ts';
import { realTime } from '../../support/world.ts';
import { SandboxAccount } from './account.ts';
import { keyCreationUnlisted, type LateChange, purchase } from './changes.ts';

/** When a change is committed after its request arrived, in real milliseconds. */
const delay = 4000;

type CleanUp = (cleanUp: () => void | Promise<void>) => void;

/** A request that changes something, after it arrived. */
interface Waiting {
  readonly response: ServerResponse;
  /** Resolves when its response was sent. */
  readonly answered: Promise<void>;
}

/** Starts a server that takes {@link delay} to commit the first matching request, even if the client disconnects. */
async function lateServer({ request: spoiled, listsNoSecrets }: LateChange, commits: boolean, whenOver: CleanUp) {
  const account = new SandboxAccount();
  const { promise: arrived, resolve: arrive } = withResolvers<Waiting>();
  let committed = Promise.resolve();
  let isStruck = false;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = '', url = '', headers } = request;
    const body = Buffer.concat(chunks).toString('utf8');
    const answer = () => account.answer(method, url, body, headers.authorization);
    let given: Awaited<ReturnType<typeof answer>>;
    if (!isStruck && spoiled.test(`${method} ${url}`)) {
      isStruck = true;
      arrive({ response, answered: new Promise((resolve) => response.once('finish', resolve)) });
      if (!commits) return;
      const late = sleep(delay).then(answer);
      committed = late.then(() => {});
      given = await late;
    } else given = await answer();
    const isStripped = listsNoSecrets && method === 'GET';
    response.writeHead(given.status, given.headers);
    response.end(isStripped ? given.body.replaceAll(/"apiKey":"[^"]*",/g, '') : given.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  whenOver(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port');
  return { url: `http://127.0.0.1:${address.port}`, account, arrived, committed: () => committed };
}

/** Creates a user of such a server, with this settling time. */
async function lateCustomer(change: LateChange, whenOver: CleanUp, { settling = '30s', commits = true } = {}) {
  const server = await lateServer(change, commits, whenOver);
  const env = { CHEAPESTINFERENCE_API_URL: server.url, CHEAPESTINFERENCE_MANAGEMENT_KEY: managementKey };
  const me = user(env, whenOver);
  const configured = await me.ci(`config set settling-time ${settling}`, realTime);
  expect(configured).toMatchObject({
    code: 0,
    stderr: `If the server takes longer than ${settling}, you may be charged twice.\n`,
  });
  return { server, me };
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const ensure = `${purchase.line} --ensure --settle 2s`;

describe.concurrent('a purchase with a late commit, in real time', () => {
  test.for(signals)(
    "goes through after %s, and --ensure doesn't buy a second one",
    async (signal, { expect, onTestFinished }) => {
      const { server, me } = await lateCustomer(purchase, onTestFinished);
      const running = me.start(`${purchase.line} --settle 2s`);
      await server.arrived;
      running.kill(signal);
      const ended = await running.ended;
      expect(ended).toMatchObject({ code: 130, signal: null });
      expect(server.account.now.charges).toHaveLength(1);
      expect(ended.stderr).toContain('"outcome":"applied"');
      expect((await me.process(ensure)).code).toBe(0);
      expect(server.account.now.charges).toHaveLength(1);
    },
  );

  test('is found by --ensure after SIGKILL', async ({ expect, onTestFinished }) => {
    const { server, me } = await lateCustomer(purchase, onTestFinished);
    const running = me.start(purchase.line);
    await server.arrived;
    running.kill('SIGKILL');
    await running.ended;
    const second = await me.process(ensure);
    expect([second.code, server.account.now.charges.length]).toEqual([0, 1]);
    expect(second.stdout).toContain(server.account.now.subscriptions[0]?.id);
  });

  test("is bought by --ensure after SIGKILL once the first can't go through any more", async ({
    expect,
    onTestFinished,
  }) => {
    const { server, me } = await lateCustomer(purchase, onTestFinished, { settling: '6s', commits: false });
    const running = me.start(purchase.line);
    await server.arrived;
    const sent = performance.now();
    running.kill('SIGKILL');
    await running.ended;
    const second = await me.process(ensure);
    expect([second.code, server.account.now.charges.length]).toEqual([0, 1]);
    expect(performance.now() - sent).toBeGreaterThan(5500);
  });

  test.for([
    ['its time limit', '--timeout 3s', () => {}],
    ['a dropped connection', '', ({ response }: Waiting) => response.destroy()],
  ] as const)('is found by --ensure after %s', async ([, flags, strike], { expect, onTestFinished }) => {
    const { server, me } = await lateCustomer(purchase, onTestFinished);
    const running = me.start(`${purchase.line} --settle 2s ${flags}`);
    strike(await server.arrived);
    const first = await running.ended;
    // On a slow machine, the commit may come first, and the purchase is found.
    const reported = first.code === 0 ? 'applied' : /"outcome":"(\w+)"/.exec(first.stderr)?.[1];
    expect([`${first.code} ${reported}`]).toEqual([expect.stringMatching(/^(10 unknown|0 applied)$/)]);
    const second = await me.process(ensure);
    await server.committed();
    expect([second.code, server.account.now.charges.length]).toEqual([0, 1]);
  });

  test('is reported when the command continues after SIGSTOP', async ({ expect, onTestFinished }) => {
    const { server, me } = await lateCustomer(purchase, onTestFinished);
    const running = me.start(`${purchase.line} --settle 2s --timeout 3s`);
    const { answered } = await server.arrived;
    running.kill('SIGSTOP');
    await answered;
    running.kill('SIGCONT');
    const ended = await running.ended;
    expect([ended.code, server.account.now.charges.length]).toEqual([0, 1]);
    expect((await me.process(ensure)).code).toBe(0);
    expect(server.account.now.charges).toHaveLength(1);
  });
});

describe.concurrent('a key with a late commit and no secret in lists, in real time', () => {
  const change = keyCreationUnlisted;

  test.for(signals)('is delivered after %s', async (signal, { expect, onTestFinished }) => {
    const { server, me } = await lateCustomer(change, onTestFinished);
    const running = me.start(`${change.line} --settle 2s`);
    await server.arrived;
    running.kill(signal);
    const ended = await running.ended;
    expect([ended.code, server.account.now.keys.length]).toEqual([130, 1]);
    expect(secret.exec(ended.stdout)?.[0]).toBe(server.account.now.keys[0]?.apiKey);
  });

  test('is delivered when the command continues past its timeout after SIGSTOP', async ({ expect, onTestFinished }) => {
    const { server, me } = await lateCustomer(change, onTestFinished);
    const running = me.start(`${change.line} --settle 2s --timeout 3s`);
    const { answered } = await server.arrived;
    running.kill('SIGSTOP');
    await answered;
    running.kill('SIGCONT');
    const ended = await running.ended;
    expect([ended.code, server.account.now.keys.length]).toEqual([0, 1]);
    expect(secret.exec(ended.stdout)?.[0]).toBe(server.account.now.keys[0]?.apiKey);
  });

  test("isn't created again by --ensure after SIGKILL", async ({ expect, onTestFinished }) => {
    const { server, me } = await lateCustomer(change, onTestFinished);
    const running = me.start(change.line);
    await server.arrived;
    running.kill('SIGKILL');
    await running.ended;
    const second = await me.process(`${change.line} --ensure --settle 2s`);
    await server.committed();
    expect(server.account.now.keys).toHaveLength(1);
    expect(second.stdout + second.stderr).toContain(server.account.now.keys[0]?.id);
  });
});
