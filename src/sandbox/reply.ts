import * as z from 'zod/mini';

/** Refuses a request. Throwing it leaves the account unchanged. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly headers: Record<string, string>;
  /** The `error.code` of the OpenAI format. */
  readonly code: string | null;

  /** @param retryAfter - seconds, for the `Retry-After` header */
  constructor(status: number, message: string, { retryAfter, code }: { retryAfter?: number; code?: string } = {}) {
    super(message);
    this.status = status;
    this.headers = retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) };
    this.code = code ?? null;
  }
}

/** Returns a JSON response. */
export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json', ...headers } });
}

/** Returns a response in the envelope of the Management API: `{"success": true, "data": …}`. */
export function enveloped(data: unknown): Response {
  return json({ success: true, data });
}

/** Returns an error in the envelope of the Management API: `{"success": false, "error": "…"}`. */
export function envelopedError(message: string, status: number, headers: Record<string, string> = {}): Response {
  return json({ success: false, error: message }, status, headers);
}

/**
 * Parses the JSON body of a request. Returns undefined if it is empty.
 *
 * @throws Refusal (400) if it isn't JSON
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
 * Checks a body against the schema of an endpoint.
 *
 * @throws Refusal (400) with the schema's message for the first problem
 */
export function checkBody<T>(schema: z.ZodMiniType<T>, body: unknown): T {
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  throw new Refusal(400, parsed.error.issues[0]?.message ?? 'Invalid body');
}

/** Returns a schema of a JSON object with these fields. */
export function body<Shape extends z.core.$ZodShape>(shape: Shape) {
  return z.object(shape, 'The body must be a JSON object');
}
