import { findKey } from '../../account/keys/find.ts';
import type { KeyUsage } from '../../api/usage.ts';
import type { Context } from '../../context/context.ts';
import { isId } from '../../domain/id-prefix.ts';
import { type Period, periods } from '../../domain/usage-periods.ts';
import type { Column } from '../../output/output.ts';
import { figures, usageColumns } from './columns.ts';
import { fields } from './keys.ts';

/** Shows the usage of one key, by id or name. */
export async function keyUsage(context: Pick<Context, 'api' | 'output'>, typed: string, period: Period): Promise<void> {
  const { keys, usage } = await context.api();
  const key = await usage.get(isId(typed) ? typed : findKey(await keys.list(), typed).id);
  const columns = usageColumns(period, figures(key, period).tokens ?? 0).filter(({ field }) => field !== 'share');
  await context.output.record(key, { columns: [...columns, periodColumn(period)], fields });
}

function periodColumn(period: Period): Column<KeyUsage> {
  return { field: 'period', header: 'PERIOD', audience: 'people', value: () => periods[period].title };
}
