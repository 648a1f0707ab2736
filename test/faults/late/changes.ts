import type { Account } from '../../../src/sandbox/account.ts';
import type { Person } from '../../virtual/machine.ts';
import type { SandboxAccount } from './account.ts';
import { answerSetup } from './setup.ts';

/** A command that runs after the faulty one. */
export interface FollowUp {
  readonly name: string;
  /** The arguments of `ci`. */
  readonly line: string;
  readonly person?: Person;
  /** Whether it only finds the outcomes of earlier changes. */
  readonly reconciles?: true;
  /** Whether it requests another change if the earlier one is known to be applied. */
  readonly asksForMore?: true;
}

/** A command that changes something. */
export interface LateChange {
  readonly name: string;
  /** The arguments of `ci`. */
  readonly line: string;
  /** The request that meets the fault, such as `POST /api/keys/credit`. */
  readonly request: RegExp;
  /** Its action in the record. */
  readonly action: string;
  /** Prepares the account. */
  readonly given?: (account: SandboxAccount) => Promise<void>;
  /** Counts what the change creates. */
  readonly count: (account: Account) => number;
  /** Whether the API lists keys without their secrets, as older generations do. */
  readonly listsNoSecrets?: true;
  /** The commands that can come next, besides `history reconcile`. */
  readonly followUps: readonly FollowUp[];
}

export const reconcile: FollowUp = { name: 'history reconcile', line: 'history reconcile --json', reconciles: true };

const subscribe = 'pools subscribe kimi26 --blocks europe --yes --json';
const createKey = 'keys create prod --credit --json';
const cancel = 'pools cancel kimi26 --yes --json';

export const watch = 'pools watch kimi26 --blocks europe --subscribe --max-price 60 --yes --json';

export const purchase: LateChange = {
  name: 'pools subscribe',
  line: subscribe,
  request: /^POST \/api\/pools\/[^/]+\/subscribe$/,
  action: 'subscribe',
  count: ({ charges }) => charges.length,
  followUps: [
    { name: 'the same', line: subscribe },
    { name: '--ensure', line: `${subscribe} --ensure` },
    { name: 'pools watch --subscribe', line: watch },
    { name: 'setup', line: 'setup', person: answerSetup },
  ],
};

export const keyCreation: LateChange = {
  name: 'keys create',
  line: createKey,
  request: /^POST \/api\/keys\/credit$/,
  action: 'create-key',
  count: ({ keys }) => keys.length,
  followUps: [
    { name: 'the same', line: createKey, asksForMore: true },
    { name: '--ensure', line: `${createKey} --ensure` },
  ],
};

export const keyCreationUnlisted: LateChange = {
  ...keyCreation,
  name: 'keys create, with a list without secrets',
  listsNoSecrets: true,
};

export const cancellation: LateChange = {
  name: 'pools cancel',
  line: cancel,
  request: /^DELETE \/api\/pools\/[^/]+\/pledge$/,
  action: 'cancel',
  given: async (account) => {
    for (const block of ['asia', 'europe', 'americas'])
      await account.data('POST', '/api/pools/kimi26/subscribe', { blocks: [block] });
  },
  count: ({ subscriptions }) => subscriptions.filter(({ cancelAtPeriodEnd }) => cancelAtPeriodEnd).length,
  followUps: [{ name: 'the same', line: cancel, asksForMore: true }],
};
