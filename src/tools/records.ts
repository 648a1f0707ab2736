import { createHash } from 'node:crypto';
import { readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod/mini';
import type { Change, Value } from '../documents/document.ts';
import type { Environment } from '../domain/environment.ts';
import { CommandError, codeOf, messageOf } from '../domain/errors.ts';
import { lazy } from '../domain/lazy.ts';
import { shellWord } from '../domain/shell-word.ts';
import { makeFolder, namesIn } from '../state/folder.ts';
import { withOwnFile } from '../state/own-file.ts';
import { Draft } from '../state/replace-file.ts';

const value: z.ZodMiniType<Value> = z.lazy(() =>
  z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(value), z.record(z.string(), value)]),
);
const step = z.union([z.string(), z.record(z.string(), z.string())]);
const change = z.object({
  path: z.array(step),
  value,
  earlier: z.optional(z.array(value)),
  before: z.optional(z.string()),
  ignored: z.optional(z.array(z.string())),
  isRequired: z.optional(z.boolean()),
  depth: z.int(),
  empty: z.optional(z.string()),
  lead: z.optional(z.string()),
});

const recordSchema = lazy(() =>
  z.object({
    tool: z.string(),
    /** The directory of the project. Absent: the settings of the user. */
    project: z.optional(z.string()),
    /** Whose key it is: that of a profile, or of the sandbox. */
    profile: z.optional(z.string()),
    sandbox: z.optional(z.boolean()),
    baseUrl: z.string(),
    model: z.string(),
    /** The context window that the user passed, in tokens. */
    contextWindow: z.optional(z.int()),
    /** The stored key. Absent: the key from the environment, or the gateway. */
    key: z.optional(z.object({ id: z.optional(z.string()), name: z.optional(z.string()) })),
    /** Whether it uses the gateway, and not a key. */
    gateway: z.optional(z.boolean()),
    files: z.array(
      z.object({
        file: z.string(),
        format: z.enum(['jsonc', 'toml', 'yaml', 'script']),
        holdsSecret: z.optional(z.boolean()),
        /** The text before, in a file beside the record. Absent: there was no file. */
        backup: z.optional(z.string()),
        /** The permissions before, if they were changed. */
        mode: z.optional(z.int()),
        /** The SHA-256 of the text that was written, and of those that were written before. */
        digests: z.array(z.string()),
        /** What was written. Instead of a secret, it has its hash. */
        changes: z.array(change),
        /** The directories that were created for it, the outermost first. */
        folders: z.array(z.string()),
      }),
    ),
  }),
);

/** A tool that was connected, and what it takes to undo that. */
export type ConnectionRecord = z.infer<ReturnType<typeof recordSchema>>;
/** A file that was changed for a tool. */
export type RecordedFile = ConnectionRecord['files'][number];

/** A text before it was changed, and the name of its backup. */
export interface Backup {
  readonly name: string;
  readonly text: string;
}

/** The tools that were connected on this machine: a directory for each, with a record and the files as they were before. */
export class ConnectionRecords {
  readonly #folder: string;
  readonly #env: Environment;

  /** @param folder - the state directory */
  constructor(folder: string, env: Environment) {
    this.#folder = path.join(folder, 'connections');
    this.#env = env;
  }

  /** Returns all of them. @throws CommandError (file_error) if one is damaged */
  all(): readonly ConnectionRecord[] {
    return namesIn(this.#folder)
      .sort()
      .flatMap((name) => this.#read(path.join(this.#folder, name)) ?? []);
  }

  /** Returns the record of a tool; undefined if it isn't connected. @throws CommandError (file_error) if it is damaged */
  of(tool: string, project: string | undefined): ConnectionRecord | undefined {
    return this.#read(this.#folderOf({ tool, project }));
  }

  /** Returns the path of a backup. */
  backupFile(record: Pick<ConnectionRecord, 'tool' | 'project'>, name: string): string {
    return path.join(this.#folderOf(record), name);
  }

  /** Returns the text of a backup; undefined if someone has removed it. @throws CommandError (file_error) */
  backup(record: Pick<ConnectionRecord, 'tool' | 'project'>, name: string): string | undefined {
    const file = this.backupFile(record, name);
    try {
      return withOwnFile(file, 'r', (handle) => readFileSync(handle, 'utf8'));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw fileError(`Can't read the backup ${file}: ${messageOf(error)}`, error);
    }
  }

  /** Writes the backups, and then the record, synced to disk. @throws CommandError (file_error) */
  save(record: ConnectionRecord, backups: readonly Backup[]): void {
    const folder = this.#folderOf(record);
    try {
      makeFolder(folder, this.#env);
      for (const { name, text } of backups) new Draft(path.join(folder, name)).replace(text);
      new Draft(path.join(folder, recordName)).replace(`${JSON.stringify(record, undefined, 2)}\n`);
    } catch (error) {
      throw fileError(`Can't write the record ${folder}: ${messageOf(error)}`, error);
    }
  }

  /** Removes a record, and then its backups. @throws CommandError (file_error) */
  remove(record: Pick<ConnectionRecord, 'tool' | 'project'>): void {
    const folder = this.#folderOf(record);
    orError('remove the record of the connection', () => {
      rmSync(path.join(folder, recordName), { force: true });
      rmSync(folder, { recursive: true, force: true });
    });
  }

  /** Removes a record, but keeps its backups. @returns their directory @throws CommandError (file_error) */
  archive(record: ConnectionRecord, now: Date): string {
    const folder = this.#folderOf(record);
    const kept = `${folder}.${now.toISOString().replace(/[-:]|\.\d+/g, '')}`;
    orError('remove the record of the connection', () => {
      rmSync(path.join(folder, recordName), { force: true });
      renameSync(folder, kept);
    });
    return kept;
  }

  #folderOf({ tool, project }: Pick<ConnectionRecord, 'tool' | 'project'>): string {
    const suffix = project === undefined ? '' : `-${digestOf(project).slice(0, 12)}`;
    return path.join(this.#folder, `${tool}${suffix}`);
  }

  #read(folder: string): ConnectionRecord | undefined {
    const file = path.join(folder, recordName);
    let text: string;
    try {
      text = withOwnFile(file, 'r', (handle) => readFileSync(handle, 'utf8'));
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return undefined;
      throw fileError(`Can't read ${file}: ${messageOf(error)}`, error);
    }
    const parsed = recordSchema().safeParse(jsonOf(text));
    if (parsed.success) return parsed.data;
    throw new CommandError('file_error', `${file} is damaged`, {
      hint: `Remove it: \`rm -r ${shellWord(folder)}\`. The settings of the tool stay as they are.`,
      outcome: 'not_applied',
    });
  }
}

const recordName = 'connection.json';

/** Returns the SHA-256 of a text, in hexadecimal. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Returns a value with hashes instead of secrets. @param hashes - of the secrets of earlier connections */
export function hidden(written: Value, secret: string, hashes: ReadonlySet<string> = new Set()): Value {
  const isSecret = (text: string) => text === secret || (hashes.size > 0 && hashes.has(hashOf(text)));
  return mapped(written, (text) => (isSecret(text) ? hashOf(text) : text));
}

/** Returns the hashes of the secrets in a record. */
export function hashesIn(record: ConnectionRecord | undefined): ReadonlySet<string> {
  return new Set(JSON.stringify(record?.files ?? []).match(/sha256:[\da-f]{64}/g));
}

/** Returns a change with the secrets of a value instead of their hashes. @param now - what the file has in its place */
export function revealed(change: Change, now: unknown): Change {
  const secrets = new Map(stringsIn(now).map((text) => [hashOf(text), text]));
  const shown = (written: Value) => mapped(written, (text) => secrets.get(text) ?? text);
  return { ...change, value: shown(change.value), earlier: change.earlier?.map(shown) };
}

/** Returns whether a record is of a connection with a secret. */
export function hasSecret({ files }: ConnectionRecord, secret: string): boolean {
  return JSON.stringify(files).includes(hashOf(secret));
}

function hashOf(secret: string): string {
  return `sha256:${digestOf(secret)}`;
}

/** Returns a value with all strings in it changed. */
function mapped(written: Value, change: (text: string) => string): Value {
  if (typeof written === 'string') return change(written);
  if (typeof written !== 'object' || written === null) return written;
  if (Array.isArray(written)) return written.map((each: Value) => mapped(each, change));
  return Object.fromEntries(
    Object.entries(written).flatMap(([name, each]) => (each === undefined ? [] : [[name, mapped(each, change)]])),
  );
}

function stringsIn(data: unknown): string[] {
  if (typeof data === 'string') return [data];
  return typeof data === 'object' && data !== null ? Object.values(data).flatMap(stringsIn) : [];
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function orError(what: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw fileError(`Can't ${what}: ${messageOf(error)}`, error);
  }
}

function fileError(message: string, cause: unknown): CommandError {
  if (cause instanceof CommandError) return cause;
  return new CommandError('file_error', message, { outcome: 'not_applied', cause });
}
