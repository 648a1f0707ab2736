import type { Description, Destination } from '../../account/secrets/destination.ts';
import type { DestinationQuestion } from '../../account/secrets/destinations.ts';
import type { PoolSubscription } from '../../account/subscriptions.ts';
import type { Pool } from '../../api/pools.ts';
import type { Context } from '../../context/context.ts';
import type { Block } from '../../domain/blocks.ts';
import type { CommandError } from '../../domain/errors.ts';
import type { BillingCycle } from '../../domain/quote.ts';
import type { WorkingHours } from '../../domain/working-hours.ts';
import type { Prompts } from '../../prompts/prompts.ts';

/** The answers so far, and what was done. */
export interface Wizard {
  readonly context: Context;
  /** Questions that Esc goes back from. */
  readonly prompts: Prompts;
  /** What has been done so far, in words: it stays done when the wizard is left. */
  readonly done: string[];
  pool?: Pool;
  work?: WorkingHours | undefined;
  blocks?: readonly Block[];
  quantity?: number;
  billingCycle?: BillingCycle;
  /** The subscriptions that get a key, one per seat: existing ones, or those just bought. */
  subscriptions?: readonly PoolSubscription[];
  /** What was bought here, as the command that buys it: without `ci`, and without consent. */
  purchase?: string;
  /** The error for a charge above the agreed price; thrown after the summary. */
  overcharge?: CommandError;
  keyName?: string;
  destination?: Destination;
  /** What is to be asked before the destination is known. */
  destinationQuestion?: DestinationQuestion;
  /** Where the keys are. */
  saved?: Description | undefined;
  /** The new keys, one per seat. */
  keys?: readonly { readonly id: string | undefined; readonly name: string; readonly apiKey: string }[];
}

/** One question or action. Returns whether it asked anything: Esc goes back to questions. */
export type Step = (wizard: Wizard) => Promise<'asked' | 'silent'>;

/** Thrown to continue with another step than the next. */
export class GoTo extends Error {
  override readonly name = 'GoTo';
  readonly step: Step;

  constructor(step: Step) {
    super('another step is due');
    this.step = step;
  }
}

/** The error of a question if nobody can answer it. */
export const nobody = "setup asks questions, and can't prompt without a terminal";

/** Whether the key of what was bought comes by email. */
export function isPending({ subscriptions = [] }: Pick<Wizard, 'subscriptions'>): boolean {
  return subscriptions.length > 0 && subscriptions.every(({ status }) => status === 'pending_key');
}
