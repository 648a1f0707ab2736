import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod/mini';
import { CommandError, usageError } from '../domain/errors.ts';
import { formats } from '../domain/formats.ts';
import { makeFolder } from './folders.ts';

const fileName = 'config';

const profileSchema = z.looseObject({
  /** The host that the key was saved for; it is sent to no other. */
  apiUrl: z.optional(z.url()),
  managementKey: z.optional(z.string()),
  /** How results are printed. */
  output: z.optional(z.enum(formats)),
  /** The longest a request may take, as typed: `30s`. */
  timeout: z.optional(z.string()),
  /** The most that all subscriptions together may cost a month, in USD, as typed: `200`. */
  maxMonthlySpend: z.optional(z.string()),
});

const fileSchema = z.looseObject({
  currentProfile: z.optional(z.string()),
  profiles: z.optional(z.record(z.string(), profileSchema)),
});

/** One profile as saved: a management key, the API it belongs to, and what is preferred with it. */
export type Profile = z.infer<typeof profileSchema>;

/** The saved profiles, in one file that only its owner can read. */
export class Profiles {
  readonly folder: string;
  #known: z.infer<typeof fileSchema> | undefined;

  constructor(folder: string) {
    this.folder = folder;
  }

  get file(): string {
    return path.join(this.folder, `${fileName}.json`);
  }

  /** The profile in use when none is named, once one was saved. */
  get current(): string | undefined {
    return this.#saved.currentProfile;
  }

  get(name: string): Profile | undefined {
    const profiles = this.#saved.profiles ?? {};
    return Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  }

  names(): string[] {
    return Object.keys(this.#saved.profiles ?? {});
  }

  /** Saves a profile; the first one becomes the current one. @throws CommandError (usage) for a name that none can have */
  async save(name: string, profile: Profile): Promise<void> {
    if (name === '__proto__') throw usageError(`"${name}" cannot name a profile`);
    const saved = this.#read();
    await this.#write({
      ...saved,
      currentProfile: saved.currentProfile ?? name,
      profiles: { ...saved.profiles, [name]: profile },
    });
  }

  /**
   * Forgets a profile's key; what else it prefers stays. The profile stays the one in use: signing out of one account
   * must not make the next command speak for another.
   */
  async removeKey(name: string): Promise<void> {
    const saved = this.#read();
    const { [name]: profile, ...others } = saved.profiles ?? {};
    const { managementKey: _key, apiUrl: _apiUrl, ...preferences } = profile ?? {};
    const profiles = Object.keys(preferences).length > 0 ? { ...others, [name]: preferences } : others;
    await this.#write({ ...saved, profiles });
  }

  /** Makes a profile the one in use when none is named. */
  async switchTo(name: string): Promise<void> {
    await this.#write({ ...this.#read(), currentProfile: name });
  }

  /** What the file holds, read once: whoever writes reads it anew. */
  get #saved(): z.infer<typeof fileSchema> {
    this.#known ??= this.#read();
    return this.#known;
  }

  /** Reads the file that conf writes, without conf: reading is on the way of every command. */
  #read(): z.infer<typeof fileSchema> {
    let text: string;
    try {
      text = readFileSync(this.file, 'utf8');
    } catch (error) {
      if (isMissing(error)) return {};
      throw new CommandError('file_error', `${this.file} cannot be read: ${messageOf(error)}`, { cause: error });
    }
    try {
      return z.parse(fileSchema, JSON.parse(text));
    } catch (error) {
      throw new CommandError('file_error', `${this.file} is damaged and is left as it is`, {
        hint: 'Mend it, or move it away and run `ci auth login`.',
        cause: error,
      });
    }
  }

  async #write(content: z.infer<typeof fileSchema>): Promise<void> {
    const { default: Conf } = await import('conf');
    this.#known = undefined;
    try {
      makeFolder(this.folder);
      const file = new Conf({
        cwd: this.folder,
        configName: fileName,
        configFileMode: 0o600,
        accessPropertiesByDotNotation: false,
        clearInvalidConfig: false,
      });
      file.store = { ...content };
    } catch (error) {
      throw new CommandError('file_error', `${this.file} cannot be written: ${messageOf(error)}`, { cause: error });
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
