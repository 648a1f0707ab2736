import { awaitEarlier } from '../../account/changes/earlier.ts';
import { findPool } from '../../account/pools.ts';
import {
  fetchSubscriptions,
  liveness,
  type PoolSubscription,
  renewal,
  subscriptionName,
} from '../../account/subscriptions.ts';
import type { Key } from '../../api/keys.ts';
import { counted } from '../../domain/counted.ts';
import { hoursInWords } from '../../domain/coverage.ts';
import { masked } from '../../domain/secrets.ts';
import type { Choice } from '../../prompts/question.ts';
import { noTerminal, type Step, type Wizard } from './wizard.ts';

/** Seats that are offered as one choice: all of the same kind without a key, or one with a key. */
interface SeatGroup {
  readonly seats: readonly [PoolSubscription, ...PoolSubscription[]];
  /** The name of the key, or the masked key; undefined if none exists. */
  readonly key: string | undefined;
}

/** Asks whether to create keys for existing subscriptions. If so, the questions about what to reserve are skipped. */
export const useExistingSeats: Step = async (wizard) => {
  const { context, prompts, subscriptions: earlier } = wizard;
  const api = await context.api();
  // The result of a purchase that may still go through counts as existing.
  await awaitEarlier(context, { ...anyPurchase, any: true });
  const all = await fetchSubscriptions(api);
  if (!wizard.hasNotedPending) notePending(wizard, all);
  wizard.hasNotedPending = true;
  const active = all.filter(({ status }) => status === 'active');
  delete wizard.subscriptions;
  if (active.length === 0) return 'silent';
  const choices = await groupChoices(wizard, groupsOf(active, await api.keys.list()));
  const isEarlier = ({ seats: [seat] }: SeatGroup) => earlier?.some(({ id }) => id === seat.id) ?? false;
  const picked = await prompts.pick<SeatGroup | undefined>(
    `You have ${counted(active.length, 'active subscription')}. Create a key for:`,
    [
      ...choices.map((choice) => ({ ...choice, selected: isEarlier(choice.value) })),
      { name: 'Reserve more blocks instead', value: undefined, selected: wizard.reservesMore ?? false },
    ],
    noTerminal,
  );
  wizard.reservesMore = picked === undefined;
  if (!picked) return 'asked';
  const [seat] = picked.seats;
  wizard.subscriptions = picked.seats;
  wizard.pool = findPool(await api.pools.list(), seat.poolSlug);
  return 'asked';
};

const anyPurchase = {
  action: 'subscribe',
  intent: { action: 'subscribe', pool: '', blocks: [], quantity: 1, billingCycle: 'month' },
} as const;

function notePending({ context }: Wizard, all: readonly PoolSubscription[]): void {
  for (const waiting of all.filter(({ status }) => status === 'pending_key')) {
    context.output.note(`You already have ${subscriptionName(waiting)}. You'll get its key by email, within 24 hours.`);
  }
}

/** Groups seats: those without a key by pool and hours, each of the others alone. */
function groupsOf(seats: readonly PoolSubscription[], keys: readonly Key[]): SeatGroup[] {
  const groups = new Map<string, SeatGroup>();
  for (const seat of seats) {
    const key = keyOf(seat, keys);
    const kind = key === undefined ? subscriptionName(seat) : seat.id;
    const group = groups.get(kind);
    groups.set(kind, group ? { ...group, seats: [...group.seats, seat] } : { seats: [seat], key });
  }
  return [...groups.values()].toSorted((a, b) => Number(a.key !== undefined) - Number(b.key !== undefined));
}

/** Returns the name of an active key of a subscription, or the masked key. */
function keyOf({ id, key }: PoolSubscription, keys: readonly Key[]): string | undefined {
  const listed = keys.find((each) => each.subscriptionId === id && each.isActive !== false);
  if (listed) return listed.name ?? listed.id;
  if (!key || key.isActive === false) return undefined;
  return key.apiKey ? masked(key.apiKey) : 'a key';
}

async function groupChoices({ context, prompts }: Wizard, groups: readonly SeatGroup[]): Promise<Choice<SeatGroup>[]> {
  const now = await context.connections.now();
  const cells = (cell: (seat: PoolSubscription, group: SeatGroup) => string) =>
    groups.map((group) => cell(group.seats[0], group));
  const names = await prompts.rows([
    { cells: cells(({ poolSlug }) => poolSlug) },
    { cells: cells(hoursInWords), optional: 3 },
    {
      cells: cells(({ id }, { seats, key }) =>
        key === undefined ? `${counted(seats.length, 'seat')}, no key` : `key ${key} (${id.slice(0, 8)})`,
      ),
    },
    { cells: cells((seat) => liveness(seat, now)), optional: 2 },
    { cells: cells((seat) => renewal(seat, now)), optional: 1 },
  ]);
  return groups.map((group, at) => {
    const count = group.seats.length > 1 ? ` (${counted(group.seats.length, 'seat')})` : '';
    return {
      name: names[at] ?? '',
      value: group,
      short: `${subscriptionName(group.seats[0])}${count}`,
    };
  });
}
