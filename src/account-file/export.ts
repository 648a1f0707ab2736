import { keyRowOf } from '../account/bulk/key-rows.ts';
import type { PoolSubscription } from '../account/subscriptions.ts';
import type { Key } from '../api/keys.ts';
import { type Block, blockNames, hoursPerBlock } from '../domain/blocks.ts';
import { hoursInWords, reservedBlocks, reservedHours, seatsOf, willRenew } from '../domain/coverage.ts';
import { type Cents, toUsd } from '../domain/money.ts';
import type { BillingCycle } from '../domain/quote.ts';
import { masked, redacted } from '../domain/secrets.ts';
import { harmless } from '../output/text.ts';
import type { FetchedAccount } from './current-account.ts';
import { filled } from './key-table.ts';

/** Where editors find the schema of the file. */
const schemaUrl = 'https://raw.githubusercontent.com/cheapestinference/cli/main/docs/account.schema.json';

interface SeatsEntry {
  readonly pool: string;
  readonly blocks: readonly Block[] | 'all';
  readonly quantity?: number;
  readonly billingCycle?: 'year';
}

interface KeyEntry {
  readonly name: string;
  readonly type: 'credit' | 'subscription';
  readonly pool?: string;
  readonly subscription?: string;
  readonly maxBudget?: number;
  readonly rpm?: number;
  readonly tpm?: number;
  readonly fingerprint?: string;
}

/** The file that says what an account has. */
interface ExportedAccount {
  readonly version: 1;
  readonly ceilings?: { readonly maxMonthlySpend: number };
  readonly seats: readonly SeatsEntry[];
  readonly keys: readonly KeyEntry[];
}

/** The fields of such a file, in this order. */
export const exportFields = ['version', 'ceilings', 'managed', 'seats', 'keys'] as const;

/** A file, and what the account has besides, as comments. */
export interface Export {
  readonly file: ExportedAccount;
  readonly seatComments: readonly string[];
  readonly keyComments: readonly string[];
}

/**
 * Returns the file that says what an account has. A plan from it is empty.
 *
 * @param maxMonthlySpend - the limit of the profile
 */
export function exportAccount({ subscriptions, keys }: FetchedAccount, maxMonthlySpend: Cents | undefined): Export {
  const seats = seatEntries(subscriptions);
  const named = keyEntries(keys, subscriptions);
  return {
    file: {
      version: 1,
      ...(maxMonthlySpend === undefined || maxMonthlySpend === 0
        ? {}
        : { ceilings: { maxMonthlySpend: toUsd(maxMonthlySpend) } }),
      seats: seats.entries,
      keys: named.entries,
    },
    seatComments: seats.comments,
    keyComments: named.comments,
  };
}

/** Returns the text of a file, with comments. @param account - for people */
export async function exportText({ file, seatComments, keyComments }: Export, account: string): Promise<string> {
  const { Document, isMap, isNode, isSeq } = await import('yaml');
  const document = new Document(file, { aliasDuplicateObjects: false });
  document.commentBefore = [
    ` yaml-language-server: $schema=${schemaUrl}`,
    ` ${commentLine(`Exported from ${account}`)}`,
    ' To compare it with the account, run: ci plan account.yaml',
  ].join('\n');
  const sections = [
    ['seats', seatComments],
    ['keys', keyComments],
  ] as const;
  for (const [name, comments] of sections) {
    const section = document.get(name);
    if (!isSeq(section)) continue;
    section.flow = section.items.length === 0;
    section.comment = comments.map((comment) => ` ${commentLine(comment)}`).join('\n') || null;
    for (const item of section.items) {
      const blocks = isMap(item) ? item.get('blocks', true) : undefined;
      if (isNode(blocks) && isSeq(blocks)) blocks.flow = true;
    }
  }
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

/** Returns a comment that stays on its line, and has no secret. */
function commentLine(text: string): string {
  return redacted(harmless(text));
}

function seatEntries(subscriptions: readonly PoolSubscription[]): { entries: SeatsEntry[]; comments: string[] } {
  const groups = new Map<string, { pool: string; blocks: Block[]; cycle: BillingCycle; quantity: number }>();
  const comments: string[] = [];
  for (const subscription of subscriptions) {
    const reason = whyNotSeats(subscription);
    if (reason !== undefined) {
      if (reason !== 'canceled') comments.push(`${subscriptionName(subscription)} ${reason}, so it isn't an entry.`);
      continue;
    }
    const { poolSlug: pool, billingCycle } = subscription;
    const blocks = reservedBlocks(subscription);
    const cycle = billingCycle === 'year' ? 'year' : 'month';
    const quantity = Math.max(1, Math.min(...blocks.map((block) => seatsOf(subscription, block))));
    const group = groups.get(JSON.stringify([pool, blocks, cycle]));
    if (group) group.quantity += quantity;
    else groups.set(JSON.stringify([pool, blocks, cycle]), { pool, blocks, cycle, quantity });
  }
  const order = (blocks: readonly Block[]) => blocks.map((block) => blockNames.indexOf(block)).join('');
  const sorted = [...groups.values()].sort(
    (a, b) => compare(a.pool, b.pool) || compare(order(a.blocks), order(b.blocks)) || compare(a.cycle, b.cycle),
  );
  return {
    entries: sorted.map(({ pool, blocks, cycle, quantity }) => ({
      pool,
      blocks: blocks.length === blockNames.length ? 'all' : blocks,
      ...(quantity === 1 ? {} : { quantity }),
      ...(cycle === 'year' ? { billingCycle: cycle } : {}),
    })),
    comments,
  };
}

/** Returns why a subscription isn't an entry, as it follows its name; undefined if it is one. */
function whyNotSeats(subscription: PoolSubscription): string | undefined {
  const { status, cancelAtPeriodEnd, currentPeriodEnd } = subscription;
  if (status === 'canceled') return 'canceled';
  if (cancelAtPeriodEnd) return currentPeriodEnd == null ? 'ends' : `ends on ${currentPeriodEnd.slice(0, 10)}`;
  if (status === 'past_due') return 'has a failed payment';
  if (!willRenew(subscription)) return `has the status ${status ?? 'unknown'}`;
  const hours = reservedHours(subscription);
  if (hours.length === 0) return 'has blocks that the API does not state';
  return reservedBlocks(subscription).length * hoursPerBlock === hours.length ? undefined : "doesn't have whole blocks";
}

function subscriptionName(subscription: PoolSubscription): string {
  return [subscription.poolSlug, hoursInWords(subscription), `(${subscription.id})`].filter(Boolean).join(' ');
}

function keyEntries(
  keys: readonly Key[],
  subscriptions: readonly PoolSubscription[],
): { entries: KeyEntry[]; comments: string[] } {
  const active = keys.filter(({ isActive }) => isActive !== false);
  const counts = new Map<string, number>();
  for (const { name } of active) counts.set(nameOf(name), (counts.get(nameOf(name)) ?? 0) + 1);
  const poolOf = poolsBySubscription(subscriptions);
  const entries: KeyEntry[] = [];
  const comments: string[] = [];
  for (const key of keys) {
    const name = nameOf(key.name);
    const entry = { name, ...kindOf(key, poolOf) };
    const problem =
      key.isActive === false
        ? 'it is inactive'
        : (counts.get(name) ?? 0) > 1 && name !== ''
          ? `${counts.get(name)} active keys have its name`
          : problemOf(entry);
    if (problem === undefined) entries.push({ ...entry, ...(key.apiKey ? { fingerprint: masked(key.apiKey) } : {}) });
    else comments.push(`key ${name === '' ? key.id : `${name} (${key.id})`} isn't an entry: ${problem}.`);
  }
  return { entries: entries.sort((a, b) => compare(a.name, b.name)), comments };
}

function nameOf(name: string | null | undefined): string {
  return name?.trim() ?? '';
}

/** Returns the type of a key, with its seat or its limits. */
function kindOf(key: Key, poolOf: ReadonlyMap<string, string>): Omit<KeyEntry, 'name'> {
  const { keyType, keyPlan, subscriptionId, maxBudget, rpm, tpm } = key;
  const isCredit = keyType === 'credit' || (keyType == null && (keyPlan === 'credits' || subscriptionId == null));
  if (isCredit) {
    return {
      type: 'credit',
      ...(maxBudget == null ? {} : { maxBudget }),
      ...(rpm == null ? {} : { rpm }),
      ...(tpm == null ? {} : { tpm }),
    };
  }
  if (subscriptionId == null) return { type: 'subscription' };
  const pool = poolOf.get(subscriptionId);
  return { type: 'subscription', ...(pool === undefined ? { subscription: subscriptionId } : { pool }) };
}

/** Returns what is wrong with an entry if it can't be read back, as a clause. */
function problemOf(entry: KeyEntry): string | undefined {
  if (redacted(entry.name) !== entry.name) return 'its name holds a secret';
  const row = keyRowOf({ line: 0, values: filled(new Map(Object.entries(entry)), {}) });
  return typeof row === 'string' ? row : undefined;
}

/** Returns the pools that have exactly one active subscription, by the ID of that. */
function poolsBySubscription(subscriptions: readonly PoolSubscription[]): ReadonlyMap<string, string> {
  const counts = new Map<string, number>();
  const active = subscriptions.filter(({ status }) => status === 'active');
  for (const { poolSlug } of active) counts.set(poolSlug, (counts.get(poolSlug) ?? 0) + 1);
  return new Map(active.flatMap(({ id, poolSlug }) => (counts.get(poolSlug) === 1 ? [[id, poolSlug] as const] : [])));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
