import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../domain/environment.ts';
import { hasValidMembers, isObject, parsedJson } from '../domain/json.ts';
import { makeFolder, namesIn } from '../state/folder.ts';
import { isRunning, type ProcessId, processName, processNamed, thisProcess } from '../state/process.ts';
import { replaceFile } from '../state/replace-file.ts';

/** The variable that names the log of a gateway in the background, so that the gateway itself can record it. */
export const logVariable = 'CHEAPESTINFERENCE_GATEWAY_LOG';

/** A gateway that runs on this machine. */
export interface RunningGateway {
  readonly pid: number;
  readonly url: string;
  /** The file with its token. */
  readonly tokenFile: string;
  /** The file with its certificate. */
  readonly certificate?: string | undefined;
  /** The ID of the account, as in the record of changes. */
  readonly account: string;
  /** The account for people. */
  readonly label: string;
  /** The IDs of its seats. */
  readonly seats: readonly string[];
  /** RFC 3339. */
  readonly startedAt: string;
  /** How long it waits for running requests before it ends, in milliseconds. */
  readonly drain: number;
  /** Whether it ends when no command uses it. */
  readonly untilUnused: boolean;
  /** The file that has its notes, if it was started in the background. */
  readonly log?: string | undefined;
  /** Whether it is stopping, and only finishes its requests. */
  readonly isStopping?: boolean | undefined;
}

type Check = (value: unknown) => boolean;
const isText: Check = (value) => typeof value === 'string';
const isNumber: Check = (value) => typeof value === 'number';

const members: Readonly<Record<keyof RunningGateway, Check>> = {
  pid: isNumber,
  url: isText,
  tokenFile: isText,
  certificate: isText,
  account: isText,
  label: isText,
  seats: (value) => Array.isArray(value) && value.every(isText),
  startedAt: isText,
  drain: isNumber,
  untilUnused: (value) => typeof value === 'boolean',
  log: isText,
  isStopping: (value) => typeof value === 'boolean',
};

function isRecord(value: unknown): value is RunningGateway {
  return isObject(value) && isText(value.url) && isNumber(value.pid) && hasValidMembers(value, members);
}

/** The gateways that run on this machine: a file for each, named by its process. */
export class RunningGateways {
  readonly #folder: string;
  readonly #env: Environment;

  /** @param folder - the state directory */
  constructor(folder: string, env: Environment) {
    this.#folder = path.join(folder, 'gateways');
    this.#env = env;
  }

  /** Returns the running gateways. Removes what ended ones have left. */
  list(): readonly RunningGateway[] {
    return namesIn(this.#folder).flatMap((name) => {
      const owner = processNamed(/^(.+)\.json$/.exec(name)?.[1] ?? '');
      if (!owner) return [];
      const file = path.join(this.#folder, name);
      const state = isRunning(owner);
      if (state === false) removeIfPossible(file);
      const record = state ? readRecord(file) : undefined;
      return record ? [{ ...record, pid: owner.pid }] : [];
    });
  }

  /** Returns the gateways of an account. */
  of(account: string): readonly RunningGateway[] {
    return this.list().filter((each) => each.account === account);
  }

  /** Records the gateway of this process. */
  add(record: Omit<RunningGateway, 'pid'>): void {
    makeFolder(this.#folder, this.#env);
    replaceFile(this.#fileOf(thisProcess()), `${JSON.stringify({ pid: process.pid, ...record })}\n`, { mode: 0o600 });
  }

  /** Removes the record of this process, if the directory can be written. */
  remove(): void {
    removeIfPossible(this.#fileOf(thisProcess()));
  }

  #fileOf(owner: ProcessId): string {
    return path.join(this.#folder, `${processName(owner)}.json`);
  }
}

/** Removes the record of a process that has ended, or ends now. If it stays, it is ignored. */
function removeIfPossible(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // Such as on a file system that has become read-only.
  }
}

function readRecord(file: string): RunningGateway | undefined {
  try {
    const value = parsedJson(readFileSync(file, 'utf8'));
    return isRecord(value) ? value : undefined;
  } catch {
    // The gateway has just ended.
    return undefined;
  }
}
