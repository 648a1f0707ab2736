import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { createContext } from '../../src/context/create.ts';
import { chooseModel, offeredModels } from '../../src/tools/choose-model.ts';
import { limitsFor, limitsOf, type OfferedModel } from '../../src/tools/models.ts';
import type { Tool } from '../../src/tools/tool.ts';
import { tools } from '../../src/tools/tools.ts';
import { serving } from '../support/http-server.ts';
import { worldWith } from '../support/world.ts';

const kimi = { id: 'kimi-k2.6', limits: limitsOf('kimi-k2.6') };
const glm = { id: 'glm-5.1', limits: limitsOf('glm-5.1') };
const other = { id: 'acme/new' };
const stored = { name: 'app', id: 'k1', maskedKey: 'sk_live_…stuv' };

function toolNamed(name: string): Tool {
  const tool = tools.find((each) => each.name === name);
  if (!tool) throw new Error(`no tool ${name}`);
  return tool;
}

/** Chooses a model without a terminal. @returns the model, and the notes */
async function chosen(
  models: readonly OfferedModel[],
  choice: { readonly model?: string; readonly contextWindow?: number; readonly earlier?: string },
  tool = 'opencode',
) {
  const stderr = new PassThrough();
  const context = createContext(worldWith({ stdout: new PassThrough(), stderr }), () => ({
    input: true,
    color: true,
  }));
  const { earlier, ...others } = choice;
  const model = await chooseModel(context, models, { ...others, earlier, tool: toolNamed(tool) });
  return { model, notes: String(stderr.read() ?? '') };
}

/** Returns the models of an API, for a key without a pool. */
function offered(api: Parameters<typeof offeredModels>[1]['api'], choice: Parameters<typeof offeredModels>[2] = {}) {
  const unused = { api: () => Promise.reject(new Error('the account is not asked')) };
  return offeredModels(unused, { api, stored: undefined }, choice);
}

describe('the offered models', () => {
  test('are each there once, with their limits', async () => {
    const api = await serving({ data: ['kimi-k2.6', 'acme/new', 'kimi-k2.6'].map((id) => ({ id })) });
    expect(await offered(api)).toEqual([kimi, { id: 'acme/new', limits: undefined }]);
  });

  test.each([
    ['the only one', ['acme/new'], undefined, { 'acme/new': limitsFor(50_000) }],
    [
      'the one that --model names',
      ['acme/new', 'acme/old'],
      'acme/new',
      { 'acme/new': limitsFor(50_000), 'acme/old': undefined },
    ],
    ['none of several', ['acme/new', 'acme/old'], undefined, { 'acme/new': undefined, 'acme/old': undefined }],
    ['one that is known', ['kimi-k2.6'], undefined, { 'kimi-k2.6': limitsFor(50_000) }],
  ])('have the limit of --context-window: %s', async (_which, ids, model, limits) => {
    const api = await serving({ data: ids.map((id) => ({ id })) });
    const models = await offered(api, { model, contextWindow: 50_000 });
    expect(Object.fromEntries(models.map(({ id, limits: each }) => [id, each]))).toEqual(limits);
  });

  test.each(['a b', '$(x)', "it's", 'a"b', '', '-a', '../a', 'a\n', 'ü', 'a'.repeat(201), '{env:X}', '`x`', 'a\\b'])(
    "don't include the unusual name %j",
    async (id) => {
      const api = await serving({ data: [{ id }, { id: 'kimi-k2.6' }] });
      expect(await offered(api)).toEqual([kimi]);
    },
  );

  test('are those of the pool if the API does not answer outside its hours', async () => {
    const api = await serving({ error: { message: 'Outside the hours' } }, 429);
    const pools = await serving({ id: 1, slug: 'kimi26', modelId: 'kimi-k2.6', models: ['glm-5.1', 'kimi-k2.6'] });
    const account = { api: async () => pools };
    const pool = await offeredModels(account, { api, stored: { ...stored, poolSlug: 'kimi26' } }, {});
    expect(pool).toEqual([kimi, glm]);
    await expect(offeredModels(account, { api, stored }, {})).rejects.toMatchObject({ code: 'rate_limited' });
    const other = await serving({ error: { message: 'Out of order' } }, 403);
    const inPool = { api: other, stored: { ...stored, poolSlug: 'kimi26' } };
    await expect(offeredModels(account, inPool, {})).rejects.toMatchObject({ status: 403 });
  });

  test.each(['a', 'vendor/model:free', 'Model_1.5+x@2~y-z', 'a'.repeat(200)])('include %s', async (id) => {
    const api = await serving({ data: [{ id }] });
    expect((await offered(api)).map((model) => model.id)).toEqual([id]);
  });
});

describe('the model to use', () => {
  test.each([
    ['the only one', [kimi], {}, kimi],
    ['the one that --model names', [kimi, glm], { model: 'glm-5.1' }, glm],
    ['the one of the earlier connection', [kimi, glm], { earlier: 'glm-5.1' }, glm],
    ['the one that --model names, not the earlier one', [kimi, glm], { model: 'kimi-k2.6', earlier: 'glm-5.1' }, kimi],
    ['the only one, if the earlier one is gone', [kimi], { earlier: 'glm-5.1' }, kimi],
  ])('is %s', async (_which, models, choice, model) => {
    expect(await chosen(models, choice)).toEqual({ model, notes: '' });
  });

  test.each([
    [[], {}, 'unavailable', "This key doesn't offer any model", undefined],
    [[], { model: 'x' }, 'usage', 'This key doesn\'t offer the model "x"', "It doesn't offer any."],
    [[kimi], { model: 'x' }, 'usage', 'This key doesn\'t offer the model "x"', 'It offers kimi-k2.6.'],
    [[kimi], { model: 'KIMI-K2.6' }, 'usage', 'This key doesn\'t offer the model "KIMI-K2.6"', 'It offers kimi-k2.6.'],
    [
      [kimi, glm],
      {},
      'usage',
      'This key offers several models',
      'Pass one with --model. It offers kimi-k2.6 and glm-5.1.',
    ],
    [
      [kimi, glm],
      { earlier: 'gone' },
      'usage',
      'This key offers several models',
      'Pass one with --model. It offers kimi-k2.6 and glm-5.1.',
    ],
    [
      [kimi, glm],
      { contextWindow: 5, earlier: 'glm-5.1' },
      'usage',
      '--context-window needs --model, because this key offers several models',
      'Add --model.',
    ],
  ])('is refused: %j, %j', async (models, choice, code, message, hint) => {
    await expect(chosen(models, choice)).rejects.toMatchObject({ code, message, hint });
  });

  test('lists at most 20 others', async () => {
    const models = Array.from({ length: 30 }, (_, at) => ({ id: `m${at}` }));
    await expect(chosen(models, { model: 'x' })).rejects.toMatchObject({
      hint: expect.stringMatching(/^It offers m0, m1, .* and m19, and 10 more \(`ci models`\)\.$/),
    });
  });

  const taking = tools.filter(({ withoutLimits, needsLimits }) => withoutLimits !== undefined && !needsLimits);

  test.each(taking.map(({ name, withoutLimits }) => [name, withoutLimits]))(
    'leads to a note if %s takes limits that are not known',
    async (tool, withoutLimits) => {
      expect(await chosen([other], {}, tool)).toEqual({
        model: other,
        notes: `The context window of acme/new isn't known. Without it, ${withoutLimits}. If you know it, pass it with --context-window.\n`,
      });
    },
  );

  test.each(['llm', 'litellm', 'openai-sdk', 'anthropic-sdk'])(
    'leads to no note if %s takes no limits',
    async (tool) => {
      expect(await chosen([other], {}, tool)).toEqual({ model: other, notes: '' });
    },
  );

  test('is refused for a tool that needs limits', async () => {
    await expect(chosen([other], {}, 'zed')).rejects.toMatchObject({
      code: 'usage',
      message: "The context window of acme/new isn't known, and Zed needs it",
      hint: 'Look it up in the documentation of the model, and pass it with --context-window.',
    });
  });
});
