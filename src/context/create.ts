import type { Api } from '../api/index.ts';
import { configFolder } from '../config/folders.ts';
import { Profiles } from '../config/profiles.ts';
import { resolveSettings, type Settings } from '../config/settings.ts';
import { isInPipeline } from '../domain/environment.ts';
import { CommandError } from '../domain/errors.ts';
import type { Format } from '../domain/formats.ts';
import type { Clocks } from '../domain/pace.ts';
import { Display, isDumb } from '../output/display.ts';
import { Output } from '../output/output.ts';
import { Prompts } from '../prompts/prompts.ts';
import { Connections } from './connections.ts';
import type { Context, RunResult } from './context.ts';
import type { GlobalOptions } from './global-options.ts';
import { Progress } from './progress.ts';
import { ChangeRecord } from './record.ts';
import { defaultSettling } from './settling.ts';
import type { World } from './world.ts';

/** A context, with members that only the command line itself needs. */
export interface CommandContext extends Context {
  /** Whether the profile in use prefers JSON. */
  readonly prefersJson: boolean;
  /** Closes connections. */
  close(): Promise<void>;
}

/** Creates a context. Each part is created when it is first used. @param options - returns the global options, once parsed */
export function createContext(world: World, options: () => GlobalOptions): CommandContext {
  return new LazyContext(world, options);
}

class LazyContext implements CommandContext {
  readonly world: World;
  readonly result: RunResult = { exitCode: 0, lastChange: undefined };
  readonly clocks: Clocks;
  readonly progress: Progress;
  readonly connections: Connections;
  readonly record: ChangeRecord;
  settling = defaultSettling;
  readonly #options: () => GlobalOptions;
  #output: Output | undefined;
  #prompts: Prompts | undefined;
  #profiles: Profiles | undefined;
  #settings: Settings | undefined;
  #sandboxChosen = false;

  constructor(world: World, options: () => GlobalOptions) {
    const { now: wall, monotonic, interrupt } = world;
    this.world = world;
    this.#options = options;
    this.clocks = {
      wall,
      monotonic,
      sleep: async (milliseconds) => {
        await world.sleep(milliseconds, interrupt);
        if (interrupt.aborted) throw new CommandError('interrupted', 'Interrupted');
      },
    };
    const settings = () => this.settings;
    const note = (message: string) => this.output.note(message);
    this.progress = new Progress({
      get stream() {
        return world.stderr;
      },
      display: () => this.#asides,
      isWanted: () => this.#showsProgress,
      interrupt,
    });
    this.record = new ChangeRecord({
      world,
      settings,
      profiles: () => this.profiles,
      clocks: this.clocks,
      note,
      customer: async () => {
        const { billing } = await this.connections.api();
        return (await billing.status()).stripeCustomerId ?? undefined;
      },
      isOffline: () => this.#options().offline === true,
    });
    this.connections = new Connections({
      world,
      settings,
      profiles: () => this.profiles,
      clocks: this.clocks,
      progress: this.progress,
      note,
      // With JSON, stderr must contain nothing but an error, because programs read it, too.
      remark: (message) => {
        if (this.output.format !== 'json') note(message);
      },
      debug: () => this.#options().debug === true,
      mayLeave: (requestTime) => this.record.mayLeave(requestTime),
    });
  }

  get output(): Output {
    const { world, progress } = this;
    this.#output ??= new Output(
      progress.beside(world.stdout),
      () => progress.beside(world.stderr),
      world.env,
      this.#options(),
      () => this.#preferredFormat(),
      world.terminalHasColors,
    );
    return this.#output;
  }

  get prefersJson(): boolean {
    return this.#preferredFormat() === 'json';
  }

  get prompts(): Prompts {
    const { world } = this;
    const { input, yes = false } = this.#options();
    this.#prompts ??= new Prompts(world, {
      allowed: input && !isInPipeline(this.world.env),
      yes,
      display: this.#asides,
      dumb: isDumb(world.env),
      interrupt: world.interrupt,
      hold: () => this.progress.hold(),
    });
    return this.#prompts;
  }

  get profiles(): Profiles {
    this.#profiles ??= new Profiles(() => configFolder(this.world), {
      env: this.world.env,
      now: this.clocks.wall,
      monotonic: this.clocks.monotonic,
      pause: this.clocks.sleep,
      tell: (message) => this.output.note(message),
    });
    return this.#profiles;
  }

  get settings(): Settings {
    const { sandbox, ...flags } = this.#options();
    this.#settings ??= resolveSettings(
      { ...flags, sandbox: sandbox || this.#sandboxChosen },
      this.world.env,
      this.profiles,
    );
    return this.#settings;
  }

  api(): Promise<Api> {
    return this.connections.api();
  }

  reload({ sandbox = this.#sandboxChosen }: { readonly sandbox?: boolean } = {}): void {
    this.#sandboxChosen = sandbox;
    this.#settings = undefined;
    this.connections.reset();
  }

  async close(): Promise<void> {
    this.progress.stop();
    await this.connections.close();
    await this.record.close();
  }

  /** stderr as people see it. */
  get #asides(): Display {
    const { stderr, env, terminalHasColors } = this.world;
    return new Display(stderr, env, { noColor: this.#options().color === false, terminalHasColors });
  }

  /** Whether to show progress: on a terminal, unless programs read the output. */
  get #showsProgress(): boolean {
    if (this.output.format === 'json') return false;
    const { input, debug } = this.#options();
    return (
      this.world.stderr.isTTY === true && input && !debug && !isInPipeline(this.world.env) && !isDumb(this.world.env)
    );
  }

  #preferredFormat(): Format | undefined {
    try {
      return this.profiles.get(this.settings.profile.value)?.output;
    } catch (error) {
      // Whoever needs the settings reports that they can't be read.
      if (error instanceof CommandError) return undefined;
      throw error;
    }
  }
}
