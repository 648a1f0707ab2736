import type { ClientOptions } from '../api/client.ts';
import type { Api } from '../api/index.ts';
import { proxiesOf } from '../api/proxies.ts';
import { sandboxFolder } from '../config/folders.ts';
import type { Profiles } from '../config/profiles.ts';
import { keyFor, type Settings } from '../config/settings.ts';
import { durationInWords } from '../domain/duration.ts';
import type { Clocks } from '../domain/pace.ts';
import type { Sandbox } from '../sandbox/server.ts';
import type { StoreOptions } from '../sandbox/store.ts';
import { type Progress, waitingFor } from './progress.ts';
import type { World } from './world.ts';

/** How long one look for the outcome of a change may take, in milliseconds. */
const longestLook = 10_000;

/** What connections depend on. */
interface ConnectionOptions {
  readonly world: World;
  readonly settings: () => Settings;
  readonly profiles: () => Profiles;
  readonly clocks: Clocks;
  readonly progress: Progress;
  /** Tells a person something; nothing where only JSON is read. */
  readonly remark: (message: string) => void;
  readonly note: (message: string) => void;
  readonly debug: () => boolean;
}

/** Something that ends with the command. */
interface Closable {
  close(): Promise<void>;
}

/** The connections of one command: to the API, in the ways that commands need it, and to the embedded sandbox. */
export class Connections {
  readonly #options: ConnectionOptions;
  #api: Promise<Api> | undefined;
  #looking: Promise<Api> | undefined;
  readonly #open: Closable[] = [];

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Returns the API, signed in as the settings say; with `--sandbox`, the sandbox embedded in this process. */
  api(): Promise<Api> {
    this.#api ??= this.#connect();
    return this.#api;
  }

  /** Returns the API for finding out what became of a change: it answers after Ctrl-C, too, and no look takes longer than 10 s. */
  async looking(): Promise<Api> {
    const { client } = await this.api();
    this.#looking ??= this.#create(client.baseUrl, client.managementKey, {
      interrupt: new AbortController().signal,
      timeout: Math.min(longestLook, this.#options.settings().timeout.value),
    });
    return this.#looking;
  }

  /** Returns the API for one change. @param onLeave - called right before its request leaves; if it throws, nothing is sent */
  async changing(onLeave: () => void): Promise<Api> {
    const { client } = await this.api();
    const { apiOf } = await import('../api/index.ts');
    const onGrace = (milliseconds: number) =>
      this.#options.note(
        `Interrupted. Waiting up to ${durationInWords(milliseconds)} for the response to a change that was already sent. Interrupt again to quit now.`,
      );
    return apiOf(client.with({ onLeave, onGrace }));
  }

  /**
   * Returns the API with a management key that isn't saved yet, or with none.
   *
   * @param managementKey - `mk_…`
   * @throws CommandError (usage) if the API URL is not valid
   */
  async withManagementKey(managementKey: string | undefined): Promise<Api> {
    const { parseBaseUrl } = await import('../api/client.ts');
    return this.#create(parseBaseUrl(this.#options.settings().apiUrl.value), managementKey);
  }

  /** Returns the API in use with an API key that was just created. @param apiKey - `sk_…` */
  async withApiKey(apiKey: string): Promise<Api> {
    const { client } = await this.api();
    return this.#create(client.baseUrl, undefined, { consumptionKey: apiKey });
  }

  /** Returns the time by the API's clock, which decides what is live; before its first answer, this machine's. */
  async now(): Promise<Date> {
    const offset = this.#api ? (await this.#api).client.clockOffset : 0;
    return new Date(this.#options.clocks.wall() + offset);
  }

  /**
   * Starts the sandbox in this process; it ends with the command.
   *
   * @param port - 0 for a free one
   */
  async startSandbox(port = 0): Promise<Sandbox> {
    const { startSandbox } = await import('../sandbox/server.ts');
    const { refuse } = await import('../sandbox/failure.ts');
    const sandbox = await startSandbox({ ...sandboxStore(this.#options.world), port }).catch(refuse);
    this.endsWithCommand(sandbox);
    return sandbox;
  }

  /** Closes something when the command ends, before everything that was opened earlier. */
  endsWithCommand(opened: Closable): void {
    this.#open.unshift(opened);
  }

  /** Forgets the API, because the settings have changed. */
  reset(): void {
    this.#api = undefined;
    this.#looking = undefined;
  }

  /** Closes everything. */
  async close(): Promise<void> {
    for (const each of this.#open.splice(0)) await each.close();
  }

  async #connect(): Promise<Api> {
    const { settings, profiles, remark } = this.#options;
    if (!settings().sandbox.value) {
      const { parseBaseUrl } = await import('../api/client.ts');
      return this.#create(parseBaseUrl(settings().apiUrl.value), keyFor(settings(), profiles()));
    }
    const { sandboxManagementKey } = await import('../sandbox/state.ts');
    const sandbox = await this.startSandbox();
    remark('Sandbox: no money moves. `ci sandbox --help` says what it can do.');
    return this.#create(new URL(sandbox.url), sandboxManagementKey);
  }

  async #create(
    baseUrl: URL,
    managementKey: string | undefined,
    others: Partial<Pick<ClientOptions, 'interrupt' | 'timeout' | 'consumptionKey'>> = {},
  ): Promise<Api> {
    const { createApi } = await import('../api/index.ts');
    const { world, progress, debug, note } = this.#options;
    const spinner = await progress.spinner();
    const { timeout, consumptionKey, sandbox } = this.#options.settings();
    const api = createApi({
      baseUrl,
      managementKey,
      consumptionKey: consumptionKey?.value,
      userAgent: userAgent(world),
      timeout: timeout.value,
      proxies: proxiesOf(world.env),
      interrupt: world.interrupt,
      now: world.now,
      monotonic: world.monotonic,
      sleep: world.sleep,
      ...others,
      onWait: spinner && ((method, path) => spinner.begin(waitingFor(method, path))),
      trace: debug() ? note : undefined,
    });
    // The sandbox waits for its connections to end; others end with the process, which is faster.
    if (sandbox.value) this.endsWithCommand(api.client);
    return api;
  }
}

/** Returns how requests name the program that sends them. */
export function userAgent({ version }: Pick<World, 'version'>): string {
  return `cheapestinference-cli/${version} (${process.platform}; ${process.arch}) node/${process.versions.node}`;
}

/** Returns where the sandbox keeps its state, and by which clock. */
export function sandboxStore({ env, now }: Pick<World, 'env' | 'now'>): StoreOptions {
  return { folder: sandboxFolder(env), env, now };
}
