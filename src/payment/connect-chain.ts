import { ChainNode } from '../chain/node.ts';
import { parseRpcUrl } from '../chain/rpc.ts';
import type { Context } from '../context/context.ts';
import { type Chain, localRpcUrl } from '../domain/chains.ts';
import { CommandError } from '../domain/errors.ts';

/** The environment variable of Foundry that names an RPC endpoint. */
const rpcVariable = 'ETH_RPC_URL';
/** How people call a chain for development. */
const localTitle = 'the local chain';

/** The parts of the context that connecting to a chain uses. */
export type ChainContext = Pick<Context, 'connections' | 'settings' | 'world'>;

/**
 * Connects to a chain: through the endpoint as typed, or as `ETH_RPC_URL` says, or else the public one. With `--sandbox`, only a local
 * chain for development is used, because nobody could get back what is sent to the sandbox's address.
 *
 * @param typed - the URL in `--rpc-url`
 * @throws CommandError (usage) if the URL isn't valid, or the endpoint serves another chain; (unreachable), (timeout)
 */
export async function connectChain(
  { connections, settings, world }: ChainContext,
  chain: Chain,
  typed?: string | undefined,
): Promise<ChainNode> {
  const isSandbox = settings.sandbox.value;
  const variable = world.env[rpcVariable] || undefined;
  const fallback = isSandbox ? localRpcUrl : chain.rpcUrl;
  const source = typed === undefined ? rpcVariable : '--rpc-url';
  const url = parseRpcUrl(typed ?? variable ?? fallback, source);
  if (isSandbox) connections.sandboxRpcUrl = url;
  const node = new ChainNode(await connections.rpc(url), chain);
  try {
    await node.requireChain();
    // It has the chain ID of Base, and must not be taken for it.
    const isDevelopment = node.rpc.isLocal && (await node.isForDevelopment());
    return isDevelopment ? new ChainNode(node.rpc, { ...chain, title: localTitle }) : node;
  } catch (error) {
    const isMissing = isSandbox && error instanceof CommandError && error.code === 'unreachable';
    if (!isMissing) throw error;
    throw error.with({ hint: 'Start a local chain with `ci sandbox serve --chain`.', outcome: 'not_applied' });
  }
}

/** Returns whether payments on a chain move no real money. */
export function isLocalChain({ chain }: ChainNode): boolean {
  return chain.title === localTitle;
}

/**
 * Refuses to pay the sandbox, or with the sandbox, on a chain with real money.
 *
 * @param isForSandbox - whether the sandbox asks for the payment
 * @throws CommandError (usage)
 */
export function refuseRealMoney(node: ChainNode, isForSandbox: boolean): void {
  if (!isForSandbox || isLocalChain(node)) return;
  throw new CommandError(
    'usage',
    `The sandbox takes payments only on a local chain for development, not on ${node.rpc.host}`,
    {
      hint: `Nothing was sent. Run \`ci sandbox serve --chain\` to start one, and pass --rpc-url ${localRpcUrl}.`,
      outcome: 'not_applied',
    },
  );
}
