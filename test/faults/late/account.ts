import { type Account, freshAccount } from '../../../src/sandbox/account.ts';
import { sandboxApp } from '../../../src/sandbox/app.ts';
import { settle } from '../../../src/sandbox/settle.ts';
import type { Store } from '../../../src/sandbox/store.ts';
import { managementKey } from '../../support/command-line.ts';
import { at } from '../../support/sandbox.ts';
import type { Answer } from '../../virtual/network.ts';

/** Keeps the sandbox's account in memory, because only one process uses it and writing it to disk would take most of the time. */
class MemoryStore implements Store {
  readonly now = () => Date.now();
  account: Account = freshAccount({ card: true }, Date.now());

  async run<Result>(request: (account: Account, now: number) => { account: Account; result: Result }): Promise<Result> {
    const now = Date.now() + this.account.offsetMilliseconds;
    const { account, result } = request(settle(this.account, now), now);
    this.account = account;
    return result;
  }

  async replace(account: Account): Promise<void> {
    this.account = account;
  }
}

/** The sandbox without a server. Handles requests, and shows the resulting state. */
export class SandboxAccount {
  readonly #store = new MemoryStore();
  readonly #app = sandboxApp(this.#store, { address: () => 'http://127.0.0.1', pause: async () => {} });

  /** The whole account, as the sandbox stores it. */
  get now(): Account {
    return this.#store.account;
  }

  /** Goes back to an earlier account. */
  restore(account: Account): void {
    this.#store.account = account;
  }

  /** Handles a request. */
  async answer(method: string, path: string, body: string, authorization = `Bearer ${managementKey}`): Promise<Answer> {
    const request = new Request(`http://127.0.0.1${path}`, {
      method,
      headers: { authorization, 'content-type': 'application/json' },
      ...(body !== '' && { body }),
    });
    const response = await this.#app.fetch(request);
    const { 'content-type': type = '', date = '' } = Object.fromEntries(response.headers);
    return { status: response.status, headers: { 'content-type': type, date }, body: await response.text() };
  }

  /** Handles a request, which must succeed. @returns the `data` of its response */
  async data(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await this.answer(method, path, body === undefined ? '' : JSON.stringify(body));
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`);
    return at(JSON.parse(answer.body), 'data');
  }
}
