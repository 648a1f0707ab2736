import { describe, expect, test } from 'vitest';
import { checkJq, jq } from '../../src/output/jq.ts';

const pools = [
  { slug: 'kimi26', price: 39, open: true },
  { slug: 'glm5', price: 49.5, open: false },
];

describe('jq', () => {
  test.each([
    ['.[].slug', 'kimi26\nglm5\n'],
    ['map(.price) | add', '88.5\n'],
    ['.[] | select(.open) | {slug}', '{"slug":"kimi26"}\n'],
    ['.', `${JSON.stringify(pools)}\n`],
    ['empty', ''],
    ['.[9].slug', 'null\n'],
    ['""', '\n'],
    ['"", "ü\\n"', '\nü\n\n'],
    ['[.[] | "\\(.slug):\\(.price)"] | join(", ")', 'kimi26:39, glm5:49.5\n'],
    ['def twice: . * 2; .[0].price | twice # a comment', '78\n'],
    ['[.[] | .slug | test("^k")] | @csv', 'true,false\n'],
  ])('filters the JSON with %j', async (program, lines) => {
    await expect(checkJq(program)).resolves.toBeUndefined();
    expect(await jq(program, pools)).toBe(lines);
  });

  test('filters megabytes', async () => {
    const keys = Array.from({ length: 20_000 }, (_, at) => ({ name: `key-${at}`, note: 'ü'.repeat(60) }));
    expect(await jq('.[].name', keys)).toBe(keys.map(({ name }) => `${name}\n`).join(''));
    expect(await jq('.', keys)).toBe(`${JSON.stringify(keys)}\n`);
  });

  test('fails with an exit code that no message explains', async () => {
    await expect(jq('null | halt_error', pools)).rejects.toThrow(
      'The jq expression "null | halt_error" failed: exit code 5',
    );
  });

  test('prints no message of the filter as a failure', async () => {
    expect(await jq('debug | empty', pools)).toBe('');
  });

  test.each(['.[', '.a |', 'nope', '.) , (.', '"unfinished', '1) else 2 end | (3'])(
    'refuses the invalid expression %j before it runs',
    async (program) => {
      await expect(checkJq(program)).rejects.toMatchObject({ code: 'usage', exitCode: 2 });
      await expect(checkJq(program)).rejects.toThrow(`"${program}" is not a valid jq expression: `);
    },
  );

  test.each([
    ['.[0].slug.x', 'Cannot index string with string ("x")'],
    ['.[0], error("boom")', 'boom'],
    ['.slug', 'Cannot index array with string ("slug")'],
  ])('fails with %j, and prints nothing', async (program, reason) => {
    await expect(checkJq(program)).resolves.toBeUndefined();
    await expect(jq(program, pools)).rejects.toMatchObject({ code: 'filter_failed', exitCode: 1, outcome: undefined });
    await expect(jq(program, pools)).rejects.toThrow(`The jq expression "${program}" failed: ${reason}`);
  });
});
