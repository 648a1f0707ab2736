import { nextHours, tryKey, worksFrom } from '../account/keys/try-key.ts';
import type { Api } from '../api/index.ts';
import type { Context } from '../context/context.ts';
import { CommandError, withoutPeriod } from '../domain/errors.ts';
import { redacted } from '../domain/secrets.ts';
import { problemOf, type StoredKey } from '../domain/stored-key.ts';
import { seatsFrom } from '../gateway/outside-hours.ts';
import { harmless } from '../output/text.ts';
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
export async function requireResponses({ inference }: Pick<Api, 'inference'>, { title }: Tool): Promise<void> {
  if (await inference.hasResponses()) return;
  throw new CommandError('unavailable', `${title} needs /v1/responses, and the API doesn't have it`, {
    hint: 'Nothing was changed. Connect another tool, such as opencode: `ci connect opencode`.',
    outcome: 'not_applied',
  });
}

/** What to try. */
export interface Attempt {
  readonly tool: Pick<Tool, 'api'>;
  readonly api: Pick<Api, 'client' | 'inference'>;
  /** The ID of the model. */
  readonly model: string;
  readonly stored: StoredKey | undefined;
  /** Whether the API is that of the gateway. */
  readonly gateway: boolean;
}

/** Sends one real request with a key and a model, unless the key is outside its hours. */
export async function tryConnection(
  { clocks, world }: Pick<Context, 'clocks' | 'world'>,
  { tool, api, model, stored, gateway }: Attempt,
): Promise<Trial> {
  const now = new Date(clocks.wall() + api.client.clockOffset);
  const problem = stored && problemOf(stored, now);
  const later = (next: Date): Trial => ({
    works: null,
    detail: (gateway ? seatsFrom : worksFrom)(next, now, world.timeZone),
  });
  if (problem?.kind === 'outside hours') return later(problem.next);
  try {
    const line = await tryKey(api, model, tool.api);
    return { works: true, detail: `The key works.${line === '' ? '' : ` ${harmless(model)} says: ${line}`}` };
  } catch (error) {
    if (!(error instanceof CommandError) || error.code === 'interrupted') throw error;
    const next = stored?.keyType === 'credit' ? undefined : nextHours(error, now);
    if (next) return later(next);
    const what = redacted(withoutPeriod(error.message));
    if (error.code === 'rate_limited') return { works: null, detail: `The key can't be tried right now: ${what}.` };
    return { works: false, detail: `A request with the key failed: ${what}.`, failure: error };
  }
}
