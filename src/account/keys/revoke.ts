import type { Context } from '../../context/context.ts';
import { CommandError } from '../../domain/errors.ts';
import { judgeDelete } from '../../domain/reconcile.ts';
import { isOpen } from '../../state/history.ts';
import { carryOut } from '../changes/carry-out.ts';

/** How long a missing key counts as revoked from this machine, in milliseconds. */
const rememberedFor = 24 * 3_600_000;

/** Revokes one key; that it is gone already, though it was listed a moment ago, is no failure. */
export async function revokeKey(context: Context, id: string, name: string | undefined): Promise<void> {
  await carryOut(context, 'delete-key', {
    intent: { action: 'delete-key', id, name },
    before: {},
    send: async ({ keys }) => {
      try {
        await keys.delete(id);
      } catch (error) {
        if (!(error instanceof CommandError) || error.code !== 'not_found' || (await isListed(context, id)))
          throw error;
      }
    },
    ids: () => [id],
    adopt: () => {},
    command: 'ci keys list',
  });
}

/** Whether a key is there after all; one that cannot be looked for is taken to be. */
async function isListed(context: Context, id: string): Promise<boolean> {
  try {
    const { keys } = await context.connections.looking();
    return judgeDelete(id, await keys.list()).outcome !== 'applied';
  } catch (error) {
    if (error instanceof CommandError) return true;
    throw error;
  }
}

/** A key that is revoked. */
export interface Deleted {
  readonly id: string;
  readonly name: string | null;
  readonly deleted: true;
}

/**
 * A key that is there no more and that was to be revoked from this machine a while ago: a command that is run again finds it done.
 *
 * @param typed - its id or name
 */
export async function revokedBefore(context: Context, typed: string): Promise<Deleted | undefined> {
  const history = await context.record.history();
  const account = await context.record.account();
  const change = history
    .since(context.clocks.wall() - rememberedFor)
    .findLast(
      ({ account: { id }, intent, settled }) =>
        id === account.id &&
        intent.action === 'delete-key' &&
        (intent.id === typed || intent.name === typed) &&
        settled?.outcome !== 'not_applied',
    );
  if (change?.intent.action !== 'delete-key') return undefined;
  const { id, name = null } = change.intent;
  if (isOpen(change)) history.settle(change.id, { outcome: 'applied', by: 'look', ids: [id] });
  return { id, name, deleted: true };
}
