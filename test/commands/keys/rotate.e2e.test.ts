import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { json, settlesIn, type User, userOf } from '../../support/cli.ts';
import { errorOf } from '../../support/lost.ts';
import { withResolvers } from '../../support/resolvers.ts';
import { at, listAt, poolKey, type TestSandbox, textAt } from '../../support/sandbox.ts';
import { answer, forward, type Instead, type RecordingServer, recordedSandbox } from '../../support/servers.ts';
import { enter, onTerminal } from '../../support/terminal.ts';

interface Customer {
  readonly me: User;
  readonly box: TestSandbox;
  readonly api: RecordingServer;
}

async function customer(instead?: Instead): Promise<Customer> {
  const api = await recordedSandbox(instead ? { instead } : {});
  return { me: userOf(api), box: api.box, api };
}

/** Creates a credit key of a customer with limits. */
async function key({ box }: Customer, name: string, limits: object = { maxBudget: 25, rpm: 5 }) {
  const created = await box.data('POST', '/api/keys/credit', { name, ...limits });
  return { id: textAt(created, 'id'), apiKey: textAt(created, 'apiKey') };
}

async function store({ me }: Customer, name: string, apiKey: string): Promise<void> {
  expect((await me.ci(['keys', 'secret', name, '--add'], { stdin: apiKey })).code).toBe(0);
}

async function keys({ box }: Customer): Promise<unknown[]> {
  return listAt(await box.data('GET', '/api/keys'));
}

/** Writes a program to the home directory. */
function program({ me }: Customer, name: string, script: string): void {
  const file = path.join(me.home, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

/** Answers as a server that allows one key per subscription. */
const oneKeyPerSeat: Instead = (request, box) =>
  request.path !== '/api/keys/subscription'
    ? undefined
    : async (received, response) => {
        const { subscriptionId } = JSON.parse(received.body);
        const all = listAt(await box.data('GET', '/api/keys'));
        if (all.some((each) => at(each, 'subscriptionId') === subscriptionId))
          return answer(409, { success: false, error: 'This subscription already has an active key' })(
            received,
            response,
          );
        return forward(box.url, received, response);
      };

describe('ci keys rotate', () => {
  test('keeps the limits of a credit key, and replaces it in the store of this machine', async () => {
    const one = await customer();
    const old = await key(one, 'acme');
    await store(one, 'acme', old.apiKey);
    const ended = await one.me.ci('keys rotate acme --yes --json');
    expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: '' });
    const [created, ...others] = await keys(one);
    expect(others).toEqual([]);
    expect(created).toMatchObject({ name: 'acme', keyType: 'credit', maxBudget: 25, rpm: 5, tpm: null });
    expect(json(ended)).toEqual({
      id: at(created, 'id'),
      name: 'acme',
      oldId: old.id,
      apiKey: expect.stringMatching(/^sk_sandbox_….{4}$/),
      savedTo: expect.stringMatching(/secrets\.json$/),
      variable: null,
    });
    expect((await one.me.ci('keys secret acme')).stdout).toBe(`${textAt(created, 'apiKey')}\n`);
  });

  test('keeps the subscription of a key', async () => {
    const one = await customer();
    const old = await poolKey(one.box);
    expect((await one.me.ci(`keys rotate ${old.id.slice(0, 8)} --store --yes`)).code).toBe(0);
    expect(await keys(one)).toMatchObject([{ name: 'default', subscriptionId: old.subscriptionId }]);
  });

  test('takes limits that the list does not show from the usage of the key', async () => {
    const one = await customer(({ method, path: url }, box) =>
      method === 'GET' && url === '/api/keys'
        ? async (received, response) => {
            const { body } = await box.call('GET', '/api/keys');
            const text = JSON.stringify(body).replaceAll(/"(?:maxBudget|rpm|tpm)":[^,}]*,/g, '');
            await answer(200, text)(received, response);
          }
        : undefined,
    );
    const old = await key(one, 'acme', { maxBudget: 12.5, tpm: 900 });
    expect((await one.me.ci('keys rotate acme --store --yes')).code).toBe(0);
    const created = one.api.received.find(({ method }) => method === 'POST');
    expect(JSON.parse(created?.body ?? '')).toEqual({ name: 'acme', maxBudget: 12.5, tpm: 900 });
    expect((await keys(one)).map((each) => at(each, 'id'))).not.toContain(old.id);
  });

  test('refuses a credit key whose limits nobody says, and sends nothing', async () => {
    const one = await customer(({ method, path: url }, box) =>
      method === 'GET' && url === '/api/keys'
        ? async (received, response) => {
            const { body } = await box.call('GET', '/api/keys');
            const text = JSON.stringify(body).replaceAll(/"(?:maxBudget|rpm|tpm|apiKey)":[^,}]*,/g, '');
            await answer(200, text)(received, response);
          }
        : undefined,
    );
    await key(one, 'acme');
    const ended = await one.me.ci('keys rotate acme --store --yes');
    expect(ended.code).toBe(6);
    expect(ended.stderr).toContain("The API doesn't show its limits");
    expect(ended.stderr).toContain('ci keys secret NAME --add');
    expect(one.api.changes).toEqual([]);
  });

  test('needs consent, and a place for the secret', async () => {
    const one = await customer();
    await key(one, 'acme');
    const unasked = await one.me.ci('keys rotate acme --store --json');
    expect([unasked.code, at(errorOf(unasked), 'code')]).toEqual([2, 'confirmation_required']);
    expect(one.api.requests).toEqual([]);
    const nowhere = await one.me.ci('keys rotate acme --yes');
    expect(nowhere.code).toBe(2);
    expect(nowhere.stderr).toContain('--save FILE, --save-to FILE, --to DESTINATION or --store');
    expect(one.api.changes).toEqual([]);
  });

  test.each([
    ['keys rotate --yes', 'Pass their IDs or names'],
    ['keys rotate acme --pool kimi26 --yes', "can't be combined"],
    ['keys rotate acme --resume --yes', "--resume can't be combined with key names"],
    ['keys rotate acme --store --overlap soon --yes', '"soon" is not a valid duration for --overlap'],
    ['keys rotate acme --store --prove ./check --yes', 'Use command:PROGRAM'],
    ['keys rotate acme --store --prove command:./nothing --yes', "./nothing can't be found"],
    ['keys rotate acme --store --overlap command:./nothing --yes', "./nothing can't be found"],
    ['keys rotate acme --to kubernetes-manifest:a/b --yes', 'prints the secret'],
    ['keys rotate acme other --save .env --yes', '--save takes the secret of one key, and 2 keys would be rotated'],
    ['keys rotate nobody --store --yes', 'Key "nobody" doesn\'t exist'],
    ['keys rotate acme --store --force --yes', '--force needs --save'],
  ])('refuses `ci %s`, and changes nothing', async (line, message) => {
    const one = await customer();
    await key(one, 'acme');
    await key(one, 'other');
    const ended = await one.me.ci(line);
    expect(ended.stderr).toContain(message);
    expect([1, 2, 5]).toContain(ended.code);
    expect(one.api.changes).toEqual([]);
  });

  test('refuses to replace another value in a dotenv file without --force', async () => {
    const one = await customer();
    const old = await key(one, 'acme');
    const file = path.join(one.me.home, '.env');
    writeFileSync(file, 'CHEAPESTINFERENCE_API_KEY=sk_live_0123456789abcdefghijkl\n');
    const ended = await one.me.ci('keys rotate acme --save .env --yes --json');
    expect([ended.code, at(errorOf(ended), 'outcome')]).toEqual([2, 'not_applied']);
    expect(one.api.changes).toEqual([]);
    expect(await keys(one)).toMatchObject([{ id: old.id }]);
    expect((await one.me.ci('keys rotate --resume --json')).stdout).toBe('{"rotated":[],"failed":[]}\n');
    expect((await one.me.ci('keys rotate acme --save .env --force --yes')).code).toBe(0);
  });

  test('rotates the keys that are older, several at once, and no key twice', async () => {
    const one = await customer();
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const name of names) await key(one, name);
    await one.box.advance(40 * 24 * 3_600_000);
    await key(one, 'new');
    const ended = await one.me.ci('keys rotate --older-than 30d --store --yes --json');
    expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: '' });
    const rotated = listAt(json(ended), 'rotated').map((each) => textAt(each, 'name'));
    expect(rotated.sort()).toEqual(names);
    expect(listAt(json(ended), 'failed')).toEqual([]);
    expect((await keys(one)).map((each) => textAt(each, 'name')).sort()).toEqual([...names, 'new'].sort());
    const again = await one.me.ci('keys rotate --older-than 30d --store --yes --json');
    expect({ ...again, stderr: '' }).toMatchObject({ code: 0, stdout: '{"rotated":[],"failed":[]}\n' });
    expect(again.stderr).toBe('No key is older than 30 days.\n');
  });

  test('rotates the keys of a pool, also those with one name', async () => {
    const one = await customer();
    const { subscriptionId } = await poolKey(one.box);
    await one.box.data('POST', '/api/keys/subscription', { subscriptionId });
    await poolKey(one.box, ['asia'], 'minimax-m3');
    const credit = await key(one, 'credit');
    const before = (await keys(one)).filter((each) => at(each, 'subscriptionId') === subscriptionId);
    const ended = await one.me.ci('keys rotate --pool kimi26 --store --yes --json');
    expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: '' });
    const after = await keys(one);
    const ofSeat = after.filter((each) => at(each, 'subscriptionId') === subscriptionId);
    expect(ofSeat.length).toBe(2);
    for (const each of before) expect(ofSeat.map((other) => at(other, 'id'))).not.toContain(at(each, 'id'));
    expect(after.length).toBe(4);
    expect(after.map((each) => at(each, 'id'))).toContain(credit.id);
  });

  test('continues with the others if one fails, and lists it', async () => {
    let isRefused = true;
    const one = await customer(({ method, body }) =>
      method === 'POST' && isRefused && body.includes('"b"')
        ? answer(400, { success: false, error: 'No b today' })
        : undefined,
    );
    const old = await key(one, 'b');
    await key(one, 'a');
    await key(one, 'c');
    const ended = await one.me.ci('keys rotate a b c --store --yes --json');
    expect(ended.code).toBe(1);
    expect(
      listAt(json(ended), 'rotated')
        .map((each) => at(each, 'name'))
        .sort(),
    ).toEqual(['a', 'c']);
    expect(listAt(json(ended), 'failed')).toMatchObject([
      { name: 'b', id: old.id, error: { message: 'No b today', outcome: 'not_applied' } },
    ]);
    expect(errorOf(ended)).toMatchObject({ code: 'partly_failed', outcome: 'applied' });
    expect((await keys(one)).map((each) => at(each, 'id'))).toContain(old.id);
    isRefused = false;
    expect((await one.me.ci('keys rotate b --store --yes')).code).toBe(0);
    expect((await keys(one)).length).toBe(3);
  });

  test('revokes a new key that the API does not accept, and delivers nothing', async () => {
    const one = await customer(({ path: url }) =>
      url === '/v1/models' ? answer(401, { error: { message: 'Invalid API key' } }) : undefined,
    );
    const old = await key(one, 'acme');
    const ended = await one.me.ci('keys rotate acme --save .env --yes --json');
    expect(ended.code).toBe(6);
    expect(errorOf(ended)).toMatchObject({
      message: "The new key doesn't work: Invalid API key",
      hint: `Key "acme" (${old.id}) stays valid.`,
      outcome: 'not_applied',
    });
    expect(await keys(one)).toMatchObject([{ id: old.id }]);
    expect(existsSync(path.join(one.me.home, '.env'))).toBe(false);
    expect(one.api.requests.filter((name) => name === 'GET /v1/models').length).toBeGreaterThan(3);
  });

  test('waits for a server that does not know the new key yet', async () => {
    let count = 0;
    const one = await customer(({ path: url }) =>
      url === '/v1/models' && ++count < 3 ? answer(401, { error: { message: 'Invalid API key' } }) : undefined,
    );
    await key(one, 'acme');
    expect((await one.me.ci('keys rotate acme --store --yes')).code).toBe(0);
    expect(count).toBe(3);
  });

  test('proves the key with a program, which gets the secret on stdin, after it was delivered', async () => {
    const one = await customer();
    const old = await key(one, 'acme');
    program(one, 'check', 'cat > got; grep -q "$(cat got)" .env && test -e ready');
    const failed = await one.me.ci('keys rotate acme --save .env --prove command:./check --yes --json');
    expect(failed.code).toBe(1);
    const [created] = (await keys(one)).filter((each) => at(each, 'id') !== old.id);
    expect(errorOf(failed)).toMatchObject({ code: 'file_error', outcome: 'applied' });
    expect(textAt(errorOf(failed), 'hint')).toBe(
      `To prove it with another program, run \`ci keys rotate acme --prove command:PROGRAM\`. Key "acme" (${old.id}) stays valid. New key ${at(created, 'id')} was delivered. Run \`ci keys rotate --resume\` to continue.`,
    );
    expect(readFileSync(path.join(one.me.home, 'got'), 'utf8')).toBe(at(created, 'apiKey'));
    expect(one.api.requests).not.toContain('GET /v1/models');
    writeFileSync(path.join(one.me.home, 'ready'), '');
    expect((await one.me.ci('keys rotate --resume')).code).toBe(0);
    expect(await keys(one)).toMatchObject([{ id: at(created, 'id') }]);
  });

  test('keeps both keys for the overlap, which all keys wait for together', async () => {
    const one = await customer();
    for (const name of ['a', 'b']) await key(one, name);
    const begun = one.api.received.length;
    const ended = await one.me.ci('keys rotate a b --store --overlap 1h --yes --json');
    expect(ended.code).toBe(0);
    expect(ended.stderr.match(/Waiting 1 hour/g)).toHaveLength(1);
    expect(one.api.changes.slice(begun).map((name) => name.split(' ')[0])).toEqual([
      'POST',
      'POST',
      'DELETE',
      'DELETE',
    ]);
    expect((await keys(one)).length).toBe(2);
  });

  test('ends the overlap when a program succeeds', async () => {
    const one = await customer();
    await key(one, 'acme');
    program(one, 'deployed', 'echo >> runs; test $(wc -l < runs) -ge 3');
    expect((await one.me.ci('keys rotate acme --store --overlap command:./deployed --yes')).code).toBe(0);
    expect(readFileSync(path.join(one.me.home, 'runs'), 'utf8')).toBe('\n\n\n');
    expect((await keys(one)).length).toBe(1);
  });

  test('does not revoke the old key if the new one was revoked during the overlap', async () => {
    const one = await customer();
    const old = await key(one, 'acme');
    program(one, 'deployed', 'test -e ready');
    const running = one.me.start('keys rotate acme --store --overlap command:./deployed --yes');
    await running.stderr(/Waiting for the program/);
    running.kill('SIGINT');
    expect((await running.ended).code).toBe(130);
    const [created] = (await keys(one)).filter((each) => at(each, 'id') !== old.id);
    await one.box.data('DELETE', `/api/keys/${textAt(created, 'id')}`);
    writeFileSync(path.join(one.me.home, 'ready'), '');
    const resumed = await one.me.ci('keys rotate --resume --json');
    expect(resumed.code).toBe(6);
    expect(textAt(errorOf(resumed), 'message')).toContain("is no longer active, so the old one isn't revoked");
    expect((await keys(one)).map((each) => at(each, 'id'))).toEqual([old.id]);
    expect((await one.me.ci('keys rotate acme --yes')).code).toBe(0);
    const [last, ...others] = await keys(one);
    expect([at(last, 'id') === old.id, others]).toEqual([false, []]);
    expect((await one.me.ci('keys secret acme')).stdout).toBe(`${textAt(last, 'apiKey')}\n`);
  });

  test('continues an unfinished rotation of a key instead of rotating it twice', async () => {
    const one = await customer();
    await key(one, 'acme');
    const running = one.me.start('keys rotate acme --store --overlap 1h --yes');
    await running.stderr(/Waiting/);
    const busy = await one.me.ci('keys rotate acme --store --yes --json');
    expect([busy.code, at(errorOf(busy), 'code')]).toEqual([6, 'busy']);
    running.kill('SIGKILL');
    await running.ended;
    expect((await one.me.ci('keys rotate acme --store --yes')).code).toBe(0);
    expect(one.api.changes.map((name) => name.split(' ')[0])).toEqual(['POST', 'DELETE']);
    expect((await keys(one)).length).toBe(1);
  });

  test('names --allow-gap if a seat allows one key, and leaves the old key', async () => {
    const one = await customer(oneKeyPerSeat);
    const old = await poolKey(one.box);
    const ended = await one.me.ci('keys rotate default --store --yes --json');
    expect(ended.code).toBe(6);
    expect(errorOf(ended)).toMatchObject({
      hint: expect.stringContaining('--allow-gap'),
      outcome: 'not_applied',
    });
    expect(await keys(one)).toMatchObject([{ id: old.id }]);
  });

  test('revokes the old key first with --allow-gap', async () => {
    const one = await customer(oneKeyPerSeat);
    const old = await poolKey(one.box);
    const ended = await one.me.ci('keys rotate default --save .env --allow-gap --yes --json');
    expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: '' });
    const [created, ...others] = await keys(one);
    expect([at(created, 'id') === old.id, others]).toEqual([false, []]);
    expect(readFileSync(path.join(one.me.home, '.env'), 'utf8')).toContain(textAt(created, 'apiKey'));
  });

  test('says that no key works if it fails in the gap, and resumes', async () => {
    let isDown = false;
    const one = await customer((request, box) => {
      if (request.method === 'DELETE') isDown = true;
      if (isDown && request.path === '/api/keys/subscription') return answer(400, { success: false, error: 'Down' });
      return oneKeyPerSeat(request, box);
    });
    const old = await poolKey(one.box);
    const ended = await one.me.ci('keys rotate default --save .env --allow-gap --yes --json');
    expect(ended.code).toBe(1);
    expect(textAt(errorOf(ended), 'hint')).toContain(
      `Key "default" (${old.id}) was revoked, and no new key was delivered: no key works now. Run \`ci keys rotate --resume\``,
    );
    expect(at(errorOf(ended), 'outcome')).toBe('applied');
    isDown = false;
    // The old key is gone, so nothing is deleted that would bring the failure back.
    expect((await one.me.ci('keys rotate --resume --json')).code).toBe(0);
    const [created, ...others] = await keys(one);
    expect(others).toEqual([]);
    expect(readFileSync(path.join(one.me.home, '.env'), 'utf8')).toContain(textAt(created, 'apiKey'));
  });

  test('shows on a terminal what it will do, and does nothing unless you agree', async () => {
    const one = await customer();
    const old = await key(one, 'acme');
    await store(one, 'acme', old.apiKey);
    const declining = onTerminal(one.me, 'keys rotate acme --overlap 1h --allow-gap', { columns: 120 });
    await declining.shows('Rotate this key?');
    for (const text of [
      /Key +acme/,
      /New secret +this machine/,
      /Proof +the API accepts the new key/,
      /Old key +revoked 1 hour after/,
      /Gap +If a seat allows one key/,
    ])
      expect(declining.screen).toMatch(text);
    declining.type(enter);
    expect(await declining.exit).toBe(1);
    expect(one.api.changes).toEqual([]);
    const agreeing = onTerminal(one.me, 'keys rotate', { columns: 120 });
    await agreeing.shows('Keys to rotate:');
    agreeing.type(` ${enter}`);
    await agreeing.shows('Rotate this key?');
    agreeing.type(`y${enter}`);
    expect(await agreeing.exit).toBe(0);
    expect(agreeing.screen).toContain('Rotated 1 key.');
    expect(agreeing.written).not.toContain(old.apiKey);
    expect(await keys(one)).toMatchObject([{ name: 'acme' }]);
  });

  test('rotates many keys exactly once, although it is killed again and again', { timeout: 120_000 }, async () => {
    let left = Number.POSITIVE_INFINITY;
    let die = () => {};
    const one = await customer(() => (--left === 0 ? () => die() : undefined));
    const names = Array.from({ length: 12 }, (_, at) => `customer-${at}`);
    for (const name of names) await key(one, name);
    settlesIn(one.me, '1s');
    await one.box.advance(40 * 24 * 3_600_000);
    let code: number | null = null;
    for (let count = 0; code !== 0 && count < 20; count++) {
      const running = one.me.start('keys rotate --older-than 30d --store --yes --json');
      die = () => running.kill('SIGKILL');
      left = 9 + count;
      ({ code } = await running.ended);
    }
    expect(code).toBe(0);
    const after = await keys(one);
    expect(after.map((each) => textAt(each, 'name')).sort()).toEqual([...names].sort());
    for (const each of after) {
      expect((await one.me.ci(`keys secret ${textAt(each, 'name')}`)).stdout).toBe(`${textAt(each, 'apiKey')}\n`);
    }
    expect((await one.me.ci('keys rotate --resume --json')).stdout).toBe('{"rotated":[],"failed":[]}\n');
  });

  test('does not replace a key that another command replaced after it was listed', async () => {
    let isHeld = true;
    const { promise: released, resolve: release } = withResolvers();
    const one = await customer(({ path: url }, box) => {
      if (url !== '/api/keys' || !isHeld) return undefined;
      isHeld = false;
      return async (received, response) => {
        const { body } = await box.call('GET', '/api/keys');
        await released;
        await answer(200, body)(received, response);
      };
    });
    const old = await key(one, 'acme');
    const slow = one.me.start('keys rotate acme --store --yes --json');
    await one.api.got('GET');
    expect((await one.me.ci('keys rotate acme --store --yes')).code).toBe(0);
    release();
    const ended = await slow.ended;
    expect([ended.code, at(errorOf(ended), 'message')]).toEqual([
      6,
      `Another ci process has replaced or revoked key "acme" (${old.id})`,
    ]);
    expect((await keys(one)).length).toBe(1);
  });

  test('is done by one of two commands at the same time', async () => {
    const one = await customer();
    for (const name of ['a', 'b', 'c']) await key(one, name);
    const ended = await Promise.all([0, 1].map(() => one.me.start('keys rotate a b c --store --yes --json').ended));
    expect(ended.filter(({ code }) => code === 0).length).toBeGreaterThan(0);
    expect(one.api.changes.filter((name) => name.startsWith('DELETE')).length).toBe(
      one.api.changes.filter((name) => name.startsWith('POST')).length,
    );
    expect((await keys(one)).map((each) => textAt(each, 'name')).sort()).toEqual(['a', 'b', 'c']);
  });
});
