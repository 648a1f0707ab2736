import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod/mini';
import type { Value } from '../documents/document.ts';
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
  before: z.optional(z.string()),
  ignored: z.optional(z.array(z.string())),
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
    /** The name or ID of the key. Absent: the key from the environment. */
    key: z.optional(z.string()),
    files: z.array(
      z.object({
        file: z.string(),
        format: z.enum(['jsonc', 'toml', 'yaml', 'script']),
        /** The text before, in a file beside the record. Absent: there was no file. */
        backup: z.optional(z.string()),
        /** The permissions before. */
        mode: z.optional(z.int()),
        /** The SHA-256 of the text that was written. */
        digest: z.string(),
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

  /** Returns the text of a backup. @throws CommandError (file_error) */
  backup(record: Pick<ConnectionRecord, 'tool' | 'project'>, name: string): string {
    const file = this.backupFile(record, name);
    try {
      return withOwnFile(file, 'r', (handle) => readFileSync(handle, 'utf8'));
    } catch (error) {
      throw fileError(`Can't read the backup ${file}: ${messageOf(error)}`, error);
    }
  }

  /** Keeps a record, and then its backups, synced to disk. @throws CommandError (file_error) */
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

  /** Removes a record with its backups. @throws CommandError (file_error) */
  remove(record: ConnectionRecord): void {
    try {
      rmSync(this.#folderOf(record), { recursive: true, force: true });
    } catch (error) {
      throw fileError(`Can't remove the record of the connection: ${messageOf(error)}`, error);
    }
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
      hint: `Move it away: \`mv ${shellWord(folder)} ${shellWord(`${folder}.old`)}\`.`,
      outcome: 'not_applied',
    });
  }
}

const recordName = 'connection.json';

/** Returns the SHA-256 of a text, in hexadecimal. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fileError(message: string, cause: unknown): CommandError {
  if (cause instanceof CommandError) return cause;
  return new CommandError('file_error', message, { outcome: 'not_applied', cause });
}
