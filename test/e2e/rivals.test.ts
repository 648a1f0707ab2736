import { describe, expect, test } from 'vitest';
import { listAt, textAt } from '../sandbox/harness.ts';
import { json, secret, type User, userOf } from './cli.ts';
import { errorOf, isChange, outcomesOf } from './lost.ts';
import { answer, type Behaviour, recordedSandbox, reset, silence } from './servers.ts';

/** Resolves when it is told to. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

/**
 * Two that make a key of one name at once: the first one's request is not carried out, and its answer is lost once the second one's is
 * carried out; the second one is answered when `answered` opens.
 */
async function rivals() {
  const made = gate();
  const answered = gate();
  let posts = 0;
  const first: Behaviour = async (request, response) => {
    await made.opened;
    await reset(request, response);
  };
  const second: Behaviour = async (request, response) => {
    const { status, body } = await api.box.call(request.method, request.path, { text: request.body });
    made.open();
    await answered.opened;
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
  const line = 'keys create x --credit --json --timeout 60s';
  const one = me.start(line);
  await api.got('POST');
  const other = me.start(line);
  await made.opened;
  const looks = () => api.requests.filter((each) => each === 'GET /api/keys').length;
  const before = looks();
  return { api, me, one, other, answered, looks: () => looks() - before };
}

describe('two that make a key of one name at once, where the first one’s answer is lost', () => {
  test('the first does not take the other’s key for its own, once that is told of it', async () => {
    const { api, me, one, other, answered, looks } = await rivals();
    await expect.poll(looks).toBe(1);
    answered.open();
    const [lost, made] = await Promise.all([one.ended, other.ended]);
    expect([lost.code, lost.stdout, errorOf(lost)]).toMatchObject([9, '', { outcome: 'not_applied' }]);
    const [key, ...others] = listAt(await api.box.data('GET', '/api/keys'));
    expect([made.code, textAt(json(made), 'id'), others]).toEqual([0, textAt(key, 'id'), []]);
    expect(outcomesOf(me)).toEqual(['create-key not_applied', 'create-key applied']);
  });

  test('the first does not know, while the other is at work', async () => {
    const { me, one, other, answered } = await rivals();
    const lost = await one.ended;
    expect([lost.code, lost.stdout]).toEqual([10, '']);
    expect(errorOf(lost)).toMatchObject({ code: 'outcome_unknown', outcome: 'unknown' });
    expect(lost.stderr).toContain('another ci is at work on the same');
    expect(lost.stderr).not.toMatch(secret);
    expect((await me.ci('history reconcile')).code).toBe(10);
    answered.open();
    expect((await other.ended).code).toBe(0);
    expect(outcomesOf(me)).toEqual(['create-key unknown', 'create-key applied']);
    expect(json(await me.ci('history reconcile --json'))).toMatchObject([{ outcome: 'not_applied' }]);
  });
});

test('one that makes another key at the same time is no rival', async () => {
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
