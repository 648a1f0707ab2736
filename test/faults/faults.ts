import { setTimeout as pause } from 'node:timers/promises';
import { deadUrl } from '../support/servers.ts';
import { type Answer, type Exchange, send } from './api.ts';

/** A fault of a request that changes something. */
export interface Fault {
  readonly name: string;
  /**
   * What `ci` can tell from the response: that the change was applied, that it certainly wasn't, or nothing, so that it has to check.
   */
  readonly tells: 'done' | 'refused' | 'nothing';
  /** Whether the change was applied. */
  readonly made: boolean;
  /** The exit code if it wasn't applied. */
  readonly exit: number;
  does(exchange: Exchange): void | Promise<void>;
  /** The signal that ends `ci`, when the request arrives or, with `intent`, when the intent is on disk. */
  readonly signal?: NodeJS.Signals;
  readonly on?: 'intent';
  /** Whether nothing is answered after it, so that `ci` can't check the account. */
  readonly deadAfter?: true;
  /** Whether the server never responds, so that `ci` gets a shorter timeout. */
  readonly silent?: true;
  /** The host that `ci` uses instead of the API. */
  readonly instead?: (selfSigned: string) => string;
}

const hold = () => {};

function reset({ response }: Exchange): void {
  response.socket?.resetAndDestroy();
}

function answer(status: number, body: string, headers: Record<string, string> = {}) {
  return ({ response }: Exchange) =>
    send(response, { status, headers: { 'content-type': 'application/json', ...headers }, body });
}

const brokenDown = answer(500, '{"success":false,"error":"database is down"}');
const page = answer(502, '<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>', {
  'content-type': 'text/html',
});

/** Sends a response bit by bit, completely or without its end. */
async function trickle({ response }: Exchange, { status, headers, body }: Answer, whole = true): Promise<void> {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  const bits = body.match(new RegExp(`.{1,${Math.ceil(body.length / 20)}}`, 'gs')) ?? [];
  for (const bit of whole ? bits : bits.slice(0, -1)) {
    response.write(bit);
    await pause(50);
  }
  if (whole) response.end();
}

/** Sends half of a response, and closes the connection. */
function cutOff({ response }: Exchange, { status, headers, body }: Answer): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.write(body.slice(0, body.length / 2), () => response.destroy());
}

/** Returns a fault with a lost or unusable response to a change that wasn't applied. */
function before(name: string, exit: number, does: Fault['does'], more: Partial<Fault> = {}): Fault {
  return { name: `${name} before the change`, tells: 'nothing', made: false, exit, does, ...more };
}

/** Returns a fault with a lost or unusable response to a change that was applied. */
function after(
  name: string,
  exit: number,
  does: (exchange: Exchange, made: Answer) => void | Promise<void>,
  more: Partial<Fault> = {},
): Fault {
  const made = async (exchange: Exchange) => does(exchange, await exchange.commit());
  return { name: `${name} after the change`, tells: 'nothing', made: true, exit, does: made, ...more };
}

/** Returns a fault after which the change certainly wasn't applied. */
function refused(name: string, exit: number, does: Fault['does'], more: Partial<Fault> = {}): Fault {
  return { name, tells: 'refused', made: false, exit, does, ...more };
}

/** Refuses a change the first time. */
function busyOnce(headers: Record<string, string>): Fault['does'] {
  return async (exchange) =>
    exchange.count === 1 ? answer(429, tooMany, headers)(exchange) : send(exchange.response, await exchange.commit());
}

const tooMany = '{"success":false,"error":"Too many requests"}';
const unreachable = 9;
const rateLimited = 7;
const failed = 1;
const silent = { silent: true } as const;
const dead = { deadAfter: true } as const;

const strike = ({ strike }: Exchange) => strike();

function redirect(status: number): Fault {
  return before(`redirect ${status} to another host`, failed, ({ response, elsewhere }) => {
    response.writeHead(status, { location: `${elsewhere}/api/elsewhere` }).end();
  });
}

/** All faults of a request that changes something. */
export const faults: readonly Fault[] = [
  refused('connection refused', unreachable, hold, { instead: () => deadUrl }),
  refused('unknown host', unreachable, hold, { instead: () => 'https://does-not-exist.invalid' }),
  refused('untrusted certificate', unreachable, hold, { instead: (selfSigned) => selfSigned }),
  before('reset', unreachable, reset),
  after('reset', unreachable, reset),
  before('silence', unreachable, hold, silent),
  after('silence', unreachable, hold, silent),
  before('500', failed, brokenDown),
  after('500', failed, brokenDown),
  before('502 and a web page', failed, page),
  after('502 and a web page', failed, page),
  before('503 and Retry-After', failed, answer(503, '', { 'retry-after': '1' })),
  { ...after('429 once', rateLimited, hold), name: '429 once', tells: 'done', does: busyOnce({}) },
  {
    ...after('429 once', rateLimited, hold),
    name: '429 once, with Retry-After',
    tells: 'done',
    does: busyOnce({ 'retry-after': '1' }),
  },
  refused('429 for ever', rateLimited, answer(429, tooMany)),
  refused('429 for ever, with Retry-After', rateLimited, answer(429, tooMany, { 'retry-after': '1' })),
  refused('success: false with 200', failed, answer(200, '{"success":false,"error":"not today"}')),
  after('answer cut off', unreachable, cutOff),
  after('JSON that ends too early', failed, (exchange, made) =>
    send(exchange.response, { ...made, body: made.body.slice(0, made.body.length / 2) }),
  ),
  after('object of another shape', failed, answer(200, '{"success":true,"data":{"unexpected":true}}')),
  after('list of another shape', failed, answer(200, '{"success":true,"data":[{"unexpected":true}]}')),
  after('text in place of an object', failed, answer(200, '"done"')),
  after('empty body', failed, answer(200, '')),
  after('204', failed, ({ response }) => void response.writeHead(204).end()),
  { ...after('trickle', failed, (exchange, made) => trickle(exchange, made)), tells: 'done' },
  after('trickle that never ends', unreachable, (exchange, made) => trickle(exchange, made, false), silent),
  redirect(302),
  redirect(307),
  redirect(308),
  before('SIGINT', 130, strike, { signal: 'SIGINT' }),
  after('SIGINT', 130, strike, { signal: 'SIGINT' }),
  before('SIGTERM', 130, strike, { signal: 'SIGTERM' }),
  after('SIGTERM', 130, strike, { signal: 'SIGTERM' }),
  before('SIGKILL with the intent on disk', 137, hold, { signal: 'SIGKILL', on: 'intent' }),
  before('SIGKILL', 137, strike, { signal: 'SIGKILL' }),
  after('SIGKILL', 137, strike, { signal: 'SIGKILL' }),
  {
    ...after(
      'SIGKILL with the answer sent',
      137,
      (exchange, made) => {
        exchange.response.once('finish', exchange.strike);
        send(exchange.response, made);
      },
      { signal: 'SIGKILL' },
    ),
    tells: 'done',
  },
  before('reset, then nothing any more,', unreachable, reset, dead),
  after('reset, then nothing any more,', unreachable, reset, dead),
  before('silence, then nothing any more,', unreachable, hold, { ...dead, ...silent }),
  after('500, then nothing any more,', failed, brokenDown, dead),
  after('SIGINT, then nothing any more,', 130, strike, { signal: 'SIGINT', ...dead }),
];
