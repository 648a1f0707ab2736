import { type ChildProcess, spawn } from 'node:child_process';
import { chains } from '../../domain/chains.ts';
import type { Environment } from '../../domain/environment.ts';
import { CommandError, codeOf, usageError } from '../../domain/errors.ts';
import { localClient } from './client.ts';
import { usdcCode } from './usdc-code.ts';

/**
 * Runs a program until its standard input ends. The input ends with the process that holds its other end, however that one ends, so
 * that the chain never outlives the sandbox.
 */
const untilInputEnds = `
  exec 3<&0
  "$@" </dev/null 3<&- &
  program=$!
  { while read -r _ <&3; do :; done; kill "$program"; } >/dev/null 2>&1 &
  exec 3<&-
  wait "$program"`;

/** The exit code of a shell that doesn't find a program. */
const notFound = 127;

/** How to start a chain. */
export interface LocalChainOptions {
  /** TCP port on 127.0.0.1. 0: any free port. */
  readonly port: number;
  /** The environment of the chain. Its PATH has anvil. */
  readonly env: Environment;
  /** Seconds between two blocks. Absent: only transactions and requests mine blocks. */
  readonly blockTime?: number;
  /** Aborted when the user interrupts the command. */
  readonly interrupt?: AbortSignal;
}

/** A development chain that runs on this machine. It doesn't keep the process alive. */
export interface LocalChain {
  readonly url: URL;
  /** Resolves when the chain has stopped, for whatever reason. */
  readonly stopped: Promise<void>;
  /** Stops the chain. */
  close(): Promise<void>;
}

/**
 * Starts anvil as a chain with the ID of Base and an ERC-20 at the address of USDC. Transactions are mined at once.
 *
 * @throws CommandError (usage) if anvil isn't installed or the port is in use; (server_error) if it doesn't start;
 *   (interrupted)
 */
export async function startLocalChain({ port, env, blockTime, interrupt }: LocalChainOptions): Promise<LocalChain> {
  const interval = blockTime === undefined ? [] : ['--block-time', String(blockTime), '--mixed-mining'];
  const args = ['--host', '127.0.0.1', '--port', String(port), '--chain-id', String(chains.base.id), ...interval];
  const child = started('anvil', args, env);
  const stopped = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const close = () => {
    child.ref();
    if (process.platform === 'win32') child.kill();
    child.stdin?.end();
    return stopped;
  };
  try {
    const url = new URL(`http://127.0.0.1:${await listening(child, port, interrupt)}`);
    await putUsdc(url);
    child.unref();
    return { url, stopped, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function started(program: string, args: readonly string[], env: Environment): ChildProcess {
  const options = { env: { ...env }, stdio: 'pipe' as const, windowsHide: true };
  if (process.platform === 'win32') return spawn(program, args, options);
  // In a process group of its own, because Ctrl-C in the terminal must not stop it before the sandbox.
  return spawn('/bin/sh', ['-c', untilInputEnds, 'sh', program, ...args], { ...options, detached: true });
}

/** Returns the port of the chain, once it listens. */
function listening(child: ChildProcess, port: number, interrupt?: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const end = () => reject(new CommandError('interrupted', 'Interrupted'));
    if (interrupt?.aborted) end();
    interrupt?.addEventListener('abort', end, { once: true });
    let written = '';
    let complaint = '';
    child.once('error', (error) => reject(codeOf(error) === 'ENOENT' ? notInstalled() : notStarted(error.message)));
    child.once('close', (code) => {
      if (code === notFound) return reject(notInstalled());
      reject(/address already in use|os error 10048/i.test(complaint) ? portInUse(port) : notStarted(complaint));
    });
    child.stdin?.on('error', () => {});
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-1000);
    });
    const read = (text: string) => {
      written += text;
      const [, found] = /^Listening on .*:(\d+)\s*$/m.exec(written) ?? [];
      if (found === undefined) return;
      child.stdout?.off('data', read).resume();
      resolve(found);
    };
    child.stdout?.setEncoding('utf8').on('data', read);
  });
}

async function putUsdc(url: URL): Promise<void> {
  const rpc = localClient(url);
  try {
    await rpc.call('anvil_setCode', [chains.base.usdc, usdcCode]);
  } finally {
    await rpc.close();
  }
}

function notInstalled(): CommandError {
  return usageError(
    'anvil, which runs the local chain, is not installed',
    'Install Foundry (https://getfoundry.sh), or pass --rpc-url with a development chain that is running.',
  );
}

function portInUse(port: number): CommandError {
  return usageError(
    `The port ${port} of the local chain is in use`,
    `If a development chain is running there, pass --rpc-url http://127.0.0.1:${port} instead of --chain.`,
  );
}

function notStarted(complaint: string): CommandError {
  const [line = ''] = complaint.trim().split('\n');
  return new CommandError('server_error', `The local chain didn't start${line === '' ? '' : `: ${line}`}`, {
    hint: 'Run `anvil` to see why.',
  });
}
