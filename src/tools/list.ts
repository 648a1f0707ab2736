import { workingDirectory } from '../config/folders.ts';
import type { Context } from '../context/context.ts';
import { CommandError } from '../domain/errors.ts';
import { isIntact } from './changes.ts';
import { connectionRecords, installedProgram, projectOf } from './plan.ts';
import type { ConnectionRecord } from './records.ts';
import type { Place, Tool } from './tool.ts';
import { tools } from './tools.ts';

/** A tool, and what it is connected to. */
export interface ConnectedTool {
  readonly tool: string;
  readonly title: string;
  /** Null for a library. */
  readonly installed: boolean | null;
  readonly connected: boolean;
  readonly place: Place | null;
  readonly model: string | null;
  readonly key: string | null;
  /** Whether it uses the gateway instead of one key. */
  readonly gateway: boolean;
  /** The profile that the key belongs to, or `sandbox`. */
  readonly account: string | null;
  readonly files: readonly string[];
  /** What is wrong. */
  readonly problem: FileProblem | 'record is damaged' | null;
}

/** Returns all tools. A tool that is connected both for the user and for the project in the working directory is there twice. */
export function listTools(context: Pick<Context, 'world'>): ConnectedTool[] {
  return tools.flatMap((tool): ConnectedTool[] => {
    const connected = connectionsOf(context, tool);
    const facts = {
      tool: tool.name,
      title: tool.title,
      installed: tool.programs.length === 0 ? null : installedProgram(tool, context) !== undefined,
    };
    if (connected.length === 0) {
      const none = { connected: false, place: null, model: null, key: null, gateway: false };
      return [{ ...facts, ...none, account: null, files: [], problem: null }];
    }
    return connected.map(({ place, record }) => ({
      ...facts,
      connected: true,
      place,
      model: record?.model ?? null,
      key: record?.key?.name ?? record?.key?.id ?? null,
      gateway: record?.gateway === true,
      account: record?.sandbox ? 'sandbox' : (record?.profile ?? null),
      files: record?.files.map(({ file }) => file) ?? [],
      problem: record ? (problemWith(record) ?? null) : 'record is damaged',
    }));
  });
}

interface ListedConnection {
  readonly place: Place;
  /** Undefined if it is damaged. */
  readonly record: ConnectionRecord | undefined;
}

function connectionsOf(context: Pick<Context, 'world'>, { name }: Tool): ListedConnection[] {
  const records = connectionRecords(context);
  const places: readonly Place[] = ['user', 'project'];
  return places.flatMap((place): ListedConnection[] => {
    if (place === 'project' && workingDirectory(context.world) === undefined) return [];
    try {
      const record = records.of(name, projectOf(place, context));
      return record ? [{ place, record }] : [];
    } catch (error) {
      // One damaged record doesn't hide the other tools.
      if (error instanceof CommandError) return [{ place, record: undefined }];
      throw error;
    }
  });
}

/** What can be wrong with the files of a connected tool. */
export type FileProblem = 'settings changed' | "settings can't be read";

/** Returns what is wrong with the files of a connected tool; undefined if they are as they were written. */
export function problemWith({ files }: Pick<ConnectionRecord, 'files'>): FileProblem | undefined {
  try {
    return files.every(isIntact) ? undefined : 'settings changed';
  } catch {
    return "settings can't be read";
  }
}
