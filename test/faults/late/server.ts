import type { Account } from '../../../src/sandbox/account.ts';
import type { Machine } from '../../virtual/machine.ts';
import type { Answer, Arrival } from '../../virtual/network.ts';
import type { SimulatedProcess } from '../../virtual/process.ts';
import { SandboxAccount } from './account.ts';
import { type Ending, endsAfter, type Refusal } from './endings.ts';

/** How a server mishandles the changes of one command. */
export type Fault =
  | { readonly kind: 'late'; readonly delay: number; readonly ending: Ending }
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly commits: boolean };

/** A request that changes something, as the server saw it. */
export interface Attempt {
  /** `POST /api/keys/credit` */
  readonly request: string;
  readonly process: SimulatedProcess | undefined;
  /** When it arrived, epoch milliseconds. */
  readonly at: number;
  /** When it was applied; undefined if it hasn't been yet. */
  committedAt?: number;
  /** The fault that it met, if any. */
  readonly fault?: Fault['kind'];
}

/** A commit that is still to come. */
interface Pending {
  readonly arrival: Arrival;
  /** The number of the attempt, from 0. */
  readonly attempt: number;
  /** Epoch milliseconds. */
  readonly due: number;
  readonly answers: boolean;
}

/** The state of a server. */
export interface ServerState {
  readonly account: Account;
  readonly attempts: readonly Attempt[];
  readonly pending: readonly Pending[];
}

/** Runs the sandbox as a server that commits late, or refuses a change that it applied. */
export class LateServer {
  readonly account = new SandboxAccount();
  /** Whether the fault is active. Later requests are answered normally. */
  isFaulty = true;
  readonly #spoiled: RegExp;
  readonly #fault: Fault;
  readonly #listsNoSecrets: boolean;
  #struck = false;
  #attempts: Attempt[] = [];
  #pending: Pending[] = [];

  /** Creates the server. @param spoiled - the request that meets the fault */
  constructor(spoiled: RegExp, fault: Fault, listsNoSecrets = false) {
    this.#spoiled = spoiled;
    this.#fault = fault;
    this.#listsNoSecrets = listsNoSecrets;
  }

  /** Every request that changes something, oldest first. */
  get attempts(): readonly Attempt[] {
    return this.#attempts;
  }

  /** Saves the state. */
  save(): ServerState {
    const attempts = this.#attempts.map((each) => ({ ...each }));
    return { account: this.account.now, attempts, pending: this.#pending };
  }

  /** Goes back to a state, on a machine that went back to its time. */
  restore({ account, attempts, pending }: ServerState, machine: Machine): void {
    this.account.restore(account);
    this.#attempts = attempts.map((each) => ({ ...each }));
    this.#pending = [];
    for (const each of pending) this.#commitWhenDue(machine, each);
  }

  /** Handles a request normally or according to the fault. */
  async handle(arrival: Arrival, machine: Machine): Promise<void> {
    const { method, path, process } = arrival;
    const request = `${method} ${path}`;
    if (method === 'GET') return this.#read(arrival);
    const fault = this.isFaulty && this.#spoiled.test(request) ? this.#fault : undefined;
    const isStruck = fault !== undefined && (fault.kind === 'refused' || !this.#struck);
    const attempt: Attempt = { request, process, at: Date.now(), ...(isStruck && { fault: fault.kind }) };
    const number = this.#attempts.push(attempt) - 1;
    if (!isStruck) return arrival.answer(await this.#commit(arrival, number));
    this.#struck = true;
    if (fault.kind === 'refused') return this.#refuse(arrival, number, fault);
    return this.#commitLate(machine, arrival, number, fault);
  }

  async #read(arrival: Arrival): Promise<void> {
    const answer = await this.account.answer('GET', arrival.path, '', arrival.authorization);
    const isStripped = this.#listsNoSecrets && arrival.path === '/api/keys';
    const body = isStripped ? answer.body.replaceAll(/"apiKey":"[^"]*",/g, '') : answer.body;
    arrival.answer({ ...answer, body });
  }

  async #commit({ method, path, body, authorization }: Arrival, number: number): Promise<Answer> {
    const answer = await this.account.answer(method, path, body, authorization);
    const attempt = this.#attempts[number];
    if (answer.status === 200 && attempt) attempt.committedAt = Date.now();
    return answer;
  }

  async #refuse(arrival: Arrival, attempt: number, { refusal, commits }: Fault & { kind: 'refused' }): Promise<void> {
    if (commits) await this.#commit(arrival, attempt);
    const body = JSON.stringify({ success: false, error: refusal.message });
    arrival.answer({ status: refusal.status, headers: { 'content-type': 'application/json' }, body });
  }

  /** If both come at the same moment, the client is interrupted first, so that it checks before there is anything to see. */
  async #commitLate(
    machine: Machine,
    arrival: Arrival,
    attempt: number,
    { delay, ending }: Fault & { kind: 'late' },
  ): Promise<void> {
    const { process } = arrival;
    if (!process) throw new Error('nobody sent the request');
    const { strike, later, answers } = ending;
    machine.after(endsAfter, () => strike?.(process, () => arrival.drop()));
    if (later) machine.after(endsAfter + later.after, () => later.strike(process));
    if (delay === 0) {
      const answer = await this.#commit(arrival, attempt);
      // Not before the client is interrupted.
      if (answers) machine.after(endsAfter, () => arrival.answer(answer));
      return;
    }
    this.#commitWhenDue(machine, { arrival, attempt, due: Date.now() + delay, answers: answers === true });
  }

  #commitWhenDue(machine: Machine, pending: Pending): void {
    const { arrival, attempt, due, answers } = pending;
    this.#pending = [...this.#pending, pending];
    machine.after(due - Date.now(), async () => {
      this.#pending = this.#pending.filter((each) => each !== pending);
      const answer = await this.#commit(arrival, attempt);
      if (answers) arrival.answer(answer);
    });
  }
}
