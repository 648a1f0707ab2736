import type { Api } from '../../api/index.ts';
import type { CommandError } from '../../domain/errors.ts';
import { relativeTime, timeOfDay } from '../../output/time.ts';

/** The format in which a program calls the API. */
export type CallFormat = 'openai' | 'anthropic' | 'responses';

const prompt = 'Say hello in one short sentence.';
/** Enough for the answer of a model that thinks first. */
const mostTokens = 1024;

/**
 * Sends one real request with an API key.
 *
 * @returns the first line of the answer
 * @throws CommandError of the API
 */
export async function tryKey(
  { inference }: Pick<Api, 'inference'>,
  model: string,
  format: CallFormat,
): Promise<string> {
  const messages = [{ role: 'user', content: prompt }] as const;
  if (format === 'responses') {
    await inference.response(model, prompt);
    return '';
  }
  const text =
    format === 'openai'
      ? (await inference.chat(model, messages)).choices[0]?.message?.content
      : (await inference.message(model, messages, mostTokens)).content.find((part) => part.text)?.text;
  const [line = ''] = (text ?? '').trim().split('\n');
  return line;
}

/** Returns when a pool key works again, if a failed request says that it is outside its hours; undefined for any other failure. */
export function nextHours(error: CommandError, now: Date): Date | undefined {
  const { code, retryAfter = 0 } = error;
  // The limit of one request at a time is over sooner.
  return code === 'rate_limited' && retryAfter > 60_000 ? new Date(now.getTime() + retryAfter) : undefined;
}

/** Returns a sentence that says when the hours of a key begin. @param timeZone - of the user */
export function worksFrom(next: Date, now: Date, timeZone: string): string {
  return `The key works from ${timeOfDay(next, timeZone)} local time (${relativeTime(next, now)}), when its hours start.`;
}
