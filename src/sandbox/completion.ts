import type { Tokens } from './metering.ts';

const charactersPerToken = 4;

/** What the sandbox answers instead of a model. */
export interface Completion extends Tokens {
  text: string;
  /** Whether the token limit cut the text short. */
  cut: boolean;
}

/**
 * Returns the answer to a prompt, which is always the same.
 *
 * @param maxTokens - the token limit, if any
 */
export function complete(model: string, prompt: string, maxTokens: number | undefined): Completion {
  const whole = `This is the CheapestInference sandbox, answering instead of ${model}. Your key and your request are correct.`;
  const text = whole.slice(0, (maxTokens ?? Number.POSITIVE_INFINITY) * charactersPerToken);
  return {
    text,
    cut: text.length < whole.length,
    promptTokens: tokensIn(prompt),
    completionTokens: tokensIn(text),
  };
}

/** Returns the content of a message as text. It can be a string, a list of parts, or missing. */
export function contentText(content: unknown): string {
  if (content === undefined || content === null) return '';
  return typeof content === 'string' ? content : JSON.stringify(content);
}

/** Splits a text into words, which a stream sends one at a time. */
export function words(text: string): string[] {
  return text.match(/\S+\s*/g) ?? [];
}

/** Returns the price of a completion for a credit key, in millionths of a dollar: $0.60 and $2.50 per million tokens, rounded up. */
export function completionMicros({ promptTokens, completionTokens }: Tokens): number {
  const hundredthsOfMicros = 60 * promptTokens + 250 * completionTokens;
  return Math.ceil(hundredthsOfMicros / 100);
}

function tokensIn(text: string): number {
  return Math.max(1, Math.ceil(text.length / charactersPerToken));
}
