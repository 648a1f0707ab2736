import { isLoopback } from '../../api/host.ts';
import { parseRpcUrl } from '../../chain/rpc.ts';
import { localRpcUrl } from '../../domain/chains.ts';
import type { Environment } from '../../domain/environment.ts';
import { usageError } from '../../domain/errors.ts';

/**
 * Parses the value of `--rpc-url` for the sandbox, which must never take real money.
 *
 * @throws CommandError (usage) unless it is the URL of an endpoint on this machine
 */
export function parseLocalRpcUrl(text: string): URL {
  const url = localUrlIn(text);
  if (url) return url;
  throw usageError(
    'The value of --rpc-url is not the URL of a chain on this machine',
    `The sandbox takes payments only on a development chain. Use a URL such as ${localRpcUrl}.`,
  );
}

/** Returns the RPC URL of the sandbox's chain by default: `ETH_RPC_URL` if it is on this machine, or that of anvil. */
export function defaultRpcUrl({ ETH_RPC_URL: text = '' }: Environment): URL {
  return localUrlIn(text) ?? new URL(localRpcUrl);
}

function localUrlIn(text: string): URL | undefined {
  try {
    const url = parseRpcUrl(text, 'the URL');
    return isLoopback(url.hostname) ? url : undefined;
  } catch {
    return undefined;
  }
}
