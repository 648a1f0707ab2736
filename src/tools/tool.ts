import type { CallFormat } from '../account/keys/try-key.ts';
import type { Setting } from '../documents/document.ts';
import type { Surroundings } from '../domain/environment.ts';
import type { OfferedModel } from './models.ts';

/** The formats of the files that tools read. */
export type FormatName = 'jsonc' | 'toml' | 'yaml' | 'script';

/** What a tool is to use. */
export interface Connection {
  /** The origin of the API. */
  readonly baseUrl: string;
  /** The model to use by default. */
  readonly model: OfferedModel;
  /** All models that the key can use. */
  readonly models: readonly OfferedModel[];
  /** The words of a command that prints the key. */
  readonly keyWords: readonly string[];
  /** The same command, for a POSIX shell. */
  readonly keyCommand: string;
  /** Whether the key answers one request at a time. */
  readonly isPoolKey: boolean;
  /** The time of the connection. */
  readonly now: Date;
  /** The secret of the key, only for a tool that takes it in no other way. */
  readonly secret: string;
}

/** The settings in one file. */
export interface FileSettings {
  /** The absolute path. */
  readonly file: string;
  readonly format: FormatName;
  readonly settings: readonly Setting[];
  /** Whether the file holds the secret of the key, and maybe others. */
  readonly holdsSecret?: boolean;
  /** The program that ignores such a JSON file if it has comments or trailing commas. */
  readonly strictFor?: string;
  /** A member that the file has unless it is new or belongs to another program. */
  readonly expected?: string;
}

/** Where a tool reads its settings: for the user, or for the project in the working directory. */
export type Place = 'user' | 'project';

/** A program that can use the API. To add one, write a file in `catalog/`, and list it in `tools.ts`. */
export interface Tool {
  /** As typed: `claude-code`. */
  readonly name: string;
  /** As its makers write it: `Claude Code`. */
  readonly title: string;
  /** The names of its program. The first installed one is used. None: it is a library. */
  readonly programs: readonly string[];
  /** The format in which it calls the API. */
  readonly api: CallFormat;
  /**
   * How it gets the key: by running a command (`command`), from its file, or from a variable: CHEAPESTINFERENCE_API_KEY (`variable`),
   * or one that other programs use, too.
   */
  readonly keyFrom: 'command' | 'file' | 'variable' | 'OPENAI_API_KEY' | 'ANTHROPIC_AUTH_TOKEN';
  /** What it does with a model whose limits aren't known, as a sentence without its period; undefined: it doesn't take limits. */
  readonly withoutLimits?: string;
  /** Whether it takes no model without limits. */
  readonly needsLimits?: boolean;
  /** Why there is no file for a project, as a sentence; undefined if there is one. */
  readonly noProject?: string;
  /** Returns what to write. */
  files(place: Place, connection: Connection, surroundings: Surroundings): readonly FileSettings[];
  /** Returns how to start it. */
  start(started: Started): Start;
  /** Returns source code that uses the API, for a library. */
  snippets?(connection: Pick<Connection, 'model' | 'baseUrl'>): readonly Snippet[];
}

/** A tool to start. */
interface Started {
  /** The name of its program. */
  readonly program: string;
  /** The ID of the model. */
  readonly model: string;
  /** The files that were written for it. */
  readonly files: readonly string[];
}

/** How to start a tool. */
export interface Start {
  readonly words: readonly string[];
  /** Variables besides that of the key. */
  readonly env?: Readonly<Record<string, string>>;
  /** What to do before, as a sentence. */
  readonly note?: string;
}

/** Source code to copy. */
export interface Snippet {
  /** `Python`. */
  readonly language: string;
  readonly code: string;
}
