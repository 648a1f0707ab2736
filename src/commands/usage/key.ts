import { findKey } from '../../account/keys/find.ts';
import type { Context } from '../../context/context.ts';
import { figures, type Period, usageColumns } from './columns.ts';
import { fields } from './keys.ts';

/** Prints the usage of one key, by id or name. */
export async function keyUsage(context: Pick<Context, 'api' | 'output'>, typed: string, period: Period): Promise<void> {
  const { keys, usage } = await context.api();
  const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(typed);
  const key = await usage.get(isId ? typed : findKey(await keys.list(), typed).id);
  const columns = usageColumns(period, figures(key, period).tokens ?? 0).filter(({ field }) => field !== 'share');
  await context.output.record(key, { columns, fields });
}
