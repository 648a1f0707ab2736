import { expect, test } from 'vitest';
import { Gateway } from '../../src/gateway/gateway.ts';
import type { GatewaySeat } from '../../src/gateway/seat.ts';
import { SeatApi } from '../support/seat-api.ts';
import { SeatClients } from '../support/seat-clients.ts';
import type { Load } from '../support/seat-load.ts';

function seat(at: number): GatewaySeat {
  return {
    id: `seat-${at}`,
    name: `seat-${at}`,
    key: `seat-${at}`,
    secret: `sk_pool_${at}`,
    pool: 'bench',
    subscriptionId: undefined,
    hours: undefined,
    models: new Set(['bench']),
    listed: [{ id: 'bench' }],
    version: '1',
  };
}

test('answers each request once, whatever goes wrong', async () => {
  const load: Load = { seed: 19, events: [1, 6], pause: [0, 2], eventSize: 40, faults: 3 };
  const count = 3000;
  const api = new SeatApi(load);
  const url = await api.start();
  const records: { complete: boolean }[] = [];
  const gateway = new Gateway({
    api: new URL(url),
    proxies: {},
    host: '127.0.0.1',
    port: 0,
    tokens: [{ token: 'gw_test', client: undefined }],
    waitsOutside: false,
    queueLimit: 1000,
    queueTimeout: 600_000,
    wall: Date.now,
    monotonic: () => performance.now(),
    onRequest: (record) => records.push(record),
  });
  const clients = new SeatClients();
  try {
    await gateway.start();
    gateway.update(Array.from({ length: 32 }, (_, at) => seat(at)));
    const target = { url: gateway.url, tokens: ['gw_test'] };
    const totals = await clients.run({ target, load, count, clients: 96 });
    await gateway.drain();
    const { violations, twice, changed, faults } = api.report();
    expect(totals.problems).toEqual([]);
    expect({ lost: totals.lost, violations, twice, changed }).toEqual({ lost: 0, violations: 0, twice: 0, changed: 0 });
    expect(totals.ended).toBe(count);
    // The other statuses were those of clients that went away.
    expect(Object.keys(totals.statuses).sort()).toEqual(['200', 'none']);
    expect(Object.keys(faults)).toHaveLength(9);
    // A client may go away before its request arrives.
    expect(records.length).toBeGreaterThanOrEqual(totals.outcomes.whole + totals.outcomes.half);
    expect(records.length).toBeLessThanOrEqual(count);
    expect(gateway.status).toMatchObject({ queue: 0, running: 0 });
  } finally {
    clients.close();
    await gateway.close();
    await api.stop();
  }
});
