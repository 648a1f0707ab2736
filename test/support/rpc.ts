import type { ServerResponse } from 'node:http';
import { memberOf } from '../../src/domain/json.ts';
import { ask } from './http.ts';
import { listAt, textAt } from './sandbox.ts';
import { answer, type RecordingServer, server } from './servers.ts';

/** A call of JSON-RPC that reached a proxy. */
export interface RpcCall {
  readonly method: string;
  readonly params: readonly unknown[];
  /** Returns what the chain answers. */
  forward(): Promise<unknown>;
  readonly response: ServerResponse;
}

/** Returned by a handler that has answered, or never will. */
export const answered = Symbol('answered');

/** An error of JSON-RPC. */
export class RpcFailure extends Error {}

/** An RPC endpoint between a command and a chain, which records the methods that are called. */
export interface RpcProxy extends RecordingServer {
  readonly methods: readonly string[];
}

/**
 * Starts an RPC endpoint that answers some calls itself, and forwards the others.
 *
 * @param instead - returns the result, or undefined to forward the call; throws {@link RpcFailure} to answer with an error
 */
export async function rpcProxy({ url }: { readonly url: URL }, instead: (call: RpcCall) => unknown): Promise<RpcProxy> {
  const methods: string[] = [];
  const forward = async (body: string): Promise<unknown> => {
    const { text } = await ask(url.href, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    return JSON.parse(text);
  };
  const proxy = await server(async (request, response) => {
    const call: unknown = JSON.parse(request.body);
    const [id, method] = [memberOf(call, 'id'), textAt(call, 'method')];
    methods.push(method);
    const reply = (more: object) => answer(200, { jsonrpc: '2.0', id, ...more })(request, response);
    try {
      const result = await instead({
        method,
        params: listAt(call, 'params'),
        forward: async () => memberOf(await forward(request.body), 'result'),
        response,
      });
      if (result === answered) return;
      if (result !== undefined) return reply({ result });
    } catch (error) {
      if (!(error instanceof RpcFailure)) throw error;
      return reply({ error: { code: -32000, message: error.message } });
    }
    return answer(200, await forward(request.body))(request, response);
  });
  return Object.assign(proxy, { methods });
}
