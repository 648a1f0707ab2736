import { readFileSync } from 'node:fs';
import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import { durationInWords } from '../domain/duration.ts';
import { CommandError, messageOf } from '../domain/errors.ts';
import { parsedJson } from '../domain/json.ts';
import type { RunningGateway } from './running-gateways.ts';
import { knownTokens } from './token.ts';

/** How long a gateway on this machine may take to answer, in milliseconds. */
const patience = 5000;

const lateHint = 'End it with `ci gateway stop --now`, and run this command again.';

/** A connection that keeps a gateway running until it is closed. */
export interface Lease {
  close(): void;
}

/** Returns the status of a gateway as it reports it. @throws CommandError (unreachable), (timeout), (file_error) */
export async function askStatus(gateway: RunningGateway): Promise<unknown> {
  const response = await open(gateway, '/status');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(Buffer.from(chunk));
  return parsedJson(Buffer.concat(chunks).toString());
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
