import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { ClientShares, WaitingRequests } from '../../src/gateway/waiting-clients.ts';

describe('ClientShares', () => {
  test('puts the client with the fewest running requests first', () => {
    const shares = new ClientShares();
    shares.start({ client: 'ann', model: undefined, sequence: 0 });
    const [ann, bob] = [
      { client: 'ann', model: undefined, sequence: 1 },
      { client: 'bob', model: undefined, sequence: 2 },
    ];
    shares.wait(ann);
    shares.wait(bob);
    expect(shares.compare(ann, bob)).toBeGreaterThan(0);
    expect(shares.compare(bob, ann)).toBeLessThan(0);
  });

  test('puts the client first whose last turn was the longest time ago', () => {
    const shares = new ClientShares();
    const [ann, bob] = [
      { client: 'ann', model: undefined, sequence: 1 },
      { client: 'bob', model: undefined, sequence: 0 },
    ];
    for (const each of [ann, bob]) shares.wait(each);
    for (const each of [ann, bob]) {
      shares.start(each);
      shares.end(each);
    }
    expect(shares.compare(ann, bob)).toBeLessThan(0);
  });

  test('counts the requests for each model by themselves', () => {
    const shares = new ClientShares();
    shares.start({ client: 'ann', model: 'glm', sequence: 0 });
    const [ann, bob] = [
      { client: 'ann', model: 'kimi', sequence: 1 },
      { client: 'bob', model: 'kimi', sequence: 2 },
    ];
    for (const each of [ann, bob]) shares.wait(each);
    expect(shares.compare(ann, bob)).toBeLessThan(0);
  });

  test('puts the request first that arrived first if clients are new', () => {
    const shares = new ClientShares();
    const [ann, bob] = [
      { client: 'ann', model: undefined, sequence: 5 },
      { client: 'bob', model: undefined, sequence: 4 },
    ];
    for (const each of [ann, bob]) shares.wait(each);
    expect(shares.compare(ann, bob)).toBeGreaterThan(0);
  });

  test('forgets clients without requests', () => {
    setFlagsFromString('--expose-gc');
    const collect: unknown = runInNewContext('gc');
    if (typeof collect !== 'function') throw new Error('the garbage collector is not available');
    const heap = () => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const shares = new ClientShares();
    const before = heap();
    for (let sequence = 0; sequence < 100_000; sequence++) {
      const request = {
        client: `${sequence} ${Buffer.alloc(500, 'a').toString('latin1')}`,
        model: undefined,
        sequence,
      };
      shares.wait(request);
      shares.start(request);
      shares.leave(request);
      shares.end(request);
    }
    expect(heap() - before).toBeLessThan(10_000_000);
    shares.wait({ client: 'ann', model: undefined, sequence: 0 });
  });
});

describe('WaitingRequests', () => {
  test('has a line for each client', () => {
    const requests = new WaitingRequests<{
      readonly client: string;
      readonly model: undefined;
      readonly sequence: number;
    }>();
    const all = ['ann', 'bob', 'ann', 'bob', 'ann'].map((client, sequence) => ({ client, model: undefined, sequence }));
    for (const each of all) requests.add(each);
    expect(requests.size).toBe(5);
    expect([...requests.heads()]).toEqual([all[0], all[1]]);
    expect(requests.remove({ client: 'ann', model: undefined, sequence: 0 })).toBe(false);
    expect(all.slice(0, 2).map((each) => requests.remove(each))).toEqual([true, true]);
    expect(all.slice(0, 2).map((each) => requests.remove(each))).toEqual([false, false]);
    expect([...requests.heads()]).toEqual([all[2], all[3]]);
    expect([...requests].sort((one, other) => one.sequence - other.sequence)).toEqual(all.slice(2));
    for (const each of all) requests.remove(each);
    expect([...requests]).toEqual([]);
    expect(requests.size).toBe(0);
  });
});
