import type { ClientOptions } from '../api/client.ts';
import type { Api } from '../api/index.ts';
import { proxiesOf } from '../api/proxies.ts';
import type { BeforeLeaving } from '../api/transport.ts';
import type { RpcClient } from '../chain/rpc.ts';
import { sandboxFolder } from '../config/folders.ts';
import type { Profiles } from '../config/profiles.ts';
import { keyFor, type Settings } from '../config/settings.ts';
import { durationInWords } from '../domain/duration.ts';
import type { Clocks } from '../domain/pace.ts';
import type { Sandbox } from '../sandbox/server.ts';
import type { StoreOptions } from '../sandbox/store.ts';
import { type Progress, waitingFor } from './progress.ts';
import type { World } from './world.ts';

/** Time limit of a request that checks the outcome of a change, in milliseconds. */
const longestCheck = 10_000;

/** What connections depend on. */
interface ConnectionOptions {
  readonly world: World;
  readonly settings: () => Settings;
  readonly profiles: () => Profiles;
  readonly clocks: Clocks;
  readonly progress: Progress;
  /** Prints a note, unless the output is JSON. */
  readonly remark: (message: string) => void;
  readonly note: (message: string) => void;
  readonly debug: () => boolean;
  /** Checks whether a change may leave, given the longest time that its request takes, in milliseconds. */
  readonly mayLeave: (requestTime: number) => Promise<void> | undefined;
}

/** Something that is closed at the end of the command. */
interface Closable {
  close(): Promise<void>;
}

/** The connections of a command: to the API, and to the embedded sandbox. */
export class Connections {
  /** The chain on which the sandbox checks payments. Undefined: `ETH_RPC_URL` if it is on this machine, or the default port of anvil. */
  sandboxRpcUrl: URL | undefined;
  readonly #options: ConnectionOptions;
  #api: Promise<Api> | undefined;
  #looking: Promise<Api> | undefined;
  readonly #open: Closable[] = [];
  /** Whether the user was told that the sandbox is used. */
  #hasNamedSandbox = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Returns the API, signed in as the settings say; with `--sandbox`, the sandbox embedded in this process. */
  api(): Promise<Api> {
    this.#api ??= this.#connect();
    return this.#api;
  }

  /** Returns the API for checking the outcome of a change. It works even after Ctrl-C, and no request takes longer than 10 s. */
  async looking(): Promise<Api> {
    const { client } = await this.api();
    this.#looking ??= this.#create(client.baseUrl, client.managementKey, {
      interrupt: new AbortController().signal,
      timeout: Math.min(longestCheck, this.#options.settings().timeout.value),
    });
    return this.#looking;
  }

  /**
   * Returns the API for a change.
   *
   * @param onLeave - called right before the request leaves, as the transport says; if it throws, nothing is sent
   * @param isQuiet - whether not to note that a change which was sent is waited for after Ctrl-C
   */
  async changing(onLeave: BeforeLeaving, { isQuiet = false }: { readonly isQuiet?: boolean } = {}): Promise<Api> {
    const api = await this.api();
    const { mayLeave, settings } = this.#options;
    // The extra time after Ctrl-C doesn't prolong it.
    const leaves = () => mayLeave(settings().timeout.value) ?? onLeave();
    if (!isQuiet) return this.#withGrace(api, leaves);
    const { apiOf } = await import('../api/index.ts');
    return apiOf(api.client.with({ onLeave: leaves }));
  }

  /** Returns the API without a key, for a claim, which may finish after Ctrl-C. */
  async claiming(): Promise<Api> {
    return this.#withGrace(await this.withoutKey());
  }

  async #withGrace({ client }: Api, onLeave?: BeforeLeaving): Promise<Api> {
    const { apiOf } = await import('../api/index.ts');
    const onGrace = (milliseconds: number) =>
      this.#options.note(
        `Interrupted. Waiting up to ${durationInWords(milliseconds)} for the response to a change that was already sent. Interrupt again to quit now.`,
      );
    return apiOf(client.with({ onLeave, onGrace }));
  }

  /**
   * Returns the API with a management key that isn't saved yet, or without a key.
   *
   * @param managementKey - `mk_…`
   * @throws CommandError (usage) if the API URL is not valid
   */
  async withManagementKey(managementKey: string | undefined): Promise<Api> {
    const { parseBaseUrl } = await import('../api/base-url.ts');
    return this.#create(parseBaseUrl(this.#options.settings().apiUrl.value), managementKey);
  }

  /** Returns the API without a key, even if the saved one can't be used; with `--sandbox`, the sandbox embedded in this process. */
  async withoutKey(): Promise<Api> {
    return this.#options.settings().sandbox.value ? this.api() : this.withManagementKey(undefined);
  }

  /** Returns the API in use with an API key that was just created. @param apiKey - `sk_…` */
  async withApiKey(apiKey: string): Promise<Api> {
    const { client } = await this.api();
    return this.#create(client.baseUrl, undefined, { consumptionKey: apiKey });
  }

  /** Returns the API as the gateway offers it. */
  async throughGateway({ url, token }: { readonly url: string; readonly token: string }): Promise<Api> {
    return this.#create(new URL(url), undefined, { gatewayToken: token });
  }

  /** Returns a client of a chain's RPC endpoint. It closes at the end of the command. */
  async rpc(url: URL): Promise<RpcClient> {
    const { RpcClient } = await import('../chain/rpc.ts');
    const { world, debug, note } = this.#options;
    const client = new RpcClient({
      url,
      userAgent: userAgent(world),
      timeout: this.#options.settings().timeout.value,
      proxies: proxiesOf(world.env),
      interrupt: world.interrupt,
      monotonic: world.monotonic,
      sleep: world.sleep,
      trace: debug() ? note : undefined,
    });
    this.closeAtEnd(client);
    return client;
  }

  /** Returns the time of the API's clock, which decides which blocks are live. Before the first response, returns this machine's. */
  async now(): Promise<Date> {
    const offset = this.#api ? (await this.#api).client.clockOffset : 0;
    return new Date(this.#options.clocks.wall() + offset);
  }

  /**
   * Starts the sandbox in this process. It stops at the end of the command.
   *
   * @param port - 0: any free port
   */
  async startSandbox(port = 0): Promise<Sandbox> {
    const { startSandbox } = await import('../sandbox/server.ts');
    const { refuse } = await import('../sandbox/failure.ts');
    const rpcUrl = () => this.#sandboxRpcUrl();
    const sandbox = await startSandbox({ ...sandboxStore(this.#options.world), port, rpcUrl }).catch(refuse);
    this.closeAtEnd(sandbox);
    return sandbox;
  }

  /** Closes something at the end of the command, before what was opened earlier. */
  closeAtEnd(opened: Closable): void {
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

  async #sandboxRpcUrl(): Promise<URL> {
    if (this.sandboxRpcUrl) return this.sandboxRpcUrl;
    const { defaultRpcUrl } = await import('../sandbox/chain/endpoint.ts');
    return defaultRpcUrl(this.#options.world.env);
  }

  async #connect(): Promise<Api> {
    const { settings, profiles, remark } = this.#options;
    if (!settings().sandbox.value) {
      const { parseBaseUrl } = await import('../api/base-url.ts');
      return this.#create(parseBaseUrl(settings().apiUrl.value), keyFor(settings(), profiles()));
    }
    const { sandboxManagementKey } = await import('../sandbox/state.ts');
    const sandbox = await this.startSandbox();
    if (!this.#hasNamedSandbox) remark('Sandbox: nothing is charged. See `ci sandbox --help`.');
    this.#hasNamedSandbox = true;
    return this.#create(new URL(sandbox.url), sandboxManagementKey);
  }

  async #create(
    baseUrl: URL,
    managementKey: string | undefined,
    others: Partial<Pick<ClientOptions, 'interrupt' | 'timeout' | 'consumptionKey' | 'gatewayToken'>> = {},
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
    // The sandbox waits for its connections to close. Others end with the process, which is faster.
    if (sandbox.value) this.closeAtEnd(api.client);
    return api;
  }
}

/** Returns the User-Agent header. */
export function userAgent({ version }: Pick<World, 'version'>): string {
  const { bun, node } = process.versions;
  const runtime = bun === undefined ? `node/${node}` : `bun/${bun}`;
  return `cheapestinference-cli/${version} (${process.platform}; ${process.arch}) ${runtime}`;
}

/** Returns the directory and the clock of the sandbox's state. */
export function sandboxStore({ env, now }: Pick<World, 'env' | 'now'>): StoreOptions {
  return { folder: sandboxFolder(env), env, now };
}
