import { allSubscriptions, type PoolSubscription } from '../account/subscriptions.ts';
import type { Key } from '../api/keys.ts';
import type { Verb } from '../cli/verb.ts';
import type { Context } from '../context/context.ts';
import { type Finding, needsCare, type SubscriptionStatus } from '../domain/care.ts';
import { hoursInWords, isLive, nextLive } from '../domain/coverage.ts';
import { decimalUsd, parseUsd, shownUsd } from '../domain/money.ts';
import type { Column } from '../output/output.ts';
import type { Style } from '../output/style.ts';
import { factLines } from '../output/text.ts';
import { distanceTo, relativeTime, timeOfDay } from '../output/time.ts';

export const fields = ['creditBalance', 'subscriptions', 'keys', 'problems'] as const;

/** What `ci status` prints. */
export interface Options {
  readonly check?: true;
}

/** `ci status`: the account at a glance. */
export default function status(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      exits: [3],
      examples: ['ci status', 'ci status --check || notify-me', "ci status --json | jq -r '.problems[].message'"],
    })
    .option('--check', 'print what needs care, a line each, and exit 3 when there is something')
    .action((options: Options) => execute(options, context));
}

/** A subscription as it stands at this moment. */
interface Shown extends SubscriptionStatus {
  readonly monthlyPrice: number | null;
  readonly blocks: string;
  readonly live: boolean;
  /** When its key answers next, RFC 3339; null when it does now, or never. */
  readonly liveAt: string | null;
  readonly keys: number;
}

interface Account {
  readonly creditBalance: number | null;
  readonly subscriptions: readonly Shown[];
  readonly keys: number;
  readonly problems: readonly Finding[];
}

/** Prints the account at a glance, or only what needs care. */
export async function run(
  { check }: Options,
  context: Pick<Context, 'api' | 'connections' | 'output' | 'result' | 'world'>,
): Promise<void> {
  const api = await context.api();
  const [account, keys] = await Promise.all([api.billing.status(), api.keys.list()]);
  const subscriptions = await allSubscriptions(api, account);
  const { creditBalance } = account;
  const now = await context.connections.now();
  const shown = subscriptions.map((subscription) => asShown(subscription, keys, now));
  const spendsCredit = keys.some(({ keyType, isActive }) => keyType === 'credit' && isActive !== false);
  const credit = creditBalance == null || !spendsCredit ? undefined : parseUsd(creditBalance);
  const problems = needsCare(shown, credit, now);
  if (check) {
    if (problems.length > 0) context.result.exitCode = 3;
    return context.output.list(problems, {
      columns: problemColumns,
      fields: [...fields, 'problem', 'message', 'subscriptionId'],
      empty: 'Nothing needs care.',
    });
  }
  const shownAccount: Account = {
    creditBalance: creditBalance ?? null,
    subscriptions: shown,
    keys: keys.length,
    problems,
  };
  await context.output.record(shownAccount, {
    columns: accountColumns,
    fields,
    drawing: (style, clean) => drawing(clean, style, now, context),
  });
}

function asShown(subscription: PoolSubscription, keys: readonly Key[], now: Date): Shown {
  const { id, poolSlug, status, billingCycle, monthlyPrice, cancelAtPeriodEnd, currentPeriodEnd, hours, key } =
    subscription;
  const mine = keys.filter(({ subscriptionId, isActive }) => subscriptionId === id && isActive !== false).length;
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
    show: ({ problem }, style) => style.warning(problem),
  },
  { field: 'subscriptionId', header: 'SUBSCRIPTION', value: ({ subscriptionId }) => subscriptionId, optional: 1 },
  { field: 'message', header: 'WHAT', value: ({ message }) => message },
];

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
  const cell = (header: string, value: (row: Shown) => string, optional?: number) => ({
    header: style.dim(header),
    ...(optional === undefined ? {} : { optional }),
    cells: subscriptions.map(value),
  });
  const table =
    seats === 0
      ? 'No subscriptions. `ci pools list` shows what there is.\n'
      : fitted(
          [
            cell('POOL', ({ poolSlug }) => style.bold(poolSlug)),
            cell('BLOCKS', ({ blocks }) => blocks),
            cell('NOW', (row) => liveness(row, style, now, timeZone)),
            cell('RENEWS', ({ currentPeriodEnd, cancelAtPeriodEnd }) => {
              const when = distanceTo(currentPeriodEnd, now);
              return cancelAtPeriodEnd ? style.warning(`ends ${when}`) : when;
            }),
            cell('KEYS', ({ keys: count }) => (count === 0 ? style.warning('none') : String(count))),
            cell('PRICE', ({ monthlyPrice }) => shownUsd(monthlyPrice), 2),
            cell('ID', ({ id }) => style.dim(id), 1),
          ],
          output.width,
        );
  const care = problems.map(({ message }) => `${style.warning('!')} ${message}\n`).join('');
  return `${facts}\n\n${table}${care === '' ? '' : `\n${care}`}`;
}

function liveness({ status, live, liveAt }: Shown, style: Style, now: Date, timeZone: string): string {
  if (live) return style.good('live');
  if (liveAt !== null) {
    const at = new Date(liveAt);
    return `${timeOfDay(at, timeZone)} (${relativeTime(at, now)})`;
  }
  return style.warning(status ?? '');
}
