import type { Description, Destination } from '../../account/secrets/destination.ts';
import type { PoolSubscription } from '../../account/subscriptions.ts';
import type { Pool } from '../../api/pools.ts';
import type { Context } from '../../context/context.ts';
import type { Block } from '../../domain/blocks.ts';
import type { CommandError } from '../../domain/errors.ts';
import type { BillingCycle } from '../../domain/quote.ts';
import type { WorkingHours } from '../../domain/working-hours.ts';
import type { Prompts } from '../../prompts/prompts.ts';

/** The answers so far, and what was done. An answer stays when the user goes back, and is then selected. */
export interface Wizard {
  readonly context: Context;
  /** Questions that the user can go back from. They name the key for it if there is a step to go back to. */
  prompts: Prompts;
  /** The completed steps, in words. They are kept when the user quits. */
  readonly done: string[];
  /** Whether the sandbox was chosen here. */
  choseSandbox?: boolean;
  /** Whether the API refused the management key that was set. */
  keyRefused?: boolean;
  /** Whether the subscriptions with a pending key were noted. */
  hasNotedPending?: boolean;
  /** Whether to reserve more blocks, although there are subscriptions. */
  reservesMore?: boolean;
  pool?: Pool;
  /** The working hours, as typed. */
  typedHours?: string;
  work?: WorkingHours | undefined;
  blocks?: readonly Block[] | undefined;
  quantity?: number;
  billingCycle?: BillingCycle;
  /** The subscriptions that get a key each: existing ones, or those just bought. */
  subscriptions?: readonly PoolSubscription[];
  /** What was bought here, as the command that buys it: without `ci` and without consent. */
  purchase?: string;
  /** The error for a charge above the agreed price; thrown after the summary. */
  overcharge?: CommandError;
  keyName?: string;
  destination?: Destination;
  /** Where the keys are. */
  saved?: Description | undefined;
  /** The new keys, one per seat. */
  keys?: readonly SeatKey[];
  /** The tools that were connected, and how to start them. */
  tools?: readonly ConnectedTool[];
}

/** A new key, and the subscription that it is for. */
interface SeatKey {
  readonly id: string | undefined;
  readonly name: string;
  readonly apiKey: string;
  readonly subscriptionId: string;
}

/** A tool that was connected to the key. */
export interface ConnectedTool {
  /** As typed: `claude-code`. */
  readonly tool: string;
  /** The command that starts it. */
  readonly start: string;
}

/** What a step did: it asked a question, to which Esc goes back; asked nothing; or made a change, over which Esc doesn't go back. */
type StepResult = 'asked' | 'silent' | 'changed';

/** One question or action. */
export type Step = (wizard: Wizard) => Promise<StepResult>;

/** Thrown to continue with a step other than the next. */
export class GoTo extends Error {
  override readonly name = 'GoTo';
  readonly step: Step;

  constructor(step: Step) {
    super('continue with another step');
    this.step = step;
  }
}

/** The error of a question if the user can't be asked. */
export const noTerminal = "Can't run `ci setup` without a terminal";

/** Returns whether all seats get their keys by email. */
export function isPending({ subscriptions = [] }: Pick<Wizard, 'subscriptions'>): boolean {
  return subscriptions.length > 0 && seatsForKeys({ subscriptions }).length === 0;
}

/** Returns the seats that get a key here. The others get theirs by email. */
export function seatsForKeys({ subscriptions = [] }: Pick<Wizard, 'subscriptions'>): readonly PoolSubscription[] {
  return subscriptions.filter(({ status }) => status !== 'pending_key');
}
