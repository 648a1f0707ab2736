import type { Context } from '../../context/context.ts';
import type { Outcome } from '../../domain/errors.ts';
import type { Intent } from '../../domain/reconcile.ts';
import type { Column } from '../../output/output.ts';
import { distanceTo } from '../../output/time.ts';
import { isAbandoned, type RecordedChange } from '../../state/change-log.ts';
import { describeChange } from './actions.ts';

export const fields = [
  'id',
  'at',
  'action',
  'change',
  'outcome',
  'settledAt',
  'ids',
  'account',
  'by',
  'request',
] as const;

/** A recorded change as it is shown. */
export interface ShownChange {
  readonly id: string;
  readonly at: string;
  readonly action: Intent['action'];
  /** The change in a few words. */
  readonly change: string;
  /** `running` while its process is working; `pending` if that has ended and the outcome hasn't been found yet. */
  readonly outcome: Outcome | 'running' | 'pending';
  readonly settledAt: string | null;
  /** The ids of what was created or changed. */
  readonly ids: readonly string[];
  readonly account: string;
  /** The user and the machine that made it; null if the record is only this machine's. */
  readonly by: string | null;
  /** The request, as recorded. */
  readonly request: Intent;
}

/** Converts a recorded change for output. */
export function shownChange(recorded: RecordedChange): ShownChange {
  const { id, at, intent, account, by = null, settled } = recorded;
  return {
    id,
    at,
    action: intent.action,
    change: describeChange(asCharged(recorded)),
    outcome: settled?.outcome ?? (isAbandoned(recorded) ? 'pending' : 'running'),
    settledAt: settled && settled.outcome !== 'unknown' ? settled.at : null,
    ids: settled?.ids ?? [],
    account: account.label,
    by,
    request: intent,
  };
}

/** Returns a purchase with its actual charge, if that differs from the agreed one. */
function asCharged({ intent, settled }: RecordedChange): Intent {
  const charge = settled?.charge;
  return intent.action === 'subscribe' && charge !== undefined ? { ...intent, charge } : intent;
}

/** Returns the columns of a table of changes. @param all - whether changes of several accounts are shown */
export function historyColumns(
  { clocks, record }: Pick<Context, 'clocks' | 'record'>,
  all = false,
): readonly Column<ShownChange>[] {
  const account: Column<ShownChange> = {
    field: 'account',
    header: 'ACCOUNT',
    optional: 1,
    value: (row) => row.account,
  };
  const by: Column<ShownChange> = { field: 'by', header: 'BY', optional: 3, value: (row) => row.by };
  return [
    { field: 'id', header: 'ID', optional: 1, value: ({ id }) => id },
    { field: 'at', header: 'WHEN', value: ({ at }) => at, show: ({ at }) => distanceTo(at, new Date(clocks.wall())) },
    { field: 'change', header: 'CHANGE', hasIds: true, value: ({ change }) => change },
    {
      field: 'outcome',
      header: 'OUTCOME',
      value: ({ outcome }) => outcome,
      show: ({ outcome }, style) => {
        const words = outcome.replace('_', ' ');
        if (outcome === 'applied') return style.good(words);
        return outcome === 'not_applied' ? words : style.warning(words);
      },
    },
    {
      field: 'ids',
      header: 'CREATED OR CHANGED',
      optional: 2,
      hasIds: true,
      value: ({ ids }) => ids.join(','),
      show: ({ ids }) => ids.join(', '),
    },
    ...(record.isShared ? [by] : []),
    ...(all ? [account] : []),
  ];
}
