import { describe, expect, test } from 'vitest';
import { charge } from '../../src/domain/money.ts';
import { prefixOf } from '../../src/domain/usage-groups.ts';
import { parsePrices, pricedQuantities, priceFor } from '../../src/domain/usage-prices.ts';

const header = 'name,promptPerMillion,completionPerMillion,perRequest';

function cost(text: string, name: string, used: [requests: number, prompt: number, completion: number]) {
  const [requests, promptTokens, completionTokens] = used;
  const price = priceFor(parsePrices(text, 'prices.csv'), name);
  return price && charge(pricedQuantities(price, { requests, promptTokens, completionTokens }));
}

describe('the cost of usage', () => {
  test.each([
    // 0.1 + 0.2 in binary floats is more than 0.3, which would round up.
    [`${header}\n*,0.1,0.2,`, [0, 50_000, 0], 1],
    [`${header}\n*,0.1,0.2,`, [0, 49_999, 0], 0],
    [`${header}\n*,0.10,0.30,0.001\n`, [1000, 2_000_000, 3_000_000], 210],
    [`${header}\r\n"*","1.005",,\r\n`, [0, 1_000_000, 0], 101],
    ['[{"name":"*","perRequest":0.02}]', [3, 9, 9], 6],
    ['[{"name":"*","promptPerMillion":"999999999.99"}]', [0, 1_000_000, 0], 99_999_999_999],
  ] as const)('is exact: %j for %j is %i cents', (text, used, cents) => {
    expect(cost(text, 'acme', [...used])).toBe(cents);
  });

  test('is that of the name, or else of the prefix, or else of *', () => {
    const text = `${header}\nacme-prod,,,1\nacme,,,2\n*,,,3`;
    expect(['acme-prod', 'acme-dev', 'globex'].map((name) => cost(text, name, [1, 0, 0]))).toEqual([100, 200, 300]);
    expect(cost(`${header}\nacme,,,2`, 'globex', [1, 0, 0])).toBeUndefined();
  });

  test.each([
    ['', "it isn't CSV or a JSON list"],
    ['[', "it isn't CSV or a JSON list"],
    ['[]', 'it has no prices'],
    ['[1]', 'entry 1 has no name'],
    ['key,perRequest\na,1', "it isn't CSV or a JSON list"],
    [`${header}\n,1,1,1`, 'entry 1 has no name'],
    [`${header}\na,-1,,`, '"-1" in entry 1 is not a price in USD'],
    [`${header}\na,1e3,,`, '"1e3" in entry 1 is not a price in USD'],
    [`${header}\na,,,`, '"a" has no price'],
    [`${header}\na,1,,\na,2,,`, '"a" has two prices'],
    ['name,perToken\na,1', '"perToken" is not a known column'],
    [`${header}\na,1,2,3,4`, "it isn't CSV or a JSON list"],
  ])('refuses %j', (text, problem) => {
    expect(() => parsePrices(text, 'p.csv')).toThrow(`p.csv is not a valid price list: ${problem}`);
  });
});

test.each([
  ['acme-prod', 'acme'],
  ['acme_prod-eu', 'acme'],
  ['acme.prod', 'acme'],
  ['acme/prod', 'acme'],
  ['acme:prod', 'acme'],
  ['acme', 'acme'],
  ['Acme Corp', 'Acme Corp'],
  ['-acme', '-acme'],
])('takes the prefix of %j to be %j', (name, prefix) => {
  expect(prefixOf(name)).toBe(prefix);
});
