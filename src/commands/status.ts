import { keysOlderThan } from '../account/keys/age.ts';
import { programOf } from '../account/program.ts';
import { type StoreContext, storedKeys, updateStoredKeys } from '../account/stored-keys/store.ts';
import { allSubscriptions, type PoolSubscription } from '../account/subscriptions.ts';
import type { Key } from '../api/keys.ts';
import type { Verb } from '../cli/verb.ts';
import { parseMaxKeyAge } from '../config/settings.ts';
import type { Context } from '../context/context.ts';
import { hoursInWords, isLive, nextLive } from '../domain/coverage.ts';
import { decimalUsd, parseUsd, shownUsd } from '../domain/money.ts';
import { type Finding, findProblems, type OldKeys, type SubscriptionStatus } from '../domain/problems.ts';
import { statusText } from '../domain/subscription-status.ts';
import type { Column } from '../output/output.ts';
import type { Style } from '../output/style.ts';
import { factLines } from '../output/text.ts';
import { distanceTo, relativeTime, timeOfDay } from '../output/time.ts';

export const fields = ['creditBalance', 'subscriptions', 'keys', 'problems'] as const;

/** What `ci status` shows. */
export interface Options {
  readonly check?: true;
}

/** `ci status`: shows the account at a glance. */
export default function status(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      exits: [3],
      examples: ['ci status', 'ci status --check || notify-me', "ci status --json | jq -r '.problems[].message'"],
    })
    .option('--check', 'Print only what needs attention, and exit with code 3 if anything does')
    .action((options: Options) => execute(options, context));
}

/** A subscription at this moment. */
interface SubscriptionRow extends SubscriptionStatus {
  readonly monthlyPrice: number | null;
  readonly blocks: string;
  readonly live: boolean;
  /** When its key works again, RFC 3339; null if it works now, or never will. */
  readonly liveAt: string | null;
  readonly keys: number;
}

interface Account {
  readonly creditBalance: number | null;
  readonly subscriptions: readonly SubscriptionRow[];
  readonly keys: number;
  readonly problems: readonly Finding[];
}

/** Shows the account at a glance, or only what needs attention. */
export async function run(
  { check }: Options,
  context: StoreContext & Pick<Context, 'api' | 'connections' | 'output' | 'result'>,
): Promise<void> {
  const api = await context.api();
  const stored = await storedKeys(context);
  const [account, keys] = await Promise.all([api.billing.status(), api.keys.list()]);
  const subscriptions = await allSubscriptions(api, account);
  await updateStoredKeys(context, { keys, subscriptions }, stored);
  const { creditBalance } = account;
  const now = await context.connections.now();
  const active = keys.filter(({ isActive }) => isActive !== false);
  const keyCounts = countsOf(active.map(({ subscriptionId }) => subscriptionId));
  const rows = subscriptions.map((subscription) => rowOf(subscription, keyCounts.get(subscription.id) ?? 0, now));
  const spendsCredit = active.some(({ keyType }) => keyType === 'credit');
  const credit = creditBalance == null || !spendsCredit ? undefined : parseUsd(creditBalance);
  const problems = findProblems(rows, { credit, oldKeys: oldKeysIn(context, active, now) }, now, programOf(context));
  if (check) {
    if (problems.length > 0) context.result.exitCode = 3;
    return context.output.list(problems, {
      columns: problemColumns,
      fields: [...fields, 'problem', 'message', 'subscriptionId', 'command'],
      empty: 'Nothing needs attention.',
      drawing: problemLines,
    });
  }
  const summary: Account = {
    creditBalance: creditBalance ?? null,
    subscriptions: rows,
    keys: keys.length,
    problems,
  };
  await context.output.record(summary, {
    columns: accountColumns,
    fields,
    drawing: (style, clean) => drawing(clean, style, now, context),
  });
}

/** Returns how many active keys are older than `max-key-age`, if it's set. Notes those whose age is unknown. @throws CommandError (usage) */
function oldKeysIn(
  { output, settings: { maxKeyAge } }: Pick<Context, 'output' | 'settings'>,
  active: readonly Key[],
  now: Date,
): OldKeys | undefined {
  if (maxKeyAge === undefined) return undefined;
  const { older, unknown } = keysOlderThan(active, parseMaxKeyAge(maxKeyAge.value), now);
  if (unknown.length > 0) {
    const whose = unknown.length === 1 ? "1 key isn't" : `${unknown.length} keys aren't`;
    output.note(
      `${whose} checked for max-key-age, because the API doesn't say when ${unknown.length === 1 ? 'it was' : 'they were'} created.`,
    );
  }
  return { count: older.length, maxAge: maxKeyAge.value };
}

/** Returns how often each value occurs. */
function countsOf<Value>(values: readonly Value[]): ReadonlyMap<Value, number> {
  const counts = new Map<Value, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

/** @param mine - how many active keys the subscription has */
function rowOf(subscription: PoolSubscription, mine: number, now: Date): SubscriptionRow {
  const { id, poolSlug, status, billingCycle, monthlyPrice, cancelAtPeriodEnd, currentPeriodEnd, hours, key } =
    subscription;
  const live = isLive(subscription, now);
  return {
    id,
    poolSlug,
    status,
    billingCycle,
    monthlyPrice: monthlyPrice ?? null,
    cancelAtPeriodEnd,
    currentPeriodEnd,
    hours,
    blocks: hoursInWords(subscription),
    live,
    liveAt: live ? null : (nextLive(subscription, now)?.toISOString() ?? null),
    hasKey: key != null || mine > 0,
    keys: Math.max(mine, key == null ? 0 : 1),
  };
}

const problemColumns: readonly Column<Finding>[] = [
  {
    field: 'problem',
    header: 'PROBLEM',
    value: ({ problem }) => problem,
    show: ({ problem }, style) => style.warning(problem.replaceAll('_', ' ')),
  },
  { field: 'subscriptionId', header: 'SUBSCRIPTION', hasIds: true, value: ({ subscriptionId }) => subscriptionId },
  { field: 'message', header: 'MESSAGE', value: ({ message }) => message },
  { field: 'command', header: 'COMMAND', value: ({ command }) => command },
];

/** Returns a sentence for each finding, with the command that resolves it. */
function problemLines(style: Style, problems: readonly Finding[]): string {
  return problems
    .map(({ message, subscriptionId, command }) => {
      const id = subscriptionId === null ? '' : ` (${subscriptionId.slice(0, 8)})`;
      return `${style.warning('!')} ${message}${id}.\n  $ ${command}\n`;
    })
    .join('');
}

const accountColumns: readonly Column<Account>[] = [
  { field: 'creditBalance', header: 'Credit', value: ({ creditBalance }) => decimalUsd(creditBalance) },
  {
    field: 'subscriptions',
    header: 'Subscriptions',
    value: ({ subscriptions }) => subscriptions.map(({ id }) => id).join(','),
  },
  {
    field: 'live',
    header: 'Live now',
    value: ({ subscriptions }) =>
      subscriptions
        .filter(({ live }) => live)
        .map(({ id }) => id)
        .join(','),
  },
  { field: 'keys', header: 'Keys', value: ({ keys }) => keys },
  { field: 'problems', header: 'Problems', value: ({ problems }) => problems.map(({ problem }) => problem).join(',') },
];

async function drawing(
  account: Account,
  style: Style,
  now: Date,
  { output, world: { timeZone } }: Pick<Context, 'output' | 'world'>,
): Promise<string> {
  const { fitted } = await import('../output/table.ts');
  const { creditBalance, subscriptions, keys, problems } = account;
  const seats = subscriptions.length;
  const facts = factLines([
    ['Credit', shownUsd(creditBalance) || 'unknown'],
    ['Seats', String(seats)],
    ['Keys', String(keys)],
  ]);
  const column = (header: string, value: (row: SubscriptionRow) => string) => ({
    header: style.dim(header),
    cells: subscriptions.map(value),
  });
  const table =
    seats === 0
      ? 'No subscriptions. Run `ci pools list` to see the pools.\n'
      : fitted(
          [
            column('POOL', ({ poolSlug }) => style.bold(poolSlug)),
            column('BLOCKS', ({ blocks }) => blocks),
            column('NOW', (row) => liveness(row, style, now, timeZone)),
            column('RENEWS', ({ currentPeriodEnd, cancelAtPeriodEnd }) => {
              const when = distanceTo(currentPeriodEnd, now);
              return cancelAtPeriodEnd ? style.warning(`ends ${when}`) : when;
            }),
            column('KEYS', ({ keys: count }) => (count === 0 ? style.warning('none') : String(count))),
            { ...column('PRICE/MONTH', ({ monthlyPrice }) => shownUsd(monthlyPrice)), optional: 2 },
            { ...column('ID', ({ id }) => style.dim(id)), hasIds: true },
          ],
          output.width,
        );
  return `${facts}\n\n${table}${problems.length === 0 ? '' : `\n${problemLines(style, problems)}`}`;
}

function liveness({ status, live, liveAt }: SubscriptionRow, style: Style, now: Date, timeZone: string): string {
  if (live) return style.good('live');
  if (liveAt !== null) {
    const at = new Date(liveAt);
    return `${timeOfDay(at, timeZone)} (${relativeTime(at, now)})`;
  }
  return style.warning(statusText(status));
}
