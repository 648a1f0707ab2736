import { ChainNode } from '../../chain/node.ts';
import { RpcError } from '../../chain/rpc.ts';
import { chains } from '../../domain/chains.ts';
import { CommandError } from '../../domain/errors.ts';
import { Refusal } from '../reply.ts';
import { localClient } from './client.ts';

/** How to start a chain, for errors. */
const howToStart = 'Start one with `ci sandbox serve --chain`.';

/**
 * Reads or changes the chain of the sandbox: a development chain on this machine with the ID of Base.
 *
 * @throws Refusal (502) if the chain is not such a chain or fails, (503) if it can't be reached
 */
export async function withChain<T>(url: URL, use: (node: ChainNode) => Promise<T>): Promise<T> {
  const rpc = localClient(url);
  try {
    if (!rpc.isLocal) throw new Refusal(502, 'The sandbox takes payments only on a chain on this machine');
    const node = new ChainNode(rpc, chains.base);
    if (!(await node.isForDevelopment())) {
      throw new Refusal(502, `The sandbox takes payments only on a development chain such as anvil's. ${howToStart}`);
    }
    await node.requireChain();
    return await use(node);
  } catch (error) {
    throw refusalOf(error, rpc.host);
  } finally {
    await rpc.close();
  }
}

function refusalOf(error: unknown, host: string): unknown {
  if (error instanceof RpcError) return new Refusal(502, `The chain at ${host} returned an error: ${error.reason}`);
  if (!(error instanceof CommandError)) return error;
  if (error.code !== 'unreachable' && error.code !== 'timeout') return new Refusal(502, error.message);
  return new Refusal(503, `The sandbox can't reach a chain at ${host}. ${howToStart}`);
}
