import { readFileSync } from 'node:fs';
import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import { durationInWords } from '../domain/duration.ts';
import { CommandError, messageOf } from '../domain/errors.ts';
import { isObject, memberOf, parsedJson } from '../domain/json.ts';
import type { RunningGateway } from './running-gateways.ts';
import { knownTokens } from './token.ts';

/** How long a gateway on this machine may take to answer, in milliseconds. */
const patience = 5000;

const lateHint = 'End it with `ci gateway stop --now`, and run this command again.';

/** A connection that keeps a gateway running until it is closed. */
export interface Lease {
  close(): void;
}

/** A seat as a gateway reports it. */
interface ReportedSeat {
  readonly key: string;
  readonly pool: string | null;
  readonly hours: readonly number[] | null;
  readonly state: string;
  readonly client: string | null;
  /** RFC 3339. */
  readonly opensAt: string | null;
}

/** What a gateway reports. Null: it doesn't say. */
export interface ReportedStatus {
  readonly seats: readonly ReportedSeat[];
  readonly queue: number | null;
  readonly running: number | null;
  readonly outside: string | null;
  /** The time of the API, as RFC 3339. */
  readonly now: string | null;
}

/** Returns the status of a gateway as it reports it. @throws CommandError (unreachable), (timeout), (file_error) */
export async function askStatus(gateway: RunningGateway): Promise<ReportedStatus> {
  const response = await open(gateway, '/status');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(Buffer.from(chunk));
  return reported(parsedJson(Buffer.concat(chunks).toString()));
}

function reported(status: unknown): ReportedStatus {
  const seats = memberOf(status, 'seats');
  return {
    seats: Array.isArray(seats) ? seats.filter(isObject).map(seatOf) : [],
    queue: numberIn(status, 'queue'),
    running: numberIn(status, 'running'),
    outside: textIn(status, 'outside'),
    now: textIn(status, 'now'),
  };
}

function seatOf(seat: unknown): ReportedSeat {
  const hours = memberOf(seat, 'hours');
  return {
    key: textIn(seat, 'key') ?? '',
    pool: textIn(seat, 'pool'),
    hours: Array.isArray(hours) ? hours.filter((hour) => typeof hour === 'number') : null,
    state: textIn(seat, 'state') ?? '',
    client: textIn(seat, 'client'),
    opensAt: textIn(seat, 'opensAt'),
  };
}

function numberIn(value: unknown, name: string): number | null {
  const member = memberOf(value, name);
  return typeof member === 'number' ? member : null;
}

function textIn(value: unknown, name: string): string | null {
  const member = memberOf(value, name);
  return typeof member === 'string' ? member : null;
}

/** Uses a gateway until the lease is closed, or this process ends. @throws CommandError (unreachable), (timeout), (file_error) */
export async function openLease(gateway: RunningGateway): Promise<Lease> {
  const response = await open(gateway, '/lease');
  response.on('error', () => {});
  response.resume();
  response.socket.unref();
  return { close: () => response.destroy() };
}

async function open(gateway: RunningGateway, path: string): Promise<IncomingMessage> {
  const { pid, url, tokenFile, certificate } = gateway;
  const hint = 'Stop it with `ci gateway stop`, and start it again.';
  const tokens = knownTokens(tokenFile);
  if (!tokens)
    throw new CommandError('file_error', `The token file of the gateway at ${url} is missing: ${tokenFile}`, { hint });
  const [{ token }] = tokens;
  const target = new URL(path, url);
  const headers = { Authorization: `Bearer ${token}` };
  return new Promise<IncomingMessage>((resolve, reject) => {
    const fail = (why: string) =>
      reject(new CommandError('unreachable', `The gateway at ${url} doesn't answer: ${why}`, { hint }));
    // The certificate is known, whatever host it names.
    const request = certificate
      ? secureRequest(target, { headers, ca: readFileSync(certificate), checkServerIdentity: () => undefined })
      : plainRequest(target, { headers });
    request.setTimeout(patience, () => {
      const late = `The gateway at ${url} (process ${pid}) didn't answer within ${durationInWords(patience)}`;
      reject(new CommandError('timeout', late, { hint: lateHint }));
      request.destroy();
    });
    request.on('error', (error) => fail(messageOf(error)));
    request.on('response', (response) => {
      request.setTimeout(0);
      if (response.statusCode === 200) resolve(response);
      else {
        response.resume();
        if (response.statusCode === 401) {
          reject(
            new CommandError(
              'file_error',
              `The gateway at ${url} started with another token than that in ${tokenFile}`,
              { hint },
            ),
          );
        } else fail(`status ${response.statusCode}`);
      }
    });
    request.end();
  });
}
