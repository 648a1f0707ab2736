import type { PlanStep } from '../domain/account-plan.ts';
import { CommandError, type Outcome } from '../domain/errors.ts';
import type { Cents } from '../domain/money.ts';

/** How a step of a plan ended. */
export interface StepResult {
  /** `skipped`: it has an obstacle, or its seats are sold out and the file says to continue without them. */
  readonly outcome: Outcome | 'skipped';
  /** Why it failed; undefined if it didn't, or wasn't begun. */
  readonly error?: CommandError | undefined;
  /** The IDs of what was created, canceled or revoked. */
  readonly ids?: readonly string[] | undefined;
  /** What was charged. */
  readonly charged?: Cents | undefined;
}

/** What a step did. */
type Done = Pick<StepResult, 'ids' | 'charged' | 'error'>;

/** A step that failed. */
export interface FailedStep {
  readonly step: PlanStep;
  readonly error: CommandError;
}

/** How the steps of a plan have ended so far. */
export class StepResults {
  readonly #results = new Map<PlanStep, StepResult>();
  readonly #failed: FailedStep[] = [];
  #charged: Cents = 0;
  #end: CommandError | undefined;

  /** Why no more steps are begun: the outcome of one is unknown, the user interrupted the command, or the key was refused. */
  get end(): CommandError | undefined {
    return this.#end;
  }

  /** What was charged, in all. */
  get charged(): Cents {
    return this.#charged;
  }

  /** In the order in which they failed. */
  get failed(): readonly FailedStep[] {
    return this.#failed;
  }

  /** Returns how a step ended, or that it wasn't begun. */
  of(step: PlanStep): StepResult {
    return this.#results.get(step) ?? { outcome: step.obstacle ? 'skipped' : 'not_applied' };
  }

  /** Returns whether a step has ended. */
  has(step: PlanStep): boolean {
    return this.#results.has(step);
  }

  /** Counts a charge at once, because what follows it may fail. */
  addCharge(charged: Cents): void {
    this.#charged += charged;
  }

  applied(step: PlanStep, done: Done = {}): void {
    this.#results.set(step, { outcome: 'applied', ...done });
    if (done.error) this.#failed.push({ step, error: done.error });
  }

  skipped(step: PlanStep): void {
    this.#results.set(step, { outcome: 'skipped' });
  }

  /** Keeps the failure of a step. After some failures, no more steps are begun. */
  fail(step: PlanStep, error: CommandError, done: Done = {}): void {
    this.#results.set(step, { outcome: error.outcome ?? 'not_applied', ...done, error });
    this.#failed.push({ step, error });
    if (error.outcome === 'unknown' || error.code === 'interrupted' || error.exitCode === 4) this.#end ??= error;
  }

  /** Begins no more steps, and keeps the error as the failure of the first that wasn't begun. @returns whether there was such a step */
  stopAt(steps: readonly PlanStep[], error: CommandError): boolean {
    const next = steps.find((step) => !this.has(step));
    if (next) this.fail(next, error);
    this.#end ??= error;
    return next !== undefined;
  }

  /** Does what a step says, and keeps how that ended. @returns whether it didn't fail */
  async attempt(step: PlanStep, work: () => Promise<Done>): Promise<boolean> {
    try {
      const done = await work();
      this.applied(step, done);
      return done.error === undefined;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      this.fail(step, error);
      return false;
    }
  }
}
