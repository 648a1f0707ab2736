/** A format in which programs call models. */
export type PromptFormat = 'openai' | 'anthropic';

/** The types of errors by status. Sources: the error codes in the documentation of OpenAI and Anthropic. */
const types: Readonly<Record<number, Readonly<Record<PromptFormat, string>>>> = {
  400: { openai: 'invalid_request_error', anthropic: 'invalid_request_error' },
  401: { openai: 'authentication_error', anthropic: 'authentication_error' },
  402: { openai: 'insufficient_quota', anthropic: 'billing_error' },
  403: { openai: 'permission_error', anthropic: 'permission_error' },
  404: { openai: 'invalid_request_error', anthropic: 'not_found_error' },
  405: { openai: 'invalid_request_error', anthropic: 'invalid_request_error' },
  413: { openai: 'invalid_request_error', anthropic: 'request_too_large' },
  429: { openai: 'rate_limit_error', anthropic: 'rate_limit_error' },
  503: { openai: 'server_error', anthropic: 'overloaded_error' },
};
const otherType = { openai: 'server_error', anthropic: 'api_error' };

/** An error of the API. */
interface ApiError {
  readonly status: number;
  readonly message: string;
  /** The `error.code` in OpenAI's format. */
  readonly code: string | null;
}

/** Returns the JSON value that a server answers with an error. */
export function errorBody({ status, message, code }: ApiError, format: PromptFormat): object {
  const type = (types[status] ?? otherType)[format];
  return format === 'anthropic'
    ? { type: 'error', error: { type, message } }
    : { error: { message, type, param: null, code } };
}
