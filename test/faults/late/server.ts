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

/** Runs the sandbox as a server that commits late, or refuses a change that it applied. */
export class LateServer {
  readonly account = new SandboxAccount();
  readonly attempts: Attempt[] = [];
  /** Whether the fault is active. Later requests are answered normally. */
  isFaulty = true;
  readonly #spoiled: RegExp;
  readonly #fault: Fault;
  readonly #listsNoSecrets: boolean;
  #struck = false;

  /** Creates the server. @param spoiled - the request that meets the fault */
  constructor(spoiled: RegExp, fault: Fault, listsNoSecrets = false) {
    this.#spoiled = spoiled;
    this.#fault = fault;
    this.#listsNoSecrets = listsNoSecrets;
  }

  /** Handles a request normally or according to the fault. */
  async handle(arrival: Arrival, machine: Machine): Promise<void> {
    const { method, path, process } = arrival;
    const request = `${method} ${path}`;
    if (method === 'GET') return this.#read(arrival);
    const fault = this.isFaulty && this.#spoiled.test(request) ? this.#fault : undefined;
    const isStruck = fault !== undefined && (fault.kind === 'refused' || !this.#struck);
    const attempt: Attempt = { request, process, at: Date.now(), ...(isStruck && { fault: fault.kind }) };
    this.attempts.push(attempt);
    if (!isStruck) return arrival.answer(await this.#commit(arrival, attempt));
    this.#struck = true;
    if (fault.kind === 'refused') return this.#refuse(arrival, attempt, fault);
    return this.#commitLate(machine, arrival, attempt, fault);
  }

  async #read(arrival: Arrival): Promise<void> {
    const answer = await this.account.answer('GET', arrival.path, '', arrival.authorization);
    const isStripped = this.#listsNoSecrets && arrival.path === '/api/keys';
    const body = isStripped ? answer.body.replaceAll(/"apiKey":"[^"]*",/g, '') : answer.body;
    arrival.answer({ ...answer, body });
  }

  async #commit({ method, path, body, authorization }: Arrival, attempt: Attempt): Promise<Answer> {
    const answer = await this.account.answer(method, path, body, authorization);
    if (answer.status === 200) attempt.committedAt = Date.now();
    return answer;
  }

  async #refuse(arrival: Arrival, attempt: Attempt, { refusal, commits }: Fault & { kind: 'refused' }): Promise<void> {
    if (commits) await this.#commit(arrival, attempt);
    const body = JSON.stringify({ success: false, error: refusal.message });
    arrival.answer({ status: refusal.status, headers: { 'content-type': 'application/json' }, body });
  }

  /** If both come at the same moment, the client is interrupted first, so that it checks before there is anything to see. */
  async #commitLate(
    machine: Machine,
    arrival: Arrival,
    attempt: Attempt,
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
    machine.after(delay, async () => {
      const answer = await this.#commit(arrival, attempt);
      if (answers) arrival.answer(answer);
    });
  }
}
