import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Machine } from './machine.ts';
import type { Arrival } from './network.ts';

const hour = 3_600_000;

/** Responds with an empty list, or with a created key. */
function empty(arrival: Arrival): void {
  const data = arrival.method === 'GET' ? [] : { id: 'k1', name: 'prod', apiKey: `sk_live_${'a'.repeat(32)}` };
  const headers = { 'content-type': 'application/json' };
  arrival.answer({ status: 200, headers, body: JSON.stringify({ success: true, data }) });
}

async function machine(handle: (arrival: Arrival) => void): Promise<Machine> {
  const on = await Machine.turnOn(async (arrival) => handle(arrival));
  onTestFinished(() => on.turnOff());
  return on;
}

/** Holds the first request, and responds to the others. */
async function holding(): Promise<{ on: Machine; held: Arrival[] }> {
  const held: Arrival[] = [];
  const on = await machine((arrival) => {
    if (held.length === 0) held.push(arrival);
    else empty(arrival);
  });
  return { on, held };
}

describe('the clock', () => {
  test('stands still while a request and its response are in transit', async () => {
    const on = await machine(empty);
    const before = Date.now();
    const ci = await on.run('pools list --json', { atMost: hour });
    expect([ci.exitCode, ci.stdout, Date.now() - before]).toEqual([0, '[]\n', 0]);
  });

  test('moves to the timeout of a request without a response', async () => {
    const on = await machine(() => {});
    const before = Date.now();
    const ci = await on.run('pools list --json --timeout 7s', { atMost: hour });
    expect(ci.exitCode).toBe(9);
    expect(Date.now() - before).toBe(7000);
  });

  test('moves by exactly the given time', async () => {
    const on = await machine(empty);
    const before = [Date.now(), performance.now()] as const;
    await on.pass(hour);
    expect([Date.now() - before[0], performance.now() - before[1]]).toEqual([hour, hour]);
  });
});

describe('a process', () => {
  test('leaves its lock behind if it is killed, and the next one takes it', async () => {
    const { on, held } = await holding();
    const ci = on.start('keys create prod --credit --ensure --json');
    await on.until(() => held.length === 1, hour);
    ci.kill();
    const locks = () =>
      readdirSync(path.join(on.stateHome, 'cheapestinference')).filter((name) => /\.lock$/.test(name));
    expect([ci.exitCode, ci.isAlive, locks().length]).toEqual([null, false, 1]);
    const before = Date.now();
    await on.run('keys create prod --credit --ensure --json', { atMost: hour });
    expect([Date.now() - before < 1000, locks()]).toEqual([true, []]);
  });

  test('gets the response and its timers after it was stopped', async () => {
    const { on, held } = await holding();
    const ci = on.start('pools list --json --timeout 20s');
    await on.until(() => held.length === 1, hour);
    ci.stop();
    held.forEach(empty);
    await on.pass(10_000);
    expect([ci.isAlive, ci.stdout]).toEqual([true, '']);
    ci.continue();
    await on.until(() => !ci.isAlive, 0);
    expect([ci.exitCode, ci.stdout]).toEqual([0, '[]\n']);
  });

  test('ends if it is interrupted', async () => {
    const { on, held } = await holding();
    const ci = on.start('pools list --json');
    await on.until(() => held.length === 1, hour);
    ci.interrupt();
    await on.until(() => !ci.isAlive, hour);
    expect(ci.exitCode).toBe(130);
  });

  test('asks the user at its terminal', async () => {
    const on = await machine(empty);
    const asked: string[] = [];
    const ci = await on.run('api POST /api/keys/credit', {
      atMost: hour,
      person: (shown) => {
        if (!shown.endsWith('(y/N) ')) return undefined;
        asked.push(shown);
        return 'n';
      },
    });
    expect([ci.exitCode, asked.length]).toEqual([1, 1]);
  });
});
