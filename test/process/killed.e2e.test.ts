import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { json, lines, secret, settlesIn } from '../support/cli.ts';
import { errorOf, killedCustomer, outcomesOf } from '../support/lost.ts';
import { at, listAt, type TestSandbox, textAt } from '../support/sandbox.ts';

/** Creates a user with two subscriptions to a pool. Their `ci` was killed during a change, which settles within a second. */
function killed(line: string, isApplied: boolean) {
  return killedCustomer(line, isApplied, async ({ me, box }) => {
    settlesIn(me, '1s');
    await box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
    await box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['asia'] });
  });
}

const busy = (words: string) => ({
  code: 'busy',
  message: `An earlier "${words}" (just now) may still go through`,
  hint: 'Nothing was sent. Run `ci history reconcile --wait` to wait for its outcome, or pass --again to continue anyway.',
  status: null,
  retryable: true,
  outcome: 'not_applied',
});

describe.each([
  ['keys create x --credit', 'create credit key x'],
  ['keys create x', 'create key x'],
  ['keys create', 'create key'],
])('a key created again after its request was killed: %s', (line, words) => {
  const keys = async (box: TestSandbox) => listAt(await box.data('GET', '/api/keys'));

  test.each(['', ' --no-wait'])('is the one that was created, with its secret (%j)', async (flag) => {
    const { me, box, api } = await killed(line, true);
    const again = await me.ci(`${line} --json${flag}`);
    const [made, ...others] = await keys(box);
    expect([again.code, others, api.changes.length]).toEqual([0, [], 1]);
    expect(json(again)).toMatchObject({ id: textAt(made, 'id'), apiKey: textAt(made, 'apiKey') });
    expect(again.stderr).toBe(`"${words}" went through just now, so it was not sent again.\n`);
    expect(outcomesOf(me)).toEqual(['create-key applied']);
  });

  test('is created once after the first request has settled without effect', async () => {
    const { me, box, api } = await killed(line, false);
    const again = await me.ci(`${line} --json`);
    const [made, ...others] = await keys(box);
    expect([again.code, others, api.changes.length]).toEqual([0, [], 2]);
    expect(json(again)).toMatchObject({ id: textAt(made, 'id'), apiKey: textAt(made, 'apiKey') });
    expect(outcomesOf(me)).toEqual(['create-key not_applied', 'create-key applied']);
  });

  test('exits with 6 with --no-wait while the first may go through', async () => {
    const { me, api } = await killed(line, false);
    settlesIn(me, '10m');
    const again = await me.ci(`${line} --no-wait --json`);
    expect([again.code, again.stdout, api.changes.length, errorOf(again)]).toEqual([6, '', 1, busy(words)]);
    expect(outcomesOf(me)).toEqual(['create-key pending']);
  });

  test('is created twice with --again, which says so', async () => {
    const { me, box, api } = await killed(line, true);
    const again = await me.ci(`${line} --again --json`);
    expect([again.code, (await keys(box)).length, api.changes.length]).toEqual([0, 2, 2]);
    expect(lines(again.stderr)[0]).toBe(
      `Continuing, although an earlier "${words}" (just now) may still go through. If it does, both take effect.`,
    );
  });
});

describe('a key whose request was killed', () => {
  const create = 'keys create x --credit';

  test.each([true, false])('exists once after --ensure (applied: %s)', async (isApplied) => {
    const { me, box } = await killed(create, isApplied);
    const again = await me.ci(`${create} --ensure --json`);
    const [made, ...others] = listAt(await box.data('GET', '/api/keys'));
    expect([again.code, textAt(json(again), 'id'), others]).toEqual([0, textAt(made, 'id'), []]);
    expect(textAt(json(again), 'apiKey')).toMatch(secret);
  });

  test('is saved by the same command with --save', async () => {
    const { me, box } = await killed(create, true);
    expect((await me.ci(`${create} --save .env`)).code).toBe(0);
    const [made, ...others] = listAt(await box.data('GET', '/api/keys'));
    expect([readFileSync(path.join(me.home, '.env'), 'utf8'), others]).toEqual([
      expect.stringContaining(textAt(made, 'apiKey')),
      [],
    ]);
  });

  test('is adopted once by the same command after history reconcile found it', async () => {
    const { me, box, api } = await killed(create, true);
    expect((await me.ci('history reconcile')).code).toBe(0);
    const again = await me.ci(`${create} --json`);
    const [made, ...others] = listAt(await box.data('GET', '/api/keys'));
    expect([again.code, json(again), others]).toMatchObject([0, { apiKey: textAt(made, 'apiKey') }, []]);
    const third = await me.ci(`${create} --json`);
    expect([third.code, textAt(json(third), 'id') === textAt(made, 'id'), api.changes.length]).toEqual([0, false, 2]);
  });

  test.each(['keys create y --credit', 'keys create x --subscription none'])("doesn't block %s", async (line) => {
    const { me, api } = await killed(create, false);
    settlesIn(me, '10m');
    await me.ci(`${line} --no-wait`);
    expect(api.changes).toHaveLength(2);
  });
});

describe('a cancellation by a killed process', () => {
  const cancel = 'pools cancel kimi26 --yes';
  const ending = async (box: TestSandbox) =>
    listAt(await box.seen(), 'subscriptions').flatMap((each) =>
      at(each, 'cancelAtPeriodEnd') === true ? [textAt(each, 'id')] : [],
    );

  test.each(['', ' --no-wait'])('cancels one of two subscriptions if it is repeated (%j)', async (flag) => {
    const { me, box, api } = await killed(cancel, true);
    const [ended = ''] = await ending(box);
    const again = await me.ci(`${cancel} --json${flag}`);
    expect([again.code, await ending(box), api.changes.length]).toEqual([0, [ended], 1]);
    expect(json(again)).toMatchObject({ id: ended, poolSlug: 'kimi26', cancelAtPeriodEnd: true });
    expect(again.stderr).toBe(`"cancel kimi26 ${ended}" went through just now, so it was not sent again.\n`);
    expect(outcomesOf(me)).toEqual(['cancel applied']);
  });

  test('is sent again after it has settled without effect', async () => {
    const { me, box, api } = await killed(cancel, false);
    const again = await me.ci(`${cancel} --json`);
    expect([again.code, await ending(box), api.changes.length]).toEqual([0, [textAt(json(again), 'id')], 2]);
    expect(outcomesOf(me)).toEqual(['cancel not_applied', 'cancel applied']);
  });

  test('exits with 6 with --no-wait while it may go through', async () => {
    const { me, box, api } = await killed(cancel, false);
    settlesIn(me, '10m');
    const again = await me.ci(`${cancel} --no-wait --json`);
    expect([again.code, again.stdout, await ending(box), api.changes.length]).toEqual([6, '', [], 1]);
    expect(errorOf(again)).toMatchObject({
      code: 'busy',
      message: expect.stringMatching(/^An earlier "cancel kimi26 [0-9a-f-]{36}" \(just now\) may still go through$/),
      outcome: 'not_applied',
    });
  });

  test('is sent again with --again, which also ends the other subscription and says so', async () => {
    const { me, box, api } = await killed(cancel, true);
    const again = await me.ci(`${cancel} --again --json`);
    expect([again.code, (await ending(box)).length, api.changes.length]).toEqual([0, 2, 2]);
    expect(again.stderr).toMatch(
      /^Continuing, although an earlier "cancel kimi26 [0-9a-f-]{36}" \(just now\) may still go through\. If it does, both take effect\.\n/,
    );
  });
});
