import { counted } from '../domain/counted.ts';
import { shownUsd } from '../domain/money.ts';
import type { Style } from '../output/style.ts';
import { factLines } from '../output/text.ts';
import type { PlanChange, PlanRecord } from './plan-view.ts';

/** How many unmanaged subscriptions and keys people see. */
const mostUnmanaged = 20;

/**
 * Returns a plan for people: a line for each change, then what is left alone, then the money.
 *
 * A line starts with `+` for what is created, `~` for what is replaced, `-` for what ends, and `!` for what isn't done.
 */
export function planText(plan: PlanRecord, style: Style): string {
  const sections = [
    plan.changes.length === 0 ? noChanges(plan) : plan.changes.map((change) => changeLine(change, style)).join('\n'),
    unmanagedLines(plan, style),
    plan.changes.length === 0 ? '' : factLines(facts(plan)),
    plan.notes.map((note) => `${style.warning('Note:')} ${note}`).join('\n'),
  ];
  return sections.filter((section) => section !== '').join('\n\n');
}

function noChanges({ file }: PlanRecord): string {
  return `No changes. The account is as ${file} says.`;
}

/** Returns a change in one line. */
function changeLine(change: PlanChange, style: Style): string {
  const details = [shownDifferences(change), moneyText(change)].filter(Boolean).join(', ');
  const whole = [changeText(change), details].filter(Boolean).join(': ');
  if (!change.willApply) return style.warning(`! ${whole} (${reason(change)})`);
  const { mark, paint } = marks[change.action];
  const wait = change.soldOut ? ' (sold out: waits until it is available)' : '';
  return style[paint](`${mark} ${whole}${wait}`);
}

const marks = {
  reserve: { mark: '+', paint: 'good' },
  'create-key': { mark: '+', paint: 'good' },
  'rotate-key': { mark: '~', paint: 'warning' },
  cancel: { mark: '-', paint: 'bad' },
  'revoke-key': { mark: '-', paint: 'bad' },
} as const;

/** Returns what a change does, in words: `create credit key batch`. */
export function changeText({ action, name, pool, blocks, quantity, billingCycle, keyType, id }: PlanChange): string {
  switch (action) {
    case 'reserve':
      return `reserve ${counted(quantity ?? 1, 'seat')} on ${pool} in ${blocks?.join(', ')}, billed ${billingCycle}ly`;
    case 'cancel':
      return `cancel ${pool} ${blocks?.join(', ')} (${short(id)}) at the end of its billing period`;
    case 'revoke-key':
      return `revoke key ${name} (${short(id)})`;
    case 'rotate-key':
      return `rotate key ${name} (${short(id)})`;
    default:
      return `create ${keyType} key ${name}${pool === null ? '' : ` for ${pool}`}`;
  }
}

/** Returns the beginning of an ID, which commands take, too. */
function short(id: string | null): string {
  return id?.slice(0, 8) ?? '';
}

/** Returns what differs, if the change doesn't say it already. */
function shownDifferences({ action, differences }: PlanChange): string {
  const isSaid = (field: string) => action === 'reserve' && field !== 'quantity';
  return differenceText({ differences: differences.filter(({ field }) => !isSaid(field)) });
}

/** Returns what differs: `rpm 60 → 120, tpm none → 1000`. */
export function differenceText({ differences }: Pick<PlanChange, 'differences'>): string {
  return differences.map(({ field, from, to }) => `${field} ${from ?? 'none'} → ${to ?? 'none'}`).join(', ');
}

function moneyText({ action, dueToday, perMonth }: PlanChange): string {
  if (action === 'reserve' && dueToday === null) return 'price unknown';
  const today = dueToday === null ? [] : [`${shownUsd(dueToday)} today`];
  if (perMonth === null) return today.join('');
  return [...today, `${perMonth < 0 ? '-' : '+'}${shownUsd(Math.abs(perMonth))} per month`].join(', ');
}

/** Returns why a change isn't made. */
function reason({ requires, blocked }: PlanChange): string {
  if (requires !== null) return `needs ${requires}`;
  return blocked ?? 'not possible';
}

function unmanagedLines({ unmanaged, file }: PlanRecord, style: Style): string {
  if (unmanaged.length === 0) return '';
  const shown = unmanaged.slice(0, mostUnmanaged).map(({ type, id, name }) => {
    return style.dim(`  ${type} ${name === id ? id : `${name} (${id})`}`);
  });
  const more = unmanaged.length - shown.length;
  return [
    `Not in ${file}, so it is left alone:`,
    ...shown,
    ...(more > 0 ? [style.dim(`  and ${more} more`)] : []),
  ].join('\n');
}

function facts(plan: PlanRecord): [string, string][] {
  const { changes, dueToday, dueTodayAtMost, monthlyBefore, monthlyAfter, maxMonthlySpend, account } = plan;
  const made = changes.filter(({ willApply }) => willApply).length;
  const held = changes.length - made;
  const amount = (usd: number | null) => (usd === null ? 'unknown' : shownUsd(usd));
  const limit = maxMonthlySpend === null ? '' : ` (limit ${shownUsd(maxMonthlySpend)})`;
  return [
    ['Changes', `${made} to make${held === 0 ? '' : `, ${held} not made`}`],
    [
      'Due today',
      dueTodayAtMost === dueToday ? amount(dueToday) : `about ${amount(dueToday)} (at most ${amount(dueTodayAtMost)})`,
    ],
    ['Per month', `${amount(monthlyBefore)} → ${amount(monthlyAfter)}${limit}`],
    ['Account', account],
  ];
}
