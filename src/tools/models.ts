/** How much text a model takes, in tokens. */
export interface ModelLimits {
  /** The context window: input and output together. */
  readonly context: number;
  /** The longest response to ask for. */
  readonly output: number;
}

/** A model that a key can use. */
export interface OfferedModel {
  /** As the API names it. */
  readonly id: string;
  /** Undefined if they aren't known. */
  readonly limits?: ModelLimits | undefined;
}

/**
 * The longest response that tools ask for, in tokens. Models can write more, but a request for more than fits into the context window
 * besides the prompt fails.
 */
const longestResponse = 32_768;

/**
 * The context windows of models, in tokens. The IDs are in lower case and without the names of their makers. The API has no endpoint for
 * them. Where sources differ, these are the lowest: a limit that is too high makes requests fail, and one that is too low only makes a
 * tool summarize earlier.
 *
 * Sources: https://github.com/anomalyco/models.dev, in `models/` and for the hosts in `providers/`.
 */
const contextWindows: readonly (readonly [RegExp, number])[] = [
  [/^kimi-k2([.-][56]|-thinking)$/, 262_144],
  // MiniMax advertises 1M tokens. models.dev has 512,000.
  [/^minimax-m3$/, 512_000],
  [/^minimax-m2([.-][15])?$/, 196_608],
  // models.dev has 200,000 to 204,800, and Hugging Face 202,752.
  [/^glm-(5([.-]1)?|4[.-][67])$/, 200_000],
  [/^deepseek-v4(-pro|-flash)?$/, 1_000_000],
  [/^deepseek-v3[.-]2$/, 128_000],
  [/^qwen-?3[.-]5(-397b-a17b)?$/, 262_144],
  [/^qwen-?3-coder(-480b-a35b(-instruct)?)?$/, 262_144],
  [/^gpt-oss-120b$/, 131_072],
];

/** Returns the limits of a model; undefined if they aren't known. @param id - as the API names it, such as `moonshotai/Kimi-K2.6` */
export function limitsOf(id: string): ModelLimits | undefined {
  const name = id.toLowerCase().replace(/^.*\//, '');
  const context = contextWindows.find(([pattern]) => pattern.test(name))?.[1];
  return context === undefined ? undefined : limitsFor(context);
}

/** Returns the limits of a model with a context window, in tokens. */
export function limitsFor(context: number): ModelLimits {
  // A quarter leaves room for the prompt.
  return { context, output: Math.min(longestResponse, Math.ceil(context / 4)) };
}
