import { envelopedError, json, Refusal } from './reply.ts';

const kinds: Record<number, { openai: string; anthropic: string }> = {
  400: { openai: 'invalid_request_error', anthropic: 'invalid_request_error' },
  401: { openai: 'authentication_error', anthropic: 'authentication_error' },
  402: { openai: 'insufficient_quota', anthropic: 'billing_error' },
  403: { openai: 'permission_error', anthropic: 'permission_error' },
  404: { openai: 'invalid_request_error', anthropic: 'not_found_error' },
  429: { openai: 'rate_limit_error', anthropic: 'rate_limit_error' },
};
const otherKind = { openai: 'server_error', anthropic: 'api_error' };

/** Returns an error in the format of the path: OpenAI's, Anthropic's, or the envelope of the Management API. */
export function errorReply(path: string, error: Error): Response {
  const status = error instanceof Refusal ? error.status : 500;
  const headers = error instanceof Refusal ? error.headers : {};
  const code = error instanceof Refusal ? error.code : null;
  const kind = kinds[status] ?? otherKind;
  const { message } = error;
  if (path.startsWith('/v1/'))
    return json({ error: { message, type: kind.openai, param: null, code } }, status, headers);
  if (path.startsWith('/anthropic/')) {
    return json({ type: 'error', error: { type: kind.anthropic, message } }, status, headers);
  }
  return envelopedError(message, status, headers);
}
