import { readFileSync } from 'node:fs';
import { defaultSettling, type Settling } from '../account/changes/settling.ts';
import type { ClientOptions } from '../api/client.ts';
import type { Api } from '../api/index.ts';
import type { InferenceApi } from '../api/inference.ts';
import { proxiesOf } from '../api/proxies.ts';
import type { Webhook } from '../api/webhook.ts';
import { cacheFolder, configFolder, resolved, sandboxFolder, stateFolder } from '../config/folders.ts';
import { Profiles } from '../config/profiles.ts';
import { accountOf, keyFor, resolveSettings, type Settings } from '../config/settings.ts';
import type { Environment } from '../domain/environment.ts';
import { CommandError, messageOf, type Outcome } from '../domain/errors.ts';
import type { Format } from '../domain/formats.ts';
import type { Clocks } from '../domain/pace.ts';
import { masked } from '../domain/secrets.ts';
import type { Clipboard } from '../output/clipboard.ts';
import { Display, isDumb } from '../output/display.ts';
import type { Dotenv } from '../output/dotenv.ts';
import { Output } from '../output/output.ts';
import type { ShellProfile } from '../output/shell-profile.ts';
import type { Sink } from '../output/sink.ts';
import type { Spinner } from '../output/spinner.ts';
import { Prompts } from '../prompts/prompts.ts';
import type { Sandbox } from '../sandbox/server.ts';
import { makeFolder } from '../state/folder.ts';
import type { History, RecordedAccount } from '../state/history.ts';
import type { Refuge } from '../state/undelivered.ts';
import type { GlobalOptions } from './global-options.ts';
import { waitingFor } from './progress.ts';
import type { World } from './world.ts';

/** How long one look for what became of a change may take, in milliseconds. */
const longestLook = 10_000;

/** What to do where the state folder cannot be written. */
const noRoomHint = 'Nothing was sent. Make room, or set XDG_STATE_HOME to a folder that can be written.';

/** All that a command works with. Each part is made when it is first used. */
export class Context {
  readonly #world: World;
  readonly #options: () => GlobalOptions;
  #api: Promise<Api> | undefined;
  #lookingApi: Promise<Api> | undefined;
  #history: Promise<History> | undefined;
  #output: Output | undefined;
  #spinner: Spinner | undefined;
  #prompts: Prompts | undefined;
  #profiles: Profiles | undefined;
  #settings: Settings | undefined;
  #sandboxChosen = false;
  #cleanUps: (() => Promise<void>)[] = [];
  /** What a command that is no failure ends with, when it found something: `--check`. */
  exitCode = 0;
  /** What became of the last change that was asked of the API; undefined when there was none. */
  lastChange: Outcome | undefined;
  /** The file that holds secrets which could not be delivered. */
  keptSecrets: string | undefined;
  /** How changes without a known outcome are dealt with. */
  settling: Settling = defaultSettling;

  /** @param options - the global options, once they are parsed */
  constructor(world: World, options: () => GlobalOptions) {
    this.#world = world;
    this.#options = options;
  }

  get output(): Output {
    this.#output ??= new Output(
      this.#besideSpinner(this.#world.stdout),
      () => this.#besideSpinner(this.#world.stderr),
      this.env,
      this.#options(),
      () => this.#preferredFormat(),
    );
    return this.#output;
  }

  /** Whether the profile in use prefers JSON. */
  get prefersJson(): boolean {
    return this.#preferredFormat() === 'json';
  }

  get prompts(): Prompts {
    const { input, yes = false } = this.#options();
    this.#prompts ??= new Prompts(this.#world, {
      allowed: input && !this.#inPipeline,
      yes,
      display: this.#asides,
      dumb: isDumb(this.env),
      interrupt: this.interrupt,
      hold: () => this.holdSpinner(),
    });
    return this.#prompts;
  }

  get profiles(): Profiles {
    this.#profiles ??= new Profiles(() => configFolder(this.#world), {
      env: this.env,
      now: this.#world.now,
      monotonic: this.#world.monotonic,
      pause: (milliseconds) => this.pause(milliseconds),
      tell: (message) => this.output.note(message),
    });
    return this.#profiles;
  }

  get settings(): Settings {
    const { sandbox, ...flags } = this.#options();
    this.#settings ??= resolveSettings(
      { ...flags, sandbox: sandbox || this.#sandboxChosen },
      this.#world.env,
      this.profiles,
    );
    return this.#settings;
  }

  /** Goes on with the sandbox, as `--sandbox` would have it. */
  chooseSandbox(): void {
    this.#sandboxChosen = true;
    this.forgetSettings();
  }

  /** Reads the settings anew when they are next needed: a key was saved. */
  forgetSettings(): void {
    this.#settings = undefined;
    this.#api = undefined;
    this.#lookingApi = undefined;
  }

  get timeZone(): string {
    return this.#world.timeZone;
  }

  /** The version of Node.js: `20.18.0`. */
  get nodeVersion(): string {
    return process.versions.node;
  }

  /** Where answers are kept that can be asked for again. */
  get cacheFolder(): string {
    return cacheFolder(this.env);
  }

  /** Where the record of changes, locks and undelivered secrets are kept. */
  get stateFolder(): string {
    return stateFolder(this.#world.env);
  }

  /** The record of changes. */
  history(): Promise<History> {
    this.#history ??= import('../state/history.ts').then(
      ({ History }) => new History(this.stateFolder, this.env, this.clock),
    );
    return this.#history;
  }

  /** Whose account changes are recorded for. @throws CommandError (usage) when the API URL is none */
  async recordedAccount(): Promise<RecordedAccount> {
    const { sandbox, apiUrl } = this.settings;
    if (!sandbox.value) {
      const { parseBaseUrl } = await import('../api/client.ts');
      parseBaseUrl(apiUrl.value);
    }
    const { createHash } = await import('node:crypto');
    const id = createHash('sha256').update(this.accountId()).digest('hex').slice(0, 16);
    return { id, label: this.account() };
  }

  /**
   * Does something while no other `ci` on this machine does the same for this account.
   *
   * @param what - what is done, for the name of the lock
   * @throws CommandError (busy) when another one does not end within the time-out
   */
  async exclusively<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
    const { withLock } = await import('../state/lock.ts');
    const { id } = await this.recordedAccount();
    const lock = {
      folder: this.stateFolder,
      name: `${what}-${id}`,
      env: this.env,
      patience: this.settings.timeout.value,
      monotonic: this.#world.monotonic,
      pause: (milliseconds: number) => this.pause(milliseconds),
      onWait: () => this.output.note('Waiting for another ci that is at work on the same account…'),
      hint: noRoomHint,
    };
    return withLock(lock, work);
  }

  /** Room for secrets that may turn out to be undeliverable. @throws CommandError (file_error) when there is none */
  async openRefuge(): Promise<Refuge> {
    const { openRefuge } = await import('../state/undelivered.ts');
    try {
      const lost =
        'A key was created, but its secret is lost: no file could be written. Find the key with `ci keys list`, and delete it with `ci keys delete <id>`.';
      return openRefuge(this.stateFolder, this.env, (file) => this.#world.stderr.write(`${file ?? lost}\n`));
    } catch (error) {
      const reason = messageOf(error);
      throw new CommandError('file_error', `${this.stateFolder} cannot be written: ${reason}`, {
        hint: noRoomHint,
        outcome: 'not_applied',
        cause: error,
      });
    }
  }

  /** Points out secrets that were never delivered: of processes that were killed, or of deliveries that failed. */
  async noteUndelivered(): Promise<void> {
    const { undeliveredIn } = await import('../state/undelivered.ts');
    for (const file of undeliveredIn(this.stateFolder)) {
      this.output.note(`A key's secret that was not delivered is in ${file}: move it where it belongs.`);
    }
  }

  /** Has secrets masked in the log of GitHub Actions, which reads such commands on stderr too. */
  maskInLog(secrets: readonly string[]): void {
    if (this.#world.env.GITHUB_ACTIONS !== 'true') return;
    for (const secret of secrets) this.#world.stderr.write(`::add-mask::${inCommand(secret)}\n`);
  }

  /** Where the sandbox keeps its state. */
  get sandboxFolder(): string {
    return sandboxFolder(this.env);
  }

  /** The machine's clock, epoch milliseconds. */
  get clock(): () => number {
    return this.#world.now;
  }

  /** The clocks that repeated checks go by. */
  get clocks(): Clocks {
    const { now: wall, monotonic } = this.#world;
    return { wall, monotonic, sleep: (milliseconds) => this.pause(milliseconds) };
  }

  /**
   * Runs a line of the user's own through their shell.
   *
   * @param facts - environment variables besides those there are
   * @param tell - told each line that it writes
   * @returns why it failed; undefined when it did not
   */
  async runShell(line: string, facts: Environment, tell: (line: string) => void): Promise<string | undefined> {
    const { runShell } = await import('../output/shell.ts');
    return runShell(line, facts, this.#world, tell, this.interrupt);
  }

  /** What posts to an address of the user's; it ends with the command. @throws CommandError (usage) for an address that is none */
  async webhook(address: string): Promise<Webhook> {
    const { parseWebhook, Webhook } = await import('../api/webhook.ts');
    const webhook = new Webhook(parseWebhook(address), {
      proxies: proxiesOf(this.env),
      userAgent: this.#userAgent,
      interrupt: this.interrupt,
      pause: (milliseconds) => this.pause(milliseconds),
      clock: this.#world,
    });
    this.#cleanUps.unshift(() => webhook.close());
    return webhook;
  }

  /** The environment variables. */
  get env(): Environment {
    return this.#world.env;
  }

  /** Aborted when the user ends the command. */
  get interrupt(): AbortSignal {
    return this.#world.interrupt;
  }

  /** The time by the API's clock, which decides what is live; before its first answer, this machine's. */
  async now(): Promise<Date> {
    const offset = this.#api ? (await this.#api).client.clockOffset : 0;
    return new Date(this.#world.now() + offset);
  }

  /** The API, signed in as the settings say; with `--sandbox` the one embedded here. */
  api(): Promise<Api> {
    this.#api ??= this.#connect();
    return this.#api;
  }

  /**
   * The API for finding out what became of a change: it answers after Ctrl-C too, and no look takes longer than 10 seconds.
   */
  async lookingApi(): Promise<Api> {
    const { client } = await this.api();
    this.#lookingApi ??= this.#createApi(client.baseUrl, client.managementKey, {
      interrupt: new AbortController().signal,
      timeout: Math.min(longestLook, this.settings.timeout.value),
    });
    return this.#lookingApi;
  }

  /** Returns the API for one change. @param onLeave - called right before its request leaves; if it throws, nothing is sent */
  async changingApi(onLeave: () => void): Promise<Api> {
    const { client } = await this.api();
    const { apiOf } = await import('../api/index.ts');
    const onGrace = (milliseconds: number) =>
      this.output.note(
        `Interrupted. Waiting up to ${milliseconds / 1000} s for the response to a change that was already sent; interrupt again to quit now.`,
      );
    return apiOf(client.with({ onLeave, onGrace }));
  }

  /**
   * The API with another key than the settings', to check one that is not saved yet, or with none.
   *
   * @param managementKey - `mk_…`
   */
  async apiWith(managementKey: string | undefined): Promise<Api> {
    const { parseBaseUrl } = await import('../api/client.ts');
    return this.#createApi(parseBaseUrl(this.settings.apiUrl.value), managementKey);
  }

  /** The inference endpoints of the API in use, with a key that was just made. @param apiKey - `sk_…` */
  async inference(apiKey: string): Promise<InferenceApi> {
    const { client } = await this.api();
    const { inference } = await this.#createApi(client.baseUrl, undefined, { consumptionKey: apiKey });
    return inference;
  }

  /** Whom a change is made for, in words. */
  account(): string {
    const { profile, apiUrl, managementKey, sandbox } = this.settings;
    if (sandbox.value) return 'the sandbox: no money moves';
    const key = managementKey ? masked(managementKey.value) : 'no key';
    return `${key} (${managementKey?.origin ?? `profile "${profile.value}"`}) at ${new URL(apiUrl.value).host}`;
  }

  /** What tells this account from any other, on this machine: for the names of what is kept of it. Holds the key. */
  accountId(): string {
    return accountOf(this.settings, this.sandboxFolder);
  }

  /** The same of the sandbox's account. */
  get sandboxId(): string {
    return `sandbox ${this.sandboxFolder}`;
  }

  /** All of standard input, as text. */
  async readStdin(): Promise<string> {
    const chunks: Buffer[] = [];
    const ended = new Promise<never>((_resolve, reject) => {
      const end = () => reject(new CommandError('interrupted', 'interrupted'));
      if (this.interrupt.aborted) end();
      else this.interrupt.addEventListener('abort', end, { once: true });
    });
    const read = async () => {
      for await (const chunk of this.#world.stdin) chunks.push(Buffer.from(chunk));
    };
    await Promise.race([read(), ended]);
    return Buffer.concat(chunks).toString('utf8');
  }

  /** A file's text, or with `-` standard input's. @throws CommandError (usage) when it cannot be read */
  async readInput(file: string): Promise<string> {
    if (file === '-') return this.readStdin();
    try {
      return readFileSync(resolved(file, this.#world), 'utf8');
    } catch (error) {
      const reason = messageOf(error);
      throw new CommandError('usage', `${file} cannot be read: ${reason}`, { cause: error });
    }
  }

  /** The folder that the user is in. */
  get workingFolder(): string {
    return this.#world.cwd;
  }

  /** The clipboard, where the system has one. */
  async clipboard(): Promise<Clipboard | undefined> {
    const { findClipboard } = await import('../output/clipboard.ts');
    return findClipboard(this.env);
  }

  /** A dotenv file beside the profiles, proven writable. */
  async openOwnDotenv(file: string): Promise<Dotenv> {
    makeFolder(this.profiles.folder, this.env);
    return this.openDotenv(file);
  }

  /** What the user's shell reads when it starts. */
  async shellProfile(): Promise<ShellProfile | undefined> {
    const { findShellProfile } = await import('../output/shell-profile.ts');
    return findShellProfile(this.env);
  }

  /** A dotenv file, proven writable. */
  async openDotenv(file: string): Promise<Dotenv> {
    const { openDotenv } = await import('../output/dotenv.ts');
    return openDotenv(resolved(file, this.#world), {
      env: this.env,
      monotonic: this.#world.monotonic,
      pause: (milliseconds) => this.pause(milliseconds),
    });
  }

  /**
   * Shows a page of the API to the user: opens it in the browser where there is a person, and says where it is.
   *
   * @param page - an address that the API gave; only https, or http on this machine, is opened
   */
  async showPage(page: string): Promise<void> {
    const url = URL.canParse(page) ? new URL(page) : undefined;
    const { isLoopback } = await import('../api/transport.ts');
    const local = url !== undefined && isLoopback(url.hostname);
    const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && local);
    if (this.settings.sandbox.value && local) {
      this.output.note(
        `The sandbox serves this page while it runs: \`ci sandbox serve\`, then http://127.0.0.1:8787${url.pathname}`,
      );
    }
    if (!safe || !this.prompts.canAsk) return;
    const { default: open } = await import('open');
    try {
      const browser = await open(url.href);
      browser.on('error', () => {});
      this.output.note('Opened in the browser.');
    } catch {
      this.output.note('No browser could be opened: open the address yourself.');
    }
  }

  /**
   * Does something that may take its time, and tells a person meanwhile what is waited for.
   *
   * @param what - in words: `Waiting for a seat`
   */
  async during<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
    const ended = (await this.#spinnerFor())?.begin(what);
    try {
      return await work();
    } finally {
      ended?.();
    }
  }

  /** Tells nobody what is waited for, as something else does. @returns what is to be called when it is over */
  holdSpinner(): () => void {
    return this.#spinner?.hold() ?? (() => {});
  }

  /** Waits, unless the user ends the command. @throws CommandError (interrupted) */
  async pause(milliseconds: number): Promise<void> {
    await this.#world.sleep(milliseconds, this.interrupt);
    if (this.interrupt.aborted) throw new CommandError('interrupted', 'interrupted');
  }

  /**
   * Starts the sandbox in this process; it ends with the command.
   *
   * @param port - 0 for a free one
   */
  async startSandbox(port = 0): Promise<Sandbox> {
    const { startSandbox } = await import('../sandbox/server.ts');
    const { refuse } = await import('../sandbox/failure.ts');
    const sandbox = await startSandbox({
      folder: this.sandboxFolder,
      env: this.env,
      port,
      now: this.clock,
    }).catch(refuse);
    this.#cleanUps.push(() => sandbox.close());
    return sandbox;
  }

  /** Forgets the names that a shell completes: they may have changed. */
  async forgetNames(): Promise<void> {
    const { forgetNames } = await import('../completion/cache.ts');
    try {
      forgetNames(this.cacheFolder);
    } catch (error) {
      // Where there is no place for a cache, there are no names in it.
      if (!(error instanceof CommandError)) throw error;
    }
  }

  /** Lets go of servers. */
  async close(): Promise<void> {
    this.#spinner?.stop();
    if ((this.lastChange ?? 'not_applied') !== 'not_applied') await this.forgetNames();
    for (const cleanUp of this.#cleanUps.splice(0)) await cleanUp();
  }

  /** Whether this runs where there are no people, as `CI` says. */
  get #inPipeline(): boolean {
    return !['', '0', 'false', undefined].includes(this.env.CI);
  }

  /** stderr as people see it. */
  get #asides(): Display {
    return new Display(this.#world.stderr, this.env, this.#options().color === false);
  }

  /** Tells a person at a terminal what is waited for; none where nobody is, and none in the way of what programs read. */
  async #spinnerFor(): Promise<Spinner | undefined> {
    if (this.#spinner || this.output.format === 'json') return this.#spinner;
    const { stderr, interrupt } = this.#world;
    const { input, debug } = this.#options();
    const isWanted = stderr.isTTY && input && !debug && !this.#inPipeline && !isDumb(this.env);
    if (!isWanted) return undefined;
    const { Spinner } = await import('../output/spinner.ts');
    const spinner = new Spinner(stderr, this.#asides);
    interrupt.addEventListener('abort', () => spinner.stop(), { once: true });
    this.#spinner = spinner;
    return spinner;
  }

  /** A stream whose text does not mix with what is told while something is waited for. */
  #besideSpinner(sink: Sink): Sink {
    if (!sink.isTTY) return sink;
    const write = (text: string, done?: (error?: Error | null) => void) => {
      this.#spinner?.erase();
      return sink.write(text, done);
    };
    return {
      isTTY: true,
      get columns() {
        return sink.columns;
      },
      get rows() {
        return sink.rows;
      },
      get errored() {
        return sink.errored;
      },
      write,
      on: (event, listener) => sink.on?.(event, listener),
      off: (event, listener) => sink.off?.(event, listener),
    };
  }

  #preferredFormat(): Format | undefined {
    try {
      return this.profiles.get(this.settings.profile.value)?.output;
    } catch (error) {
      // Settings that cannot be read prefer nothing; whoever needs them says so.
      if (error instanceof CommandError) return undefined;
      throw error;
    }
  }

  async #connect(): Promise<Api> {
    const { settings } = this;
    if (!settings.sandbox.value) {
      const { parseBaseUrl } = await import('../api/client.ts');
      return this.#createApi(parseBaseUrl(settings.apiUrl.value), keyFor(settings, this.profiles));
    }
    const { sandboxManagementKey } = await import('../sandbox/state.ts');
    const sandbox = await this.startSandbox();
    // A program that asks for JSON reads stderr too: it holds an error and nothing else.
    if (this.output.format !== 'json')
      this.output.note('Sandbox: no money moves. `ci sandbox --help` says what it can do.');
    return this.#createApi(new URL(sandbox.url), sandboxManagementKey);
  }

  get #userAgent(): string {
    const { version } = this.#world;
    return `cheapestinference-cli/${version} (${process.platform}; ${process.arch}) node/${process.versions.node}`;
  }

  async #createApi(
    baseUrl: URL,
    managementKey: string | undefined,
    others: Partial<Pick<ClientOptions, 'interrupt' | 'timeout' | 'consumptionKey'>> = {},
  ): Promise<Api> {
    const { createApi } = await import('../api/index.ts');
    const spinner = await this.#spinnerFor();
    const { interrupt, now, monotonic, sleep } = this.#world;
    const { timeout, consumptionKey } = this.settings;
    const api = createApi({
      baseUrl,
      managementKey,
      consumptionKey: consumptionKey?.value,
      userAgent: this.#userAgent,
      timeout: timeout.value,
      proxies: proxiesOf(this.env),
      interrupt,
      now,
      monotonic,
      sleep,
      ...others,
      onWait: spinner && ((method, path) => spinner.begin(waitingFor(method, path))),
      trace: this.#options().debug ? (line) => this.output.note(line) : undefined,
    });
    // The sandbox waits for its connections to end; others end with the process, which is faster.
    if (this.settings.sandbox.value) this.#cleanUps.unshift(() => api.client.close());
    return api;
  }
}

/** A text as a command of GitHub Actions takes it: on one line. Source: `@actions/core`, `escapeData`. */
function inCommand(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}
