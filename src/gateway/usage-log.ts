import { closeSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../domain/environment.ts';
import { codeOf } from '../domain/errors.ts';
import { hasValidMembers, isObject, parsedJson } from '../domain/json.ts';
import { makeFolder, namesIn } from '../state/folder.ts';
import { openOwnFile } from '../state/own-file.ts';
import type { RequestRecord } from './events.ts';

/** What a client used in a period of a gateway. */
export interface ClientUsage {
  readonly client: string;
  readonly model: string;
  readonly requests: number;
  /** Requests that were paid for with prepaid credit. */
  readonly creditRequests: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** A line of the file. */
interface UsageLine extends ClientUsage {
  /** The ID of the account, as in the record of changes. */
  readonly account: string;
  /** The end of the period, in epoch milliseconds. */
  readonly time: number;
}

/** How long usage is kept at least, in milliseconds. */
const kept = 31 * 24 * 3_600_000;

/**
 * What clients used, in a file of lines for each month (UTC), which several gateways may append to. A file is removed as a whole, so that
 * no line is lost that another gateway writes. It has nothing of prompts and answers.
 */
export class UsageLog {
  readonly #folder: string;
  readonly #env: Environment;
  readonly #account: string;
  readonly #now: () => number;
  readonly #pending = new Map<string, ClientUsage>();

  /**
   * @param folder - the state directory
   * @param account - the ID of the account
   */
  constructor(folder: string, env: Environment, account: string, now: () => number) {
    this.#folder = folder;
    this.#env = env;
    this.#account = account;
    this.#now = now;
  }

  /** Counts a request that the API answered. */
  count({ client, model = '', credit, key, promptTokens = 0, completionTokens = 0 }: RequestRecord): void {
    if (key === undefined) return;
    const id = JSON.stringify([client, model]);
    const before = this.#pending.get(id);
    this.#pending.set(id, {
      client,
      model,
      requests: (before?.requests ?? 0) + 1,
      creditRequests: (before?.creditRequests ?? 0) + Number(credit),
      promptTokens: (before?.promptTokens ?? 0) + promptTokens,
      completionTokens: (before?.completionTokens ?? 0) + completionTokens,
    });
  }

  /** Appends what was counted to the file of the month. @throws the error of the file system; what was counted is then kept */
  flush(): void {
    if (this.#pending.size === 0) return;
    const time = this.#now();
    makeFolder(this.#folder, this.#env);
    const month = new Date(time).toISOString().slice(0, 7);
    const handle = openOwnFile(path.join(this.#folder, `gateway-usage-${month}.jsonl`), 'a');
    try {
      for (const [id, usage] of this.#pending) {
        // A line that was written in part must not spoil the next one. It isn't counted, and is written again.
        writeFileSync(handle, `\n${JSON.stringify({ time, account: this.#account, ...usage })}`);
        this.#pending.delete(id);
      }
      writeFileSync(handle, '\n');
    } finally {
      closeSync(handle);
    }
  }

  /** Removes the files that are too old to be shown. @throws the error of the file system */
  prune(): void {
    for (const { file, end } of this.#files()) if (end <= this.#now() - kept) rmSync(file, { force: true });
  }

  /** Returns what each client used of each model in the last milliseconds, the heaviest users first. */
  read(period: number): ClientUsage[] {
    const sums = new Map<string, ClientUsage>();
    for (const { account, time, ...usage } of this.#files().flatMap(({ file }) => linesIn(file))) {
      if (account !== this.#account || time <= this.#now() - period) continue;
      const id = JSON.stringify([usage.client, usage.model]);
      const before = sums.get(id);
      sums.set(id, {
        client: usage.client,
        model: usage.model,
        requests: (before?.requests ?? 0) + usage.requests,
        creditRequests: (before?.creditRequests ?? 0) + usage.creditRequests,
        promptTokens: (before?.promptTokens ?? 0) + usage.promptTokens,
        completionTokens: (before?.completionTokens ?? 0) + usage.completionTokens,
      });
    }
    const weight = ({ promptTokens, completionTokens }: ClientUsage) => promptTokens + completionTokens;
    return [...sums.values()].sort((a, b) => weight(b) - weight(a) || b.requests - a.requests);
  }

  /** Returns the files, with the end of each month in epoch milliseconds. */
  #files(): { readonly file: string; readonly end: number }[] {
    const names = namesIn(this.#folder).sort();
    return names.flatMap((name) => {
      const [, year, month] = /^gateway-usage-(\d{4})-(\d{2})\.jsonl$/.exec(name) ?? [];
      return year === undefined
        ? []
        : [{ file: path.join(this.#folder, name), end: Date.UTC(Number(year), Number(month)) }];
    });
  }
}

/** Returns the lines of a file. Leaves out those that a process that was killed has written in part. */
function linesIn(file: string): UsageLine[] {
  let handle: number;
  try {
    handle = openOwnFile(file, 'r');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
  try {
    return readFileSync(handle, 'utf8')
      .split('\n')
      .flatMap((line) => {
        const value = parsedJson(line);
        return isLine(value) ? [value] : [];
      });
  } finally {
    closeSync(handle);
  }
}

type Check = (value: unknown) => boolean;
const isText: Check = (value) => typeof value === 'string';
const isCount: Check = (value) => typeof value === 'number' && value >= 0;

const members: Readonly<Record<keyof UsageLine, Check>> = {
  time: isCount,
  account: isText,
  client: isText,
  model: isText,
  requests: isCount,
  creditRequests: isCount,
  promptTokens: isCount,
  completionTokens: isCount,
};

function isLine(value: unknown): value is UsageLine {
  return isObject(value) && Object.keys(members).every((name) => name in value) && hasValidMembers(value, members);
}
