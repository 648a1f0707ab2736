import path from 'node:path';
import type { Context } from '../../context/context.ts';
import type { ShellProfile } from '../../output/shell-profile.ts';
import { makeFolder } from '../../state/folder.ts';
import type { Description, Destination, NewKey, Reservation } from './destination.ts';
import { DotenvFile } from './dotenv-file.ts';

/** A dotenv file next to the profiles, which every new shell loads. The shell's startup file, which others may read, holds no secret. */
export class ShellStartupFile implements Destination {
  readonly #context: Pick<Context, 'clocks' | 'profiles' | 'world'>;
  readonly #profile: ShellProfile;
  readonly #file: string;
  readonly #dotenv: DotenvFile;

  constructor(context: Pick<Context, 'clocks' | 'profiles' | 'world'>, profile: ShellProfile) {
    this.#context = context;
    this.#profile = profile;
    this.#file = path.join(context.profiles.folder, 'env');
    this.#dotenv = new DotenvFile(context, this.#file);
  }

  async prove(): Promise<Reservation> {
    this.#profile.check(this.#file);
    const { profiles, world } = this.#context;
    makeFolder(profiles.folder, world.env);
    return this.#dotenv.prove();
  }

  async write(keys: readonly NewKey[]): Promise<void> {
    await this.#dotenv.write(keys);
    this.#profile.load(this.#file);
  }

  warning(): Promise<string | undefined> {
    return this.#dotenv.warning();
  }

  describe(count: number): Description {
    return { ...this.#dotenv.describe(count), words: `loaded by every new ${this.#profile.shell}` };
  }
}
