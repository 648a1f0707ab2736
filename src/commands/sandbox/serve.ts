import { sandboxPort } from '../../account/web-pages.ts';
import { invalidValue } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import { sandboxFolder } from '../../config/folders.ts';
import type { Context } from '../../context/context.ts';
import { localChainPort } from '../../domain/chains.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import type { LocalChain } from '../../sandbox/chain/local-chain.ts';

const fields = ['url', 'managementKey', 'folder', 'rpcUrl'] as const;

/** Where `ci sandbox serve` serves, and the chain on which it checks payments. */
export interface Options {
  /** 0: any free port, for the local chain, too. */
  readonly port: number;
  /** Starts a local chain. */
  readonly chain?: true;
  /** As typed. */
  readonly rpcUrl?: string;
}

/** `ci sandbox serve`: serves the sandbox to curl and SDKs until Ctrl-C. */
export default function serve(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      local: true,
      examples: [
        'ci sandbox serve',
        'ci sandbox serve --port 8787',
        'ci sandbox serve --port 0 --json',
        'ci sandbox serve --chain',
      ],
    })
    .option('--port <number>', 'TCP port on 127.0.0.1, or 0 for any free port', parsePort, sandboxPort)
    .option('--chain', 'Start a local chain for payments in USDC (requires anvil)')
    .option('--rpc-url <url>', 'Check payments on a development chain that is running')
    .action((options: Options) => execute(options, context));
}

/** Serves the sandbox until it is interrupted. */
export async function run(options: Options, context: Pick<Context, 'connections' | 'output' | 'world'>): Promise<void> {
  const { output, connections } = context;
  const { env, interrupt } = context.world;
  const folder = sandboxFolder(env);
  const { sandboxManagementKey: managementKey } = await import('../../sandbox/state.ts');
  const chain = await startedChain(options, context);
  const chosen = chain?.url ?? (await chosenUrl(options));
  connections.sandboxRpcUrl = chosen;
  const { url } = await connections.startSandbox(options.port);
  output.note('Sandbox: nothing is charged. Press Ctrl-C to stop it.');
  if (chain) output.note(`To get test USDC and ETH: curl -X POST ${url}/sandbox/faucet/ADDRESS`);
  await output.record(
    { url, managementKey, folder, rpcUrl: chosen === undefined ? null : chosen.href.replace(/\/$/, '') },
    {
      columns: [
        { field: 'url', header: 'URL', value: (row) => row.url },
        { field: 'managementKey', header: 'Management key', value: (row) => row.managementKey },
        { field: 'folder', header: 'State', value: (row) => row.folder },
        { field: 'rpcUrl', header: 'RPC URL', value: (row) => row.rpcUrl },
      ],
      fields,
    },
  );
  await untilAborted(chain ? AbortSignal.any([interrupt, endOf(chain)]) : interrupt);
  if (interrupt.aborted) return;
  throw new CommandError('server_error', 'The local chain stopped', { hint: 'Start the sandbox again.' });
}

/** Starts the local chain if an option asks for it. It stops after the sandbox. */
async function startedChain(
  { port, chain: isWanted, rpcUrl }: Options,
  { connections, world }: Pick<Context, 'connections' | 'world'>,
): Promise<LocalChain | undefined> {
  if (!isWanted) return undefined;
  if (rpcUrl !== undefined) {
    throw usageError("--chain and --rpc-url can't be combined", '--chain starts a chain of its own.');
  }
  const { startLocalChain } = await import('../../sandbox/chain/local-chain.ts');
  const { env, interrupt } = world;
  // Not the keys in the environment.
  const { PATH, HOME, TMPDIR } = env;
  const chain = await startLocalChain({
    port: port === 0 ? 0 : localChainPort,
    env: { PATH, HOME, TMPDIR },
    blockTime,
    interrupt,
  });
  connections.closeAtEnd(chain);
  return chain;
}

/** Seconds between two blocks of the local chain: as on Base. */
const blockTime = 2;

async function chosenUrl({ rpcUrl }: Options): Promise<URL | undefined> {
  if (rpcUrl === undefined) return undefined;
  const { parseLocalRpcUrl } = await import('../../sandbox/chain/endpoint.ts');
  return parseLocalRpcUrl(rpcUrl);
}

/** Returns a signal that is aborted when the chain stops. */
function endOf({ stopped }: LocalChain): AbortSignal {
  const end = new AbortController();
  void stopped.then(() => end.abort());
  return end.signal;
}

/** Waits for Ctrl-C. A timer keeps the process alive, because the sandbox doesn't. */
function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const alive = setInterval(() => {}, 3_600_000);
    signal.addEventListener('abort', () => resolve(clearInterval(alive)), { once: true });
  });
}

function parsePort(text: string): number {
  if (/^\d+$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw invalidValue(text, 'port', 'Use a whole number from 0 to 65535.');
}
