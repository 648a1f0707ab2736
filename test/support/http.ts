import { Agent, request } from 'undici';

/** A whole answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** How to ask. */
interface HttpRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Without it, or empty, the request has no body. */
  readonly body?: string | undefined;
}

/** Servers close idle connections after 5 s. A busy machine may notice that late, so these aren't used again after so long. */
const dispatcher = new Agent({ keepAliveTimeout: 500, keepAliveMaxTimeout: 500 });

/** Sends a request and reads its answer, without following redirects. It takes a quarter of the time that `fetch` does. */
export async function ask(
  url: string,
  { method = 'GET', headers = {}, body = '' }: HttpRequest = {},
): Promise<HttpAnswer> {
  const answer = await request(url, { dispatcher, method, headers, ...(body !== '' && { body }) });
  const named = new Headers();
  for (const [name, value] of Object.entries(answer.headers)) {
    for (const each of [value ?? []].flat()) named.append(name, each);
  }
  return { status: answer.statusCode, headers: named, text: await answer.body.text() };
}
