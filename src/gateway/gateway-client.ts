import { readFileSync } from 'node:fs';
import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { Environment } from '../domain/environment.ts';
import { CommandError, messageOf } from '../domain/errors.ts';
import { parsedJson } from '../domain/json.ts';
import type { RunningGateway } from './running-gateways.ts';
import { readTokens } from './token.ts';

/** How long a gateway on this machine may take to answer, in milliseconds. */
const patience = 5000;

/** A connection that keeps a gateway running until it is closed. */
export interface Lease {
  close(): void;
}

/** Returns the status of a gateway as it reports it. @throws CommandError (unreachable), (file_error) */
export async function askStatus(gateway: RunningGateway, env: Environment): Promise<unknown> {
  const response = await open(gateway, '/status', env);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(Buffer.from(chunk));
  return parsedJson(Buffer.concat(chunks).toString());
}

/** Uses a gateway until the lease is closed, or this process ends. @throws CommandError (unreachable), (file_error) */
export async function openLease(gateway: RunningGateway, env: Environment): Promise<Lease> {
  const response = await open(gateway, '/lease', env);
  response.on('error', () => {});
  response.resume();
  response.socket.unref();
  return { close: () => response.destroy() };
}

async function open(gateway: RunningGateway, path: string, env: Environment): Promise<IncomingMessage> {
  const { url, tokenFile, certificate } = gateway;
  const [{ token }] = readTokens(tokenFile, env);
  const target = new URL(path, url);
  const headers = { Authorization: `Bearer ${token}` };
  return new Promise<IncomingMessage>((resolve, reject) => {
    const fail = (why: string) =>
      reject(
        new CommandError('unreachable', `The gateway at ${url} doesn't answer: ${why}`, {
          hint: 'Stop it with `ci gateway stop`, and start it again.',
        }),
      );
    // The certificate is known, whatever host it names.
    const request = certificate
      ? secureRequest(target, { headers, ca: readFileSync(certificate), checkServerIdentity: () => undefined })
      : plainRequest(target, { headers });
    request.setTimeout(patience, () => request.destroy(new Error('timeout')));
    request.on('error', (error) => fail(messageOf(error)));
    request.on('response', (response) => {
      request.setTimeout(0);
      if (response.statusCode === 200) resolve(response);
      else {
        response.resume();
        fail(`status ${response.statusCode}`);
      }
    });
    request.end();
  });
}
