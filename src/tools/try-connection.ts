import { type CallFormat, nextHours, tryKey } from '../account/keys/try-key.ts';
import type { Api } from '../api/index.ts';
import type { Context } from '../context/context.ts';
import { CommandError, withoutPeriod } from '../domain/errors.ts';
import { problemOf, type StoredKey } from '../domain/stored-key.ts';
import { harmless } from '../output/text.ts';
import { relativeTime, timeOfDay } from '../output/time.ts';
import type { OfferedModel } from './models.ts';
import type { Tool } from './tool.ts';

/** Whether a key and a model work. */
export interface Trial {
  /** Null: it can't be said now, because the key is outside its hours or busy. */
  readonly works: boolean | null;
  /** A sentence for people. */
  readonly detail: string;
  readonly failure?: CommandError;
}

/** Checks that the API has the only endpoint that a tool calls. @throws CommandError (unavailable) if it hasn't */
export async function requireResponses(
  api: Pick<Api, 'inference'>,
  { title }: Tool,
  { id }: OfferedModel,
): Promise<void> {
  try {
    await tryKey(api, id, 'responses');
  } catch (error) {
    if (!(error instanceof CommandError) || ![404, 405, 501].includes(error.status ?? 0)) throw error;
    throw new CommandError('unavailable', `${title} needs /v1/responses, and the API doesn't have it`, {
      hint: 'Nothing was changed. Connect another tool, such as opencode: `ci connect opencode`.',
      status: error.status,
      outcome: 'not_applied',
      cause: error,
    });
  }
}

/** What to try. */
export interface Attempt {
  readonly tool: Tool;
  readonly api: Pick<Api, 'inference'>;
  readonly model: string;
  readonly stored: StoredKey | undefined;
  /** Whether such a request was answered already. */
  readonly isTried: boolean;
}

/** Sends one real request with a key and a model, unless the key is outside its hours. */
export async function tryConnection(
  { connections, world }: Pick<Context, 'connections' | 'world'>,
  { tool, api, model: id, stored, isTried }: Attempt,
): Promise<Trial> {
  const model = harmless(id);
  if (isTried) return { works: true, detail: `The key works with ${model}.` };
  const now = await connections.now();
  const problem = stored && problemOf(stored, now);
  const later = (next: Date): Trial => ({
    works: null,
    detail: `The key works from ${timeOfDay(next, world.timeZone)} local time (${relativeTime(next, now)}), when its hours start.`,
  });
  if (problem?.kind === 'outside hours') return later(problem.next);
  const format: CallFormat = tool.api;
  try {
    const line = await tryKey(api, id, format);
    return { works: true, detail: `The key works.${line === '' ? '' : ` ${model} says: ${line}`}` };
  } catch (error) {
    if (!(error instanceof CommandError) || error.code === 'interrupted') throw error;
    const next = nextHours(error, now);
    if (next) return later(next);
    const what = withoutPeriod(error.message);
    if (error.code === 'rate_limited')
      return { works: null, detail: `The key is busy with another request, so it couldn't be tried: ${what}.` };
    return { works: false, detail: `A request with the key failed: ${what}.`, failure: error };
  }
}
