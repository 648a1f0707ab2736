import { errorBody } from '../domain/api-errors.ts';
import { envelopedError, json, Refusal } from './reply.ts';

/** Returns an error in the format of the path: OpenAI's, Anthropic's, or the envelope of the Management API. */
export function errorReply(path: string, error: Error): Response {
  const status = error instanceof Refusal ? error.status : 500;
  const headers = error instanceof Refusal ? error.headers : {};
  const code = error instanceof Refusal ? error.code : null;
  const { message } = error;
  const format = path.startsWith('/v1/') ? 'openai' : path.startsWith('/anthropic/') ? 'anthropic' : undefined;
  if (format === undefined) return envelopedError(message, status, headers);
  return json(errorBody({ status, message, code }, format), status, headers);
}
