import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import Agent from 'undici/lib/dispatcher/agent.js';
import { openConnection } from '../api/connection.ts';
import type { ProxySettings } from '../api/proxies.ts';
import type { RawHeaders } from './headers.ts';

/** How long the API may take to begin an answer, in milliseconds. The SDKs wait as long. */
const answerTimeout = 600_000;
/** How long the API may pause within an answer, in milliseconds. */
const pauseTimeout = 600_000;
const connectTimeout = 30_000;
/** How many interim responses the API may send before an answer. */
const mostInterim = 100;
/** How long an idle connection is kept, in milliseconds, unless the API names a shorter time. */
const idleTimeout = 4000;

/** What is sent to the API. */
export interface UpstreamRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: string[];
  readonly body: Buffer | Readable | null;
  /** Whether it may be sent on a connection that was used before, which can fail because the API has just closed it. */
  readonly reuse: boolean;
}

/** Handles a response as it arrives. One of `end` and `fail` is called at the end, unless the request is aborted. */
export interface ResponseHandler {
  head(status: number, statusText: string, headers: RawHeaders): void;
  data(chunk: Buffer): void;
  end(): void;
  fail(error: Error): void;
}

/** A request that was sent. */
export interface Sent {
  /** Whether it may have left. */
  readonly hasLeft: boolean;
  /** Stops the answer until {@link resume}. */
  pause(): void;
  resume(): void;
  /** Closes the connection. Nothing of the answer arrives any more. */
  abort(): void;
}

/** Why a request was aborted. It is created once, because its stack trace takes time and memory, and nobody sees it. */
const aborted = new Error('aborted');

/** Sends requests to the API, and passes the answers on as they arrive. */
export class Upstream {
  readonly #origin: URL;
  readonly #agent: Agent;
  /** Uses each connection once. */
  readonly #singleUse: Agent;

  constructor(origin: URL, proxies: ProxySettings) {
    const options: Agent.Options = {
      pipelining: 1,
      headersTimeout: answerTimeout,
      bodyTimeout: pauseTimeout,
      keepAliveTimeout: idleTimeout,
      // As all other requests to the API.
      connect: (_options, done) => {
        openConnection(origin, proxies, AbortSignal.timeout(connectTimeout)).then(
          (socket) => done(null, socket),
          (error: unknown) => done(error instanceof Error ? error : new Error(String(error)), null),
        );
      },
    };
    this.#origin = origin;
    this.#agent = new Agent(options);
    this.#singleUse = new Agent(options);
  }

  /** The value of the Host header. */
  get host(): string {
    return this.#origin.host;
  }

  send({ reuse, ...request }: UpstreamRequest, handler: ResponseHandler): Sent {
    let controller: Dispatcher.DispatchController | undefined;
    let isAborted = false;
    let isPaused = false;
    let interim = 0;
    const agent = reuse ? this.#agent : this.#singleUse;
    agent.dispatch(
      { ...request, origin: this.#origin, reset: !reuse },
      {
        onRequestStart(started) {
          controller = started;
          if (isAborted) started.abort(aborted);
        },
        onResponseStart(_controller, status, _headers, statusText = '') {
          // An interim response is about the connection to the API.
          if (status < 200 && ++interim > mostInterim) _controller.abort(new Error('Too many interim responses'));
          if (isAborted || status < 200) return;
          handler.head(status, statusText, rawHeaders(_controller.rawHeaders));
          if (isPaused) _controller.pause();
        },
        onResponseData(_controller, chunk) {
          if (!isAborted) handler.data(chunk);
        },
        onResponseEnd() {
          if (!isAborted) handler.end();
        },
        onResponseError(_controller, error) {
          if (!isAborted) handler.fail(error);
        },
      },
    );
    return {
      get hasLeft() {
        return controller !== undefined;
      },
      pause() {
        isPaused = true;
        controller?.pause();
      },
      resume() {
        isPaused = false;
        controller?.resume();
      },
      abort() {
        isAborted = true;
        controller?.abort(aborted);
      },
    };
  }

  /** Closes all connections at once. */
  async close(): Promise<void> {
    await Promise.all([this.#agent.destroy(), this.#singleUse.destroy()]);
  }
}

function rawHeaders(headers: Dispatcher.DispatchController['rawHeaders']): string[] {
  return Array.isArray(headers)
    ? headers.map((each) => (typeof each === 'string' ? each : each.toString('latin1')))
    : [];
}
