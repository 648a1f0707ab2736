import { describe, expect, test } from 'vitest';
import { json, secret, settlesIn, type User, userOf } from '../../support/cli.ts';
import { errorOf, isChange, outcomesOf } from '../../support/lost.ts';
import { withResolvers } from '../../support/resolvers.ts';
import { listAt, textAt } from '../../support/sandbox.ts';
import { answer, type Behavior, recordedSandbox, reset, silence } from '../../support/servers.ts';

const line = 'keys create x --credit --json --timeout 60s';
const twice =
  'Continuing, although an earlier "create credit key x" (just now) may still go through. If it does, both take effect.';

/**
 * Starts two commands that create a key with the same name, the second with `--again`. The first request is not applied, and
 * its response is lost once the second request is applied. The second is answered when `answered` resolves.
 */
async function rivals(flags = '') {
  const made = withResolvers();
  const answered = withResolvers();
  let posts = 0;
  const first: Behavior = async (request, response) => {
    await made.promise;
    await reset(request, response);
  };
  const second: Behavior = async (request, response) => {
    const { status, body } = await api.box.call(request.method, request.path, { text: request.body });
    made.resolve();
    await answered.promise;
    await answer(status, body)(request, response);
  };
  const api: Awaited<ReturnType<typeof recordedSandbox>> = await recordedSandbox({
    instead(request) {
      if (!isChange(request)) return undefined;
      posts += 1;
      return posts === 1 ? first : posts === 2 ? second : undefined;
    },
  });
  const me: User = userOf(api);
  settlesIn(me, '1s');
  const one = me.start(`${line} ${flags}`);
  await api.got('POST');
  const other = me.start(`${line} --again`);
  await made.promise;
  const looks = () => api.requests.filter((each) => each === 'GET /api/keys').length;
  const before = looks();
  return { api, me, one, other, answered, looks: () => looks() - before };
}

/** Starts a sandbox that applies every change, and responds when `answered` resolves. */
async function answeredLater() {
  const answered = withResolvers();
  const api: Awaited<ReturnType<typeof recordedSandbox>> = await recordedSandbox({
    instead: (request) =>
      isChange(request)
        ? async (received, response) => {
            const { status, body } = await api.box.call(received.method, received.path, { text: received.body });
            await answered.promise;
            await answer(status, body)(received, response);
          }
        : undefined,
  });
  return { api, me: userOf(api), answered };
}

test('waits with a second key of the same name until the first one is created', async () => {
  const { api, me, answered } = await answeredLater();
  const first = me.start(line);
  await api.got('POST');
  const refused = await me.ci(`${line} --no-wait`);
  expect([refused.code, refused.stdout, errorOf(refused)]).toEqual([
    6,
    '',
    {
      code: 'busy',
      message: 'Another ci process is working on an earlier "create credit key x" (just now)',
      hint: 'Nothing was sent. Try again when it has finished, or pass --again to continue anyway.',
      status: null,
      retryable: true,
      outcome: 'not_applied',
    },
  ]);
  const second = me.start(line);
  await second.stderr(/^Waiting up to [\w ]+ for an earlier change: "create credit key x" \(just now\)\./);
  expect(api.changes).toHaveLength(1);
  answered.resolve();
  const [one, other] = await Promise.all([first.ended, second.ended]);
  const ids = [one, other].map((ended) => textAt(json(ended), 'id'));
  const made = listAt(await api.box.data('GET', '/api/keys')).map((key) => textAt(key, 'id'));
  expect([one.code, other.code, new Set(ids)]).toEqual([0, 0, new Set(made)]);
  expect(outcomesOf(me)).toEqual(['create-key applied', 'create-key applied']);
});

test('waits with an identical purchase until the first one is made, and then refuses it', async () => {
  const { api, me, answered } = await answeredLater();
  const subscribe = 'pools subscribe kimi26 --blocks europe --yes --json --timeout 60s';
  const first = me.start(subscribe);
  await api.got('POST');
  const words = 'subscribe kimi26 europe, 1 seat, monthly, $49.00';
  for (const flags of ['--no-wait', '--no-wait --ensure']) {
    const refused = await me.ci(`${subscribe} ${flags}`);
    expect([refused.code, refused.stdout, errorOf(refused)]).toMatchObject([
      6,
      '',
      {
        code: 'busy',
        message: `Another ci process is working on an earlier "${words}" (just now)`,
        outcome: 'not_applied',
      },
    ]);
  }
  const second = me.start(subscribe);
  const third = me.start(`${subscribe} --ensure`);
  await Promise.all([second, third].map((each) => each.stderr(/^Waiting up to [\w ]+ for an earlier change: "/)));
  answered.resolve();
  const [one, two, three] = await Promise.all([first.ended, second.ended, third.ended]);
  const [bought, ...others] = listAt(await api.box.seen(), 'subscriptions');
  expect([one.code, two.code, three.code, others, api.changes.length]).toEqual([0, 2, 0, [], 1]);
  expect(textAt(errorOf(two), 'message')).toBe(`You bought the same thing just now: ${textAt(bought, 'id')}`);
  expect([textAt(json(one), 'id'), textAt(json(three), 'id')]).toEqual([textAt(bought, 'id'), textAt(bought, 'id')]);
});

describe('two commands that create a key with the same name at once, the first of which loses its response', () => {
  test("don't mistake the other's key for their own, once it is recorded", async () => {
    const { api, me, one, other, answered, looks } = await rivals();
    await expect.poll(looks).toBeGreaterThan(0);
    answered.resolve();
    const [lost, made] = await Promise.all([one.ended, other.ended]);
    expect([lost.code, lost.stdout, errorOf(lost)]).toMatchObject([9, '', { outcome: 'not_applied' }]);
    const [key, ...others] = listAt(await api.box.data('GET', '/api/keys'));
    expect([made.code, textAt(json(made), 'id'), others]).toEqual([0, textAt(key, 'id'), []]);
    expect(made.stderr).toBe(`${twice}\n`);
    expect(outcomesOf(me)).toEqual(['create-key not_applied', 'create-key applied']);
  });

  test('have an unknown outcome while the other is working', async () => {
    const { me, one, other, answered } = await rivals('--settle 1s');
    const lost = await one.ended;
    expect([lost.code, lost.stdout]).toEqual([10, '']);
    expect(errorOf(lost)).toMatchObject({ code: 'outcome_unknown', outcome: 'unknown' });
    expect(lost.stderr).toContain('another ci process is making the same change');
    expect(lost.stderr).not.toMatch(secret);
    expect((await me.ci('history reconcile')).code).toBe(10);
    answered.resolve();
    expect((await other.ended).code).toBe(0);
    expect(outcomesOf(me)).toEqual(['create-key unknown', 'create-key applied']);
    expect(json(await me.ci('history reconcile --wait --json'))).toMatchObject([{ outcome: 'not_applied' }]);
  });
});

test('ignore a command that creates another key at the same time', async () => {
  let posts = 0;
  const api: Awaited<ReturnType<typeof recordedSandbox>> = await recordedSandbox({
    instead(request) {
      if (!isChange(request)) return undefined;
      posts += 1;
      if (posts === 1) return silence;
      return async (received, response) => {
        await api.box.call(received.method, received.path, { text: received.body });
        await reset(received, response);
      };
    },
  });
  const me = userOf(api);
  const other = me.start('keys create y --credit --timeout 60s');
  await api.got('POST');
  const { code, stdout } = await me.ci('keys create x --credit --secret-only');
  expect([code, stdout]).toEqual([0, expect.stringMatching(secret)]);
  other.kill('SIGKILL');
  await other.ended;
});
