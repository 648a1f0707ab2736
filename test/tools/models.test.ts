import { expect, test } from 'vitest';
import { limitsFor, limitsOf } from '../../src/tools/models.ts';

test.each([
  ['kimi-k2.6', 262_144],
  ['kimi-k2.5', 262_144],
  ['kimi-k2-6', 262_144],
  ['kimi-k2-thinking', 262_144],
  ['moonshotai/Kimi-K2.6', 262_144],
  ['vendors/moonshotai/Kimi-K2.6', 262_144],
  ['minimax-m3', 512_000],
  ['MiniMaxAI/MiniMax-M2', 196_608],
  ['minimax-m2.5', 196_608],
  ['zai-org/GLM-5', 200_000],
  ['glm-5.1', 200_000],
  ['glm-4.7', 200_000],
  ['deepseek-ai/DeepSeek-V4-Pro', 1_000_000],
  ['deepseek-v4-flash', 1_000_000],
  ['deepseek-v3.2', 128_000],
  ['Qwen/Qwen3.5-397B-A17B', 262_144],
  ['qwen-3.5', 262_144],
  ['qwen3-coder-480b-a35b-instruct', 262_144],
  ['openai/gpt-oss-120b', 131_072],
])('knows the context window of %s', (id, context) => {
  expect(limitsOf(id)?.context).toBe(context);
});

test.each([
  '',
  'kimi',
  'kimi-k2',
  'kimi-k2.7',
  'kimi-k2.6-turbo',
  'my-kimi-k2.6',
  'kimi-k2.6/other',
  'glm-5.2',
  'glm-55',
  'minimax-m2.7',
  'gpt-oss-20b',
  'kimi-k2.6\n',
  'constructor',
])("doesn't guess that of %j", (id) => {
  expect(limitsOf(id)).toBeUndefined();
});

test.each([
  [1, 1],
  [4, 1],
  [5, 2],
  [16_000, 4_000],
  [128_000, 32_000],
  [131_072, 32_768],
  [131_073, 32_768],
  [1_000_000, 32_768],
])('a context window of %i allows responses of %i', (context, output) => {
  expect(limitsFor(context)).toEqual({ context, output });
});
