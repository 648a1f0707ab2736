import { describe, expect, test } from 'vitest';
import { checkJq, jq } from '../../src/output/jq.ts';

describe('a jq program', () => {
  test.each([
    ['.', '{"a":1}\n'],
    ['.a', '1\n'],
    ['"text", null, [1, 2]', 'text\nnull\n[1,2]\n'],
    ['.b', 'null\n'],
    ['empty', ''],
    ['.a # a comment', '1\n'],
    ['def f: 7; f', '7\n'],
  ])('%s makes %j of {"a":1}', async (program, lines) => {
    await expect(checkJq(program)).resolves.toBeUndefined();
    expect(await jq(program, { a: 1 })).toBe(lines);
  });

  test.each(['.[', '.a |', 'nope', '.)', ') | (.', '1 end'])('%s does not compile', async (program) => {
    const error = await checkJq(program).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: 'usage', exitCode: 2 });
    expect(String(error)).toContain(`--jq "${program}" is no jq program: `);
  });

  test('that fails says so', async () => {
    await expect(jq('.a.b', { a: 1 })).rejects.toMatchObject({ code: 'filter_failed', exitCode: 1 });
    await expect(jq('1, error("no")', null)).rejects.toMatchObject({ message: expect.stringContaining('no') });
  });
});
