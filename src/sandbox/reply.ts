import * as z from 'zod/mini';

/** A request that is answered with an error; thrown, so that nothing is changed. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly headers: Record<string, string>;
  /** OpenAI's `error.code`, for programs. */
  readonly code: string | null;

  /** @param retryAfter - seconds, for the `Retry-After` header */
  constructor(status: number, message: string, { retryAfter, code }: { retryAfter?: number; code?: string } = {}) {
    super(message);
    this.status = status;
    this.headers = retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) };
    this.code = code ?? null;
  }
}

/** A JSON answer. */
export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json', ...headers } });
}

/** The Management API's envelope: `{"success": true, "data": …}`. */
export function enveloped(data: unknown): Response {
  return json({ success: true, data });
}

/** The Management API's errors: `{"success": false, "error": "…"}`. */
export function envelopedError(message: string, status: number, headers: Record<string, string> = {}): Response {
  return json({ success: false, error: message }, status, headers);
}

/**
 * A request's JSON body; undefined when it has none.
 *
 * @throws Refusal (400) when it is not JSON
 */
export function parseBody(text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, 'Malformed JSON body');
  }
}

/**
 * A body of the shape an endpoint takes.
 *
 * @throws Refusal (400) with the schema's message for the first thing that is wrong
 */
export function checkBody<T>(schema: z.ZodMiniType<T>, body: unknown): T {
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  throw new Refusal(400, parsed.error.issues[0]?.message ?? 'Invalid body');
}

/** A schema of a JSON object with these fields. */
export function body<Shape extends z.core.$ZodShape>(shape: Shape) {
  return z.object(shape, 'The body must be a JSON object');
}
