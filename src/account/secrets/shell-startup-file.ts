import path from 'node:path';
import type { Context } from '../../context/context.ts';
import { isSandboxKey } from '../../domain/secrets.ts';
import type { ShellProfile } from '../../output/shell-profile.ts';
import { makeFolder } from '../../state/folder.ts';
import type { Description, Destination, ExpectedKeys, NewKey, Reservation } from './destination.ts';
import { type DotenvContext, DotenvFile } from './dotenv-file.ts';

/** The parts of the context that writing a shell startup file uses. */
type StartupFileContext = DotenvContext & Pick<Context, 'profiles'>;

/** A dotenv file next to the profiles, which every new shell loads. The startup file itself gets no secret, because others may read it. */
export class ShellStartupFile implements Destination {
  readonly #context: StartupFileContext;
  readonly #profile: ShellProfile;
  readonly #file: string;
  readonly #dotenv: DotenvFile;
  #hasSandboxKey = false;

  constructor(context: StartupFileContext, profile: ShellProfile) {
    this.#context = context;
    this.#profile = profile;
    this.#file = path.join(context.profiles.folder, 'env');
    this.#dotenv = new DotenvFile(context, this.#file);
  }

  async prove(keys: ExpectedKeys): Promise<Reservation> {
    this.#profile.check(this.#file);
    const { profiles, world } = this.#context;
    makeFolder(profiles.folder, world.env);
    return this.#dotenv.prove(keys);
  }

  async write(keys: readonly NewKey[]): Promise<void> {
    this.#hasSandboxKey = keys.some(({ apiKey }) => isSandboxKey(apiKey));
    await this.#dotenv.write(keys);
    this.#profile.load(this.#file);
  }

  async warning(): Promise<string | undefined> {
    const { shell } = this.#profile;
    const sandbox = `Warning: every new ${shell} shell loads a sandbox key, which only the sandbox accepts.`;
    const lines = [...(this.#hasSandboxKey ? [sandbox] : []), await this.#dotenv.warning()];
    return lines.filter((line) => line !== undefined).join('\n') || undefined;
  }

  describe(count: number): Description {
    return { ...this.#dotenv.describe(count), words: `loaded by every new ${this.#profile.shell} shell` };
  }
}
