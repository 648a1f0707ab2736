import type { IncomingMessage, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import { memberOf, parsedJson } from '../domain/json.ts';
import { redacted } from '../domain/secrets.ts';
import type { RequestRecord } from './events.ts';
import { answerHeaders, headerIn, type KeyHeader, type RawHeaders, requestHeaders, retryAfterIn } from './headers.ts';
import type { Metrics } from './metrics.ts';
import { ModelScanner } from './model-scanner.ts';
import { type Refusal, refusalFor, sendRefusal, tooLarge } from './refusal.ts';
import { type ReplayMemory, RequestBody } from './request-body.ts';
import type { Scheduler, SeatReport, Ticket, Turn } from './scheduler.ts';
import type { GatewayKey, GatewaySeat } from './seat.ts';
import { SecretMask } from './secret-mask.ts';
import { TokenCounter, type Tokens } from './token-counter.ts';
import type { Sent, Upstream } from './upstream.ts';

/** What an exchange works with. */
export interface ExchangeParts {
  readonly scheduler: Scheduler<GatewaySeat>;
  readonly upstream: Upstream;
  readonly memory: ReplayMemory;
  readonly metrics: Metrics;
  /** Returns the key that pays outside the hours of all seats with prepaid credit; undefined: none does. */
  readonly creditKey: () => GatewayKey | undefined;
  /** Returns milliseconds of a clock that can't be set. */
  readonly monotonic: () => number;
  /** Returns the time of the API, in epoch milliseconds. */
  readonly wall: () => number;
  /** Called when the API refuses the key of a seat. */
  readonly onRefused: () => void;
  /** Called when prepaid credit pays for a request. */
  readonly onCredit: () => void;
  /** Called when the API refuses the key that pays with credit. */
  readonly onCreditRefused: () => void;
  readonly onEnd: (record: RequestRecord) => void;
}

/** The client of an exchange. */
export interface Client {
  /** The name under which it shares the seats. */
  readonly name: string;
  /** The header with its token. */
  readonly keyHeader: KeyHeader;
  /** Its token, which the API doesn't get. */
  readonly token: string;
}

/** How often a request is sent if seats fail to answer it. A seat that is busy doesn't count. */
const mostFailures = 3;
/** How often a request is the first to get another seat after 429. After that, it waits for its turn. */
const firstRefusals = 3;
/** How often a request gets 429 while others are answered, until it is the request that the API refuses. */
const mostRefusals = 10;
/** A seat that asks to wait longer than this, in milliseconds, is outside its hours: the limit of one request is over sooner. */
const longestBusy = 60_000;
/** The same for a seat that is within its hours, as the account says. */
const longestPause = 600_000;
/** How long a client may stop reading, in milliseconds. */
const clientTimeout = 300_000;
/** How long a seat isn't used after a request was canceled, in milliseconds. */
const closingTime = 20;
/** How much of a response that isn't passed on is read to keep its connection, in bytes. */
const mostDiscarded = 64 * 1024;
/** How long it is read, in milliseconds. */
const discardTime = 1000;

/** Answers one request of a client: waits for a seat, sends the request with its key, and passes the answer on as it arrives. */
export class Exchange {
  readonly #parts: ExchangeParts;
  readonly #client: Client;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #body: RequestBody;
  readonly #path: string;
  readonly #arrivedAt: number;
  #model: string | undefined;
  #ticket: Ticket<GatewaySeat> | undefined;
  #sent: Sent | undefined;
  #seat: GatewaySeat | undefined;
  /** When it got its seat, or began to wait. */
  #since: number;
  #queueTime = 0;
  #attempts = 0;
  #failures = 0;
  /** How often a seat answered that it was busy, and when the first one did. */
  #refusals = 0;
  #refusedAt = 0;
  #firstByte: number | undefined;
  /** The key that pays for it with prepaid credit. */
  #creditKey: GatewayKey | undefined;
  #isCreditCounted = false;
  /** Whether all of the body was read, as far as it is kept. */
  #isRead = false;
  #isAnswering = false;
  #hasEnded = false;
  #tokens: TokenCounter | undefined;
  /** What a response says about the seat that isn't passed on. */
  #rejection: SeatReport | undefined;
  /** What the answer says about the seat, which is noted at its end. */
  #report: SeatReport = { kind: 'answered' };
  /** The name and the pool of the key that answered last. */
  #answeredBy: string | undefined;
  #answeredPool: string | undefined;

  constructor(parts: ExchangeParts, client: Client, request: IncomingMessage, response: ServerResponse) {
    this.#parts = parts;
    this.#client = client;
    this.#request = request;
    this.#response = response;
    this.#path = request.url ?? '/';
    this.#arrivedAt = parts.monotonic();
    this.#since = this.#arrivedAt;
    this.#body = new RequestBody(request, {
      memory: parts.memory,
      monotonic: parts.monotonic,
      onTooLarge: () => this.#giveUp(tooLarge),
      onStalled: () =>
        this.#giveUp({
          status: 408,
          code: 'request_timeout',
          message: "The rest of the request didn't arrive in time.",
        }),
    });
  }

  async run(): Promise<void> {
    this.#response.on('close', () => this.#onClose());
    // What fails shows in its end.
    this.#response.on('error', () => {});
    try {
      this.#model = await this.#findModel();
    } catch {
      // The client went away, or was refused.
      return;
    }
    if (this.#hasEnded) return;
    this.#body.readAhead();
    this.#enter();
  }

  async #findModel(): Promise<string | undefined> {
    const { headers, method } = this.#request;
    const [, id] = /^\/v1\/models\/([^?]+)/.exec(this.#path) ?? [];
    if (id !== undefined && method !== 'POST') return decoded(id);
    if ((headers['content-encoding'] ?? 'identity') !== 'identity') return undefined;
    const scanner = new ModelScanner();
    await this.#body.readUntil((chunk) => scanner.scan(chunk));
    return scanner.model;
  }

  #enter(): void {
    const { scheduler, monotonic } = this.#parts;
    this.#since = monotonic();
    this.#ticket = scheduler.enter({ client: this.#client.name, model: this.#model }, (turn, ticket) => {
      // May be called before `enter` returns.
      this.#ticket = ticket;
      this.#onTurn(turn);
    });
  }

  #onTurn(turn: Turn<GatewaySeat>): void {
    this.#queueTime += this.#parts.monotonic() - this.#since;
    this.#since = this.#parts.monotonic();
    if (turn.kind === 'seat') {
      this.#seat = turn.seat;
      this.#send(turn.seat);
      return;
    }
    const creditKey = turn.kind === 'outside hours' && turn.isKnown ? this.#parts.creditKey() : undefined;
    if (creditKey) void this.#payWithCredit(creditKey, this.#refusalFor(turn));
    else this.#refuse(this.#refusalFor(turn));
  }

  /**
   * Sends the request with the key that pays with credit, if it is for a model that a seat offers. So far, only the beginning of the body
   * was read, and servers take the last of several models in it. The hours may begin while the rest arrives.
   *
   * @param refusal - the answer to any other request
   */
  async #payWithCredit(key: GatewayKey, refusal: Refusal): Promise<void> {
    if (!this.#isRead) {
      try {
        await this.#body.readUntil(() => false);
      } catch {
        // The client went away, or was refused.
        return;
      }
      this.#isRead = true;
      if (!this.#hasEnded) this.#enter();
      return;
    }
    const { scheduler } = this.#parts;
    const model = this.#model;
    const { whole } = this.#body;
    const isPrompt = this.#request.method === 'POST' && model !== undefined && scheduler.isOffered(model);
    if (!isPrompt || !whole || memberOf(parsedJson(whole.toString()), 'model') !== model) {
      this.#refuse(refusal);
      return;
    }
    this.#creditKey = key;
    this.#send(key);
  }

  #send({ secret }: GatewayKey): void {
    const { upstream } = this.#parts;
    const mask = new SecretMask(secret);
    this.#attempts++;
    const body = this.#body.open();
    const declared = this.#request.headers['content-length'];
    const length = Buffer.isBuffer(body) ? body.length : declared === undefined ? undefined : Number(declared);
    const hasBody = declared !== undefined || this.#request.headers['transfer-encoding'] !== undefined;
    this.#rejection = undefined;
    let discarded = 0;
    let timer: NodeJS.Timeout | undefined;
    // The seat is answering until the end of the response, or of the connection.
    const moveOn = () => {
      clearTimeout(timer);
      if (this.#rejection && this.#sent === sent && !this.#hasEnded) this.#moveOn(this.#rejection);
    };
    const abort = () => {
      clearTimeout(timer);
      sent.abort();
      timer = setTimeout(moveOn, closingTime).unref();
    };
    const sent = upstream.send(
      {
        method: this.#request.method ?? 'GET',
        path: this.#path,
        headers: requestHeaders(this.#request.rawHeaders, {
          secret,
          ...this.#client,
          host: upstream.host,
          length: hasBody ? length : undefined,
        }),
        body: hasBody ? body : null,
        reuse: !this.#creditKey,
      },
      {
        head: (status, statusText, headers) => {
          const report = this.#reportOf(status, headers);
          this.#countAnswer(String(status));
          if (this.#creditKey && status === 401) {
            sent.abort();
            this.#refuseWithoutCredit();
            return;
          }
          if (this.#creditKey) this.#countCredit();
          if (this.#creditKey || !this.#movesOn(report)) {
            const masked = headers.map((each) => mask.text(each));
            this.#answer(status, mask.text(statusText), masked, report);
            return;
          }
          this.#rejection = report;
          // The connection can be used again if all of the request and of the response pass through it.
          if (Buffer.isBuffer(body)) timer = setTimeout(abort, discardTime).unref();
          else abort();
        },
        data: (chunk) => {
          if (!this.#rejection) this.#pass(mask.add(chunk));
          else {
            discarded += chunk.length;
            if (discarded > mostDiscarded) abort();
          }
        },
        end: () => {
          if (this.#rejection) {
            moveOn();
            return;
          }
          const rest = mask.end();
          if (rest) this.#pass(rest);
          this.#endAnswer();
        },
        fail: (error) => {
          if (this.#rejection) moveOn();
          else this.#onFailure(error);
        },
      },
    );
    this.#sent = sent;
  }

  /** Counts a request that was paid for, or may have been. */
  #countCredit(): void {
    const { metrics, onCredit } = this.#parts;
    if (this.#isCreditCounted) return;
    this.#isCreditCounted = true;
    this.#answeredBy = this.#creditKey?.name;
    metrics.countCredit(this.#modelLabel());
    onCredit();
  }

  /** Answers a request for which the key that pays with credit was refused. The client's own token is right. */
  #refuseWithoutCredit(): void {
    this.#creditKey = undefined;
    this.#parts.onCreditRefused();
    this.#refuse({
      status: 503,
      code: 'credit_key_refused',
      message: 'The API refused the key that pays with prepaid credit. See the notes of the gateway.',
      retryAfter: 60_000,
    });
  }

  /** Returns what a status says about the seat. */
  #reportOf(status: number, headers: RawHeaders): SeatReport {
    const { wall } = this.#parts;
    const retryAfter = retryAfterIn(headers, wall());
    if (status === 429) {
      const isWithinHours = this.#seat?.hours?.includes(new Date(wall()).getUTCHours()) ?? false;
      return retryAfter !== undefined && retryAfter > (isWithinHours ? longestPause : longestBusy)
        ? { kind: 'closed', retryAfter }
        : { kind: 'busy', retryAfter };
    }
    if (status === 401) return { kind: 'refused' };
    if (status === 403) return { kind: 'declined' };
    return status >= 500 ? { kind: 'failed', retryAfter } : { kind: 'answered' };
  }

  /** Returns whether the request goes to another seat, or waits for one. */
  #movesOn(report: SeatReport): boolean {
    if (!this.#ticket || !this.#body.canReplay) return false;
    switch (report.kind) {
      case 'answered':
      case 'unused':
        return false;
      case 'busy':
        // Not if other requests are answered: then it is the request.
        return (
          this.#refusals + 1 < mostRefusals || !this.#parts.scheduler.hasAnsweredSince(this.#ticket, this.#refusedAt)
        );
      case 'closed':
      case 'refused':
        return true;
      case 'failed':
      case 'declined':
        return this.#failures + 1 < mostFailures && this.#parts.scheduler.hasOther(this.#ticket);
      case 'unreachable':
        return this.#failures + 1 < mostFailures;
    }
  }

  #moveOn(report: SeatReport): void {
    if (report.kind === 'failed' || report.kind === 'declined' || report.kind === 'unreachable') this.#failures++;
    if (report.kind === 'busy' && this.#refusals++ === 0) this.#refusedAt = this.#parts.monotonic();
    this.#body.readAhead();
    this.#releaseSeat(report, this.#refusals < firstRefusals ? 'first' : 'in turn');
  }

  #releaseSeat(report: SeatReport, again?: 'first' | 'in turn'): void {
    const { scheduler, metrics, monotonic, onRefused } = this.#parts;
    if (!this.#seat || !this.#ticket) return;
    metrics.countSeatTime(this.#seat.name, (monotonic() - this.#since) / 1000);
    this.#seat = undefined;
    this.#sent = undefined;
    this.#since = monotonic();
    scheduler.release(this.#ticket, report, { again });
    // Later than the release, so that the account that is read now says something about the refusal.
    if (report.kind === 'refused' || report.kind === 'declined') onRefused();
  }

  /** Begins the answer to the client. */
  #answer(status: number, statusText: string, headers: RawHeaders, report: SeatReport): void {
    const response = this.#response;
    this.#isAnswering = true;
    this.#firstByte = this.#parts.monotonic() - this.#arrivedAt;
    this.#report = report;
    this.#tokens = new TokenCounter(headerIn(headers, 'content-encoding'));
    this.#body.release();
    response.sendDate = false;
    try {
      response.writeHead(status, reasonOf(status, statusText), answerHeaders(headers, this.#ownHeaders()));
    } catch {
      // The API sent something that can't be sent on.
      this.#isAnswering = false;
      this.#cancel();
      this.#fail(502, 'bad_response', 'The response of the API is not valid HTTP.');
      return;
    }
    // Most answers begin together with their headers, which are then sent at once.
    setImmediate(() => {
      if (!response.writableEnded && !response.destroyed) response.flushHeaders();
    });
  }

  #ownHeaders(): string[] {
    const { position = 0, expectedWait } = this.#ticket ?? {};
    return [
      'X-Gateway-Queue-Position',
      String(position),
      ...(expectedWait === undefined ? [] : ['X-Gateway-Expected-Wait', seconds(expectedWait)]),
      'X-Gateway-Queue-Time',
      seconds(this.#queueTime),
      ...(this.#creditKey ? ['X-Gateway-Paid-With', 'credit'] : []),
    ];
  }

  #pass(chunk: Buffer): void {
    this.#tokens?.add(chunk);
    if (chunk.length === 0 || this.#response.write(chunk)) return;
    const sent = this.#sent;
    sent?.pause();
    const timer = setTimeout(() => this.#response.destroy(), clientTimeout);
    timer.unref();
    const resume = () => {
      clearTimeout(timer);
      this.#response.off('drain', resume);
      this.#response.off('close', resume);
      sent?.resume();
    };
    this.#response.on('drain', resume);
    this.#response.on('close', resume);
  }

  #endAnswer(): void {
    this.#response.end();
    this.#body.discard();
    this.#releaseSeat(this.#report);
    this.#sent = undefined;
    void this.#finish(true);
  }

  /** Handles an answer that doesn't arrive, or not completely. */
  #onFailure(error: Error): void {
    if (this.#hasEnded) return;
    if (this.#body.hasFailed) {
      this.#onClose();
      return;
    }
    this.#countAnswer('error');
    if (this.#isAnswering) {
      // The client sees that the answer isn't complete.
      this.#releaseSeat({ kind: 'unused' });
      this.#response.destroy();
      void this.#finish(false);
      return;
    }
    if (error.name === 'InvalidArgumentError') {
      this.#releaseSeat({ kind: 'unused' });
      this.#fail(400, 'invalid_request', 'The request has an invalid header.');
      return;
    }
    const report: SeatReport = { kind: 'unreachable' };
    if (!this.#creditKey && !isTimeout(error) && this.#movesOn(report)) {
      this.#moveOn(report);
      return;
    }
    this.#releaseSeat(report);
    if (this.#creditKey) this.#countCredit();
    if (isTimeout(error)) this.#fail(504, 'upstream_timeout', "The API didn't answer in time.");
    else this.#fail(502, 'upstream_unreachable', "The API can't be reached, or closed the connection.");
  }

  #onClose(): void {
    if (this.#response.writableFinished || this.#hasEnded) return;
    this.#cancel();
    void this.#finish(false);
  }

  /** Ends the request to the API, and leaves the queue or the seat. */
  #cancel(): void {
    const sent = this.#sent;
    sent?.abort();
    // The client may pay for an answer that it doesn't get.
    if (this.#creditKey && sent?.hasLeft && !this.#isAnswering) this.#countCredit();
    const report = this.#rejection ?? { kind: 'unused' };
    if (!this.#seat) {
      if (this.#ticket) this.#parts.scheduler.leave(this.#ticket);
    } else if (sent?.hasLeft) {
      // The API sees the end of this connection before the next request, which is on another one.
      setTimeout(() => this.#releaseSeat(report), closingTime).unref();
    } else this.#releaseSeat(report);
  }

  /** Ends an exchange with an incomplete request. */
  #giveUp(refusal: Refusal): void {
    this.#cancel();
    if (this.#isAnswering) this.#response.destroy();
    else this.#refuse(refusal);
  }

  #refusalFor(turn: Exclude<Turn<GatewaySeat>, { kind: 'seat' }>): Refusal {
    const { scheduler, wall } = this.#parts;
    return refusalFor(turn, {
      model: this.#model,
      expectedWait: this.#ticket?.expectedWait,
      seats: () => scheduler.seats().map(({ seat }) => seat),
      now: wall(),
    });
  }

  #fail(status: number, code: string, message: string): void {
    this.#refuse({ status, code, message });
  }

  #refuse(refusal: Refusal): void {
    if (this.#hasEnded) return;
    this.#firstByte ??= this.#parts.monotonic() - this.#arrivedAt;
    this.#sent = undefined;
    sendRefusal(this.#request, this.#response, refusal, this.#ticket ? this.#ownHeaders() : []);
    this.#body.discard();
    void this.#finish(true);
  }

  /** Counts and reports the exchange. */
  async #finish(complete: boolean): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const { metrics, monotonic, onEnd } = this.#parts;
    const duration = monotonic() - this.#arrivedAt;
    const hasStatus = this.#response.headersSent;
    const { statusCode } = this.#response;
    this.#body.release();
    metrics.countRequest(this.#modelLabel(), hasStatus ? statusCode : 499);
    if (this.#ticket) metrics.addQueueWait(this.#queueTime / 1000);
    if (this.#firstByte !== undefined) metrics.addTimeToFirstByte(this.#firstByte / 1000);
    const tokens: Tokens | undefined = complete ? await this.#tokens?.tokens() : undefined;
    this.#tokens?.close();
    if (tokens) metrics.countTokens(this.#modelLabel(), tokens);
    onEnd({
      client: this.#client.name,
      // A client may put its token or a key where it doesn't belong.
      model: this.#model && redacted(this.#model),
      path: redacted(this.#path.replace(/\?.*/s, '')),
      status: hasStatus ? statusCode : undefined,
      key: this.#answeredBy,
      pool: this.#answeredPool,
      credit: this.#creditKey !== undefined,
      attempts: this.#attempts,
      complete,
      queueTime: Math.round(this.#queueTime),
      timeToFirstByte: this.#firstByte === undefined ? undefined : Math.round(this.#firstByte),
      duration: Math.round(duration),
      promptTokens: tokens?.prompt,
      completionTokens: tokens?.completion,
    });
  }

  #countAnswer(result: string): void {
    const name = (this.#creditKey ?? this.#seat)?.name;
    if (result !== 'error') {
      this.#answeredBy = name;
      this.#answeredPool = this.#seat?.pool;
    }
    if (name !== undefined) this.#parts.metrics.countAnswer(name, result);
  }

  /** The model, unless no seat offers it: clients could name any number of them. */
  #modelLabel(): string {
    const model = this.#model;
    return model !== undefined && this.#parts.scheduler.isOffered(model) ? model : '';
  }
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3);
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Returns the text to send after a status: that of the API, if it can be sent on. It means nothing to programs. */
function reasonOf(status: number, text: string): string {
  return text !== '' && /^[\t\x20-\x7e]*$/.test(text) ? text : (STATUS_CODES[status] ?? '');
}

function isTimeout(error: Error): boolean {
  return error.name === 'HeadersTimeoutError' || error.name === 'BodyTimeoutError';
}
