import type { Tokens } from './metering.ts';

const charactersPerToken = 4;

/** What the sandbox answers, in place of a model. */
export interface Completion extends Tokens {
  text: string;
  /** Whether the caller's limit cut the text short. */
  cut: boolean;
}

/**
 * The answer to a prompt: always the same sentence.
 *
 * @param maxTokens - the caller's limit, if any
 */
export function complete(model: string, prompt: string, maxTokens: number | undefined): Completion {
  const whole = `This is the CheapestInference sandbox speaking in place of ${model}: your key and your request are in order.`;
  const text = whole.slice(0, (maxTokens ?? Number.POSITIVE_INFINITY) * charactersPerToken);
  return {
    text,
    cut: text.length < whole.length,
    promptTokens: tokensIn(prompt),
    completionTokens: tokensIn(text),
  };
}

/** The text of a message's content, of which there are several shapes: a string, parts, or nothing. */
export function contentText(content: unknown): string {
  if (content === undefined || content === null) return '';
  return typeof content === 'string' ? content : JSON.stringify(content);
}

/** The text as a stream sends it: a word at a time. */
export function words(text: string): string[] {
  return text.match(/\S+\s*/g) ?? [];
}

/** What a completion costs a credit key, in millionths of a dollar: $0.60 and $2.50 per million tokens, rounded up. */
export function completionMicros({ promptTokens, completionTokens }: Tokens): number {
  const hundredthsOfMicros = 60 * promptTokens + 250 * completionTokens;
  return Math.ceil(hundredthsOfMicros / 100);
}

function tokensIn(text: string): number {
  return Math.max(1, Math.ceil(text.length / charactersPerToken));
}
