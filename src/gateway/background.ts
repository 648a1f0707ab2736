import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { ownProcess } from '../account/own-command.ts';
import { stateFolder } from '../config/folders.ts';
import type { Context } from '../context/context.ts';
import { CommandError, errorCodes, messageOf } from '../domain/errors.ts';
import { memberOf, parsedJson } from '../domain/json.ts';
import { sameSignal } from '../programs/signals.ts';
import { makeFolder, namesIn, statsOf } from '../state/folder.ts';
import { openOwnFile } from '../state/own-file.ts';
import { logVariable, type RunningGateway, RunningGateways } from './running-gateways.ts';

/** The parts of the context that starting and stopping a gateway uses. */
export type BackgroundContext = Pick<Context, 'clocks' | 'settings' | 'world'>;

/** A gateway that runs in the background. */
export type BackgroundGateway = RunningGateway & { readonly log: string };

/** How often a starting or ending process is checked, in milliseconds. */
const checkInterval = 50;

/** How long a gateway may take to end after its requests, in milliseconds. */
const grace = 10_000;

/** Returns the gateways that run on this machine. */
export function runningGateways({ world }: Pick<Context, 'world'>): RunningGateways {
  return new RunningGateways(stateFolder(world.env), world.env);
}

/** How long the log of a gateway that has ended is kept, in milliseconds. */
const logLifetime = 7 * 24 * 3_600_000;

/** Removes the logs of gateways that ended long ago. */
function removeOldLogs(context: Pick<Context, 'clocks' | 'world'>): void {
  const folder = stateFolder(context.world.env);
  const used = runningGateways(context)
    .list()
    .map(({ log }) => log);
  for (const name of namesIn(folder)) {
    const file = path.join(folder, name);
    if (!/^gateway-[0-9a-f]{12}\.log$/.test(name) || used.includes(file)) continue;
    const stats = statsOf(file, statSync);
    if (stats && context.clocks.wall() - stats.mtimeMs > logLifetime) rmSync(file, { force: true });
  }
}

/**
 * Starts a gateway that continues after this process ends, and waits until it listens.
 *
 * @param args - the options of `ci gateway`
 * @returns the gateway, and its log
 * @throws CommandError with the reason that the gateway gives if it can't start
 */
export async function startInBackground(
  context: BackgroundContext,
  args: readonly string[],
): Promise<BackgroundGateway> {
  const { world, clocks } = context;
  const file = path.join(stateFolder(world.env), `gateway-${randomBytes(6).toString('hex')}.log`);
  makeFolder(path.dirname(file), world.env);
  removeOldLogs(context);
  const log = openOwnFile(file, 'a');
  const [command, ...words] = ownProcess(context);
  const child = spawn(
    command,
    [...words, ...globalOptions(context), 'gateway', ...args, '--quiet', '--json', '--no-input'],
    {
      env: { ...world.env, [logVariable]: file },
      cwd: world.cwd,
      detached: true,
      stdio: ['ignore', log, log],
      windowsHide: true,
    },
  );
  closeSync(log);
  let failure: string | undefined;
  child.on('error', (error) => {
    failure = messageOf(error);
  });
  child.on('exit', () => {
    failure ??= '';
  });
  for (;;) {
    const started = runningGateways(context)
      .list()
      .find(({ pid }) => pid === child.pid);
    if (started) {
      child.unref();
      return { ...started, log: file };
    }
    if (failure !== undefined) throw notStarted(file, failure);
    try {
      await clocks.sleep(checkInterval);
    } catch (error) {
      child.kill('SIGTERM');
      rmSync(file, { force: true });
      throw error;
    }
  }
}

/**
 * Waits until a gateway has ended.
 *
 * @throws CommandError (timeout) if it still runs after the time that it waits for requests, and ten seconds
 */
export async function waitForEnd(
  context: Pick<Context, 'clocks' | 'world'>,
  { pid, drain }: Pick<RunningGateway, 'pid' | 'drain'>,
): Promise<void> {
  const { clocks } = context;
  const deadline = clocks.monotonic() + drain + grace;
  const isRunning = () =>
    runningGateways(context)
      .list()
      .some((each) => each.pid === pid);
  while (isRunning()) {
    if (clocks.monotonic() > deadline) {
      throw new CommandError('timeout', `The gateway (process ${pid}) doesn't stop`, {
        hint: `End it with \`kill -9 ${pid}\`.`,
      });
    }
    await clocks.sleep(checkInterval);
  }
}

/**
 * Stops a gateway, and waits until it has ended.
 *
 * @param now - without waiting for the requests that it answers
 * @throws CommandError (timeout) if it doesn't end
 */
export async function stopGateway(
  context: Pick<Context, 'clocks' | 'world'>,
  gateway: RunningGateway,
  { now }: { readonly now: boolean },
): Promise<void> {
  const { pid } = gateway;
  if (!signal(pid, 'SIGTERM')) return;
  if (now) {
    // A second signal right after the first one counts as the same.
    await context.clocks.sleep(sameSignal + 200);
    signal(pid, 'SIGTERM');
  }
  await waitForEnd(context, now ? { pid, drain: 0 } : gateway);
}

/** Sends a signal. Returns whether the process exists. */
function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}

/** Returns the global options with which this command was run. */
function globalOptions({ settings }: Pick<Context, 'settings'>): string[] {
  const { apiUrl, profile, sandbox } = settings;
  return [
    ...(sandbox.value ? ['--sandbox'] : []),
    ...(profile.origin === '--profile' ? ['--profile', profile.value] : []),
    ...(apiUrl.origin === '--api-url' ? ['--api-url', apiUrl.value] : []),
  ];
}

/** Returns why a gateway didn't start, as it wrote it to its log. Removes the log if it has nothing else. */
function notStarted(file: string, failure: string): CommandError {
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  const last = parsedJson(lines.at(-1) ?? '');
  const reported = memberOf(last, 'error');
  const [message, hint] = [memberOf(reported, 'message'), memberOf(reported, 'hint')];
  const code = errorCodes().find((each) => each === memberOf(reported, 'code'));
  if (code !== undefined && typeof message === 'string') {
    rmSync(file, { force: true });
    return new CommandError(code, message, { hint: typeof hint === 'string' ? hint : undefined });
  }
  if (memberOf(last, 'event') === 'stopped') {
    rmSync(file, { force: true });
    return new CommandError('unavailable', 'The gateway was stopped while it started', {
      hint: 'Run this command again.',
    });
  }
  return new CommandError('unavailable', `The gateway didn't start${failure === '' ? '' : `: ${failure}`}`, {
    hint: `See ${file}.`,
  });
}
