import { describe, expect, test } from 'vitest';
import { at, failure, listAt, sandbox, textAt } from '../support/sandbox.ts';

describe('GET /api/pools', () => {
  test('lists what is sold, in the documented fields and order', async () => {
    const { data } = await sandbox();
    const list = await data('GET', '/api/pools');
    expect(at(list, 0)).toEqual({
      id: '6b1d3c8e-4f0a-4c57-9d26-0a1f5e7c2601',
      slug: 'kimi26',
      modelId: 'kimi-k2.6',
      modelName: 'Kimi K2.6',
      description: 'Dedicated Kimi K2.6 with unlimited usage.',
      status: 'active',
      totalSlots: 10,
      minPricePerDay: '39.00',
      manualProvisioning: false,
      annualDiscount: 0.15,
      models: ['kimi-k2.6'],
      infraSpec: '8x NVIDIA B200',
      blocks: [
        { block: 'asia', hoursUtc: '00:00-08:00', pricePerMonth: '39.00', status: 'available' },
        { block: 'europe', hoursUtc: '08:00-16:00', pricePerMonth: '49.00', status: 'available' },
        { block: 'americas', hoursUtc: '16:00-24:00', pricePerMonth: '45.00', status: 'available' },
      ],
    });
    expect(Object.keys(Object(at(list, 0)))).toEqual([
      'id',
      'slug',
      'modelId',
      'modelName',
      'description',
      'status',
      'totalSlots',
      'minPricePerDay',
      'manualProvisioning',
      'annualDiscount',
      'models',
      'infraSpec',
      'blocks',
    ]);
    expect(
      listAt(list).map((pool) => [
        at(pool, 'slug'),
        at(pool, 'modelId'),
        at(pool, 'status'),
        at(pool, 'manualProvisioning'),
        ...listAt(pool, 'blocks').map((block) => at(block, 'status')),
      ]),
    ).toEqual([
      ['kimi26', 'kimi-k2.6', 'active', false, 'available', 'available', 'available'],
      ['minimax-m3', 'MiniMax-M3', 'active', false, 'limited', 'available', 'sold-out'],
      ['glm5', 'glm-5', 'active', true, 'available', 'available', 'available'],
      ['deepseek-v4', 'deepseek-v4', 'funding', false, 'available', 'available', 'available'],
      ['qwen35', 'qwen3.5', 'paused', false, 'available', 'available', 'available'],
    ]);
  });

  test('responds with 304 to a client that has the current list', async () => {
    const { call, data } = await sandbox();
    const first = await call('GET', '/api/pools', { key: null });
    const tag = first.headers.get('etag') ?? '';
    expect(tag).toMatch(/^(W\/)?"[^"]+"$/);
    const second = await call('GET', '/api/pools', { headers: { 'If-None-Match': tag } });
    expect([second.status, second.body]).toEqual([304, '']);
    expect(second.headers.get('date')).toBe('Tue, 14 Apr 2026 09:00:00 GMT');
    expect((await call('GET', '/api/pools', { headers: { 'If-None-Match': '"other"' } })).status).toBe(200);

    await data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['asia'], quantity: 2 });
    const changed = await call('GET', '/api/pools', { headers: { 'If-None-Match': tag } });
    expect([changed.status, at(changed.body, 'data', 1, 'blocks', 0, 'status')]).toEqual([200, 'sold-out']);
  });

  test('marks a block with three available seats as limited', async () => {
    const { data } = await sandbox();
    const status = async () => at(await data('GET', '/api/pools'), 0, 'blocks', 2, 'status');
    await data('POST', '/api/pools/kimi26/subscribe', { blocks: ['americas'], quantity: 2 });
    expect(await status()).toBe('available');
    await data('POST', '/api/pools/kimi26/subscribe', { blocks: ['americas'] });
    expect(await status()).toBe('limited');
  });
});

describe('GET /api/pools/:id', () => {
  test('adds an entry for each hour of each seat', async () => {
    const { data } = await sandbox();
    const pool = await data('GET', '/api/pools/kimi26');
    const slots = listAt(pool, 'hourSlots');
    expect(slots).toHaveLength(24 * 10);
    expect(Object.keys(Object(pool))).toEqual([
      'id',
      'slug',
      'modelId',
      'modelName',
      'description',
      'status',
      'totalSlots',
      'minPricePerDay',
      'manualProvisioning',
      'annualDiscount',
      'hourSlots',
    ]);
    expect(
      slots.slice(0, 24).map((slot) => [at(slot, 'hour'), at(slot, 'slotIndex'), at(slot, 'pricePerDay')]),
    ).toEqual(Array.from({ length: 24 }, (_, hour) => [hour, 0, hour < 8 ? '4.88' : hour < 16 ? '6.13' : '5.63']));
    expect(Object.keys(Object(slots[0]))).toEqual(['id', 'hour', 'slotIndex', 'pricePerDay', 'status']);
    expect(new Set(slots.map((slot) => at(slot, 'id'))).size).toBe(240);
    expect(textAt(slots[0], 'id')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
    // Other users have slots 0 to 2 of asia, 0 to 1 of europe, and 0 to 3 of americas.
    const taken = slots.filter((slot) => at(slot, 'status') === 'taken');
    expect(taken).toHaveLength(8 * (3 + 2 + 4));
    expect(slots.filter((slot) => at(slot, 'status') === 'available')).toHaveLength(8 * (7 + 8 + 6));
  });

  test("accepts a UUID or a slug, and shows the account's seats as taken", async () => {
    const { data } = await sandbox();
    const free = async () =>
      listAt(await data('GET', '/api/pools/6B1D3C8E-4f0a-4c57-9d26-0a1f5e7c2601'), 'hourSlots')
        .filter((slot) => at(slot, 'slotIndex') === 3 && at(slot, 'status') === 'available')
        .map((slot) => at(slot, 'hour'));
    expect(await free()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    await data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'], quantity: 2 });
    expect(await free()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test('knows no other pool', async () => {
    const { call } = await sandbox();
    expect(await call('GET', '/api/pools/gpt-9')).toEqual(failure(404, 'Pool not found'));
  });
});
