import { Option } from 'commander';
import { type ChangingContext, carryOut } from '../account/changes/carry-out.ts';
import { createAndDeliver, type KeepKey } from '../account/secrets/delivery.ts';
import type { KeyKind } from '../api/client.ts';
import type { HttpMethod } from '../api/transport.ts';
import { readInput } from '../cli/input.ts';
import { namesOf, oneOf, ValueArgument, ValueOption } from '../cli/values.ts';
import type { Verb } from '../cli/verb.ts';
import { accountLabel } from '../config/settings.ts';
import type { Context } from '../context/context.ts';
import { messageOf, usageError } from '../domain/errors.ts';
import { wholeKeysIn } from '../domain/secrets.ts';
import { factLines, inWords } from '../output/text.ts';

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const satisfies readonly HttpMethod[];

type Fields = readonly (readonly [string, unknown])[];

/** What `ci api` sends. */
export interface Options {
  readonly method: HttpMethod;
  readonly path: string;
  readonly fields: Fields;
  /** The file with the body, or `-`. */
  readonly input?: string | undefined;
}

interface Flags {
  readonly rawField: Fields;
  readonly field: Fields;
  readonly input?: string;
}

/** `ci api`: sends an authenticated API request, and prints the response as it came. */
export default function api(command: Verb, context: Context, execute = run): void {
  const body = new Option(
    '-f, --raw-field <key=value>',
    'Add a string to the body, or to the query of a GET (repeatable)',
  )
    .argParser((text: string, before: Fields) => [...before, pair(text)])
    .default([]);
  const typed = new Option('-F, --field <key=value>', 'Like -f, but parse true, false, null, numbers and JSON')
    .argParser((text: string, before: Fields) => [...before, typedPair(text)])
    .default([]);
  command
    .addArgument(new ValueArgument('<method>', 'HTTP method: GET, POST, …', oneOf(methods)).argParser(parseMethod))
    .argument('<path>', '/api/… uses the management key; /v1/… and /anthropic/… use CHEAPESTINFERENCE_API_KEY')
    .addOption(body)
    .addOption(typed)
    .addOption(
      new ValueOption('--input <file>', 'Read the body from a file, or - for standard input', namesOf('files')),
    )
    .action((method: HttpMethod, path: string, { rawField, field, input }: Flags) =>
      execute({ method, path, fields: [...rawField, ...field], input }, context),
    );
  command.tell({
    exits: [10],
    examples: [
      'ci api GET /api/billing/status',
      'ci api POST /api/keys/credit -f name=client-acme -F maxBudget=25',
      'echo \'{"blocks":["europe"]}\' | ci api POST /api/pools/kimi26/subscribe --input - --yes',
    ],
  });
}

/** Sends a request and prints the response as it came. */
export async function run(
  { method, path: typed, fields, input }: Options,
  context: ChangingContext & Pick<Context, 'api' | 'prompts'>,
): Promise<void> {
  const { path, key } = parsePath(typed);
  if (fields.length > 0 && input !== undefined)
    throw usageError("--input and fields can't be combined", 'Leave out --input, or -f and -F.');
  const reading = method === 'GET' || method === 'HEAD';
  if (reading && input !== undefined)
    throw usageError(`A ${method} request has no body`, 'Pass a query with -f key=value.');
  const { output, prompts } = context;
  output.checkAnswer();
  if (!reading) prompts.requireConsent();
  const values = Object.fromEntries(fields);
  const body =
    input !== undefined
      ? await readInput(context.world, input)
      : !reading && fields.length > 0
        ? JSON.stringify(values)
        : undefined;
  if (body !== undefined) checkJson(body, input);
  if (!reading && prompts.canAsk) {
    output.note(
      factLines([
        ['Request', `${method} ${path}`],
        ...(body === undefined ? [] : [['Body', body] as const]),
        ['Account', accountLabel(context.settings)],
      ]),
    );
    await prompts.consent('Send this request? It may charge, revoke or cancel.');
  }
  const { client } = await context.api();
  const request = { method, path: reading ? withQuery(path, values) : path, body, key };
  if (reading) return output.answer((await client.raw(request)).body);
  const change = (keep: KeepKey) =>
    carryOut(context, 'api', {
      intent: { action: 'api', method, path },
      before: {},
      send: async (api) => {
        const answer = await api.client.raw(request);
        for (const apiKey of wholeKeysIn(answer.body)) keep({ apiKey });
        return answer;
      },
      ids: () => [],
      adopt: (none) => none,
      command: path.startsWith('/api/keys') ? 'ci keys list' : 'ci billing status',
    });
  await createAndDeliver(context, {
    create: change,
    print: (answer) => output.answer(answer.body),
  });
}

/**
 * Resolves a path as the server does, and chooses the key for the place that it leads to: `/api/../v1/usage` is `/v1/usage`. Refuses a
 * path that a server might resolve differently (`/api/..%2Fv1`).
 *
 * @throws CommandError (usage) if it isn't a path, leads to another host, or is ambiguous
 */
function parsePath(typed: string): { readonly path: string; readonly key: KeyKind } {
  const host = 'https://api.invalid';
  const url = typed.startsWith('/') && URL.canParse(typed, host) ? new URL(typed, host) : undefined;
  if (url?.origin !== host || url.username !== '' || leadsElsewhere(url.pathname)) {
    throw usageError(
      `"${typed}" is not a valid API path`,
      'Use a path such as /api/billing/status, without encoded dots. To use another host, pass --api-url.',
    );
  }
  return { path: url.pathname + url.search, key: keyOf(url.pathname) };
}

/** Maximum number of times that a chain of proxies and servers decodes a path. */
const mostDecodings = 3;

/** Returns whether a path leads elsewhere on a server that decodes slashes before it resolves `..`, or that ignores `;…`. */
function leadsElsewhere(pathname: string): boolean {
  let path = pathname;
  for (let decodings = 0; decodings <= mostDecodings; decodings++) {
    if (path.startsWith('//') || path.split(/[/\\]/).some((each) => /^\.{1,2}(?:;.*)?$/.test(each))) return true;
    path = path.replace(/%(?:2e|2f|5c|3b|25)/gi, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16)));
  }
  return false;
}

/**
 * Returns the kind of key that a path needs: an `sk_` key for inference and its usage, the management key below `/api/`. Plans
 * and pools answer without a key, and agents pay without one. Any other path gets none.
 */
function keyOf(path: string): KeyKind {
  if (/^\/(?:v1|anthropic)\//.test(path)) return 'consumption';
  if (!path.startsWith('/api/') || path === '/api/plans' || path.startsWith('/api/agent/')) return 'none';
  return /^\/api\/pools(?:\/[^/]+)?$/.test(path) ? 'if-present' : 'management';
}

function parseMethod(text: string): HttpMethod {
  const method = methods.find((each) => each === text.toUpperCase());
  if (method) return method;
  throw usageError(
    `"${text}" is not an HTTP method`,
    `Choose ${inWords(methods, 'or')}, such as \`ci api GET ${text.startsWith('/') ? text : '/api/…'}\`.`,
  );
}

function pair(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw usageError(`"${text}" is not a valid field`, 'Use key=value.');
  return [text.slice(0, at), text.slice(at + 1)];
}

function typedPair(text: string): readonly [string, unknown] {
  const [key, value] = pair(text);
  try {
    const parsed: unknown = JSON.parse(value);
    return [key, parsed];
  } catch {
    return [key, value];
  }
}

function checkJson(body: string, input: string | undefined): void {
  try {
    JSON.parse(body);
  } catch (error) {
    const reason = messageOf(error);
    throw usageError(`${input === '-' ? 'Standard input' : input} isn't valid JSON: ${reason}`);
  }
}

function withQuery(path: string, values: Record<string, unknown>): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    query.append(key, typeof value === 'string' ? value : JSON.stringify(value));
  }
  const text = query.toString();
  return text === '' ? path : `${path}${path.includes('?') ? '&' : '?'}${text}`;
}
