import { configFolder } from '../config/folders.ts';
import type { Context } from '../context/context.ts';
import { CommandError } from '../domain/errors.ts';
import { addressText, defaultAddress } from './address.ts';
import { runningGateways, startInBackground, waitForEnd } from './background.ts';
import { type Lease, openLease } from './gateway-client.ts';
import type { RunningGateway } from './running-gateways.ts';
import { readTokens, tokenFileIn } from './token.ts';

/** The parts of the context that using a gateway needs. */
export type UseContext = Pick<Context, 'clocks' | 'record' | 'settings' | 'world'>;

/** A gateway that this process uses. */
export interface UsedGateway extends Lease {
  readonly url: string;
  readonly running: RunningGateway;
  readonly token: string;
  /** The options of `ci gateway token` with which it prints the token. */
  readonly tokenOptions: readonly string[];
}

/** How often to look for a gateway that is starting or ending, and the time between two looks in milliseconds. */
const mostAttempts = 40;
const attemptInterval = 250;

/**
 * Uses the gateway of the account in use. If none runs, starts one that ends when no command uses it.
 *
 * @throws CommandError if it can't start, or (timeout) if the one that runs doesn't answer in time
 */
export async function useGateway(context: UseContext): Promise<UsedGateway> {
  const { id } = await context.record.ownAccount();
  for (let attempt = 1; ; attempt++) {
    try {
      const [running] = runningGateways(context).of(id);
      if (running?.isStopping) await waitForEnd(context, running);
      return await lease(context, running && !running.isStopping ? running : await start(context));
    } catch (error) {
      // Another command has just started or stopped it. One that takes too long to answer does neither.
      const passes = error instanceof CommandError && (error.code === 'unreachable' || error.code === 'busy');
      if (!passes || attempt >= mostAttempts) throw error;
      if (error.code === 'busy' && runningGateways(context).of(id).length === 0) throw error;
      await context.clocks.sleep(attemptInterval);
    }
  }
}

async function start(context: UseContext): Promise<RunningGateway> {
  try {
    return await startInBackground(context, ['--until-unused']);
  } catch (error) {
    if (!(error instanceof CommandError) || !error.message.includes(addressText(defaultAddress))) throw error;
    const address = addressText({ ...defaultAddress, port: defaultAddress.port + 1 });
    throw error.with({
      hint: `Start the gateway on another port with \`ci gateway --background --listen ${address}\`, and run this command again.`,
    });
  }
}

async function lease({ world }: UseContext, gateway: RunningGateway): Promise<UsedGateway> {
  const { close } = await openLease(gateway);
  const [{ token, client }] = readTokens(gateway.tokenFile, world.env);
  const { url, tokenFile } = gateway;
  const isUsual = tokenFile === tokenFileIn(configFolder(world));
  const file = isUsual ? [] : ['--token-file', tokenFile];
  const tokenOptions = [...file, ...(client === undefined ? [] : ['--client', client])];
  return { url, running: gateway, token, tokenOptions, close };
}
