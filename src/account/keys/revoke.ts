import type { Context } from '../../context/context.ts';
import { CommandError } from '../../domain/errors.ts';
import { isIdPrefix } from '../../domain/id-prefix.ts';
import { judgeDelete } from '../../domain/reconcile.ts';
import { isOpen } from '../../state/change-log.ts';
import { type ChangingContext, carryOut } from '../changes/carry-out.ts';
import { forgetKey } from '../stored-keys/store.ts';

/** How long a key that is missing counts as revoked from this machine, in milliseconds. */
const rememberedFor = 24 * 3_600_000;

/** The parts of the context that revoking a key uses. */
export type RevokingContext = ChangingContext & Pick<Context, 'profiles'>;

/**
 * Revokes a key, and removes its secret from this machine. Also succeeds if the key was listed moments ago but no longer exists.
 *
 * @param apiKey - the key as the API shows it, which finds a stored key without an ID
 */
export async function revokeKey(
  context: RevokingContext,
  id: string,
  name: string | undefined,
  apiKey?: string | null,
): Promise<void> {
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
  await forgetKey(context, { id, name, apiKey });
}

/** Returns whether a key is listed. If the list can't be read, it counts as listed. */
async function isListed(context: Pick<Context, 'connections'>, id: string): Promise<boolean> {
  try {
    const { keys } = await context.connections.looking();
    return judgeDelete(id, await keys.list()).outcome !== 'applied';
  } catch (error) {
    if (error instanceof CommandError) return true;
    throw error;
  }
}

/** A key that was revoked. */
export interface RevokedKey {
  readonly id: string;
  readonly name: string | null;
  readonly deleted: true;
}

/**
 * Returns a key that isn't listed and that an earlier command on this machine revoked, so that running the command again succeeds.
 *
 * @param typed - its id, its name, or the beginning of its id
 */
export async function revokedBefore(
  context: Pick<Context, 'clocks' | 'record'>,
  typed: string,
): Promise<RevokedKey | undefined> {
  const history = await context.record.history();
  const account = await context.record.account();
  const change = (await history.since(context.clocks.wall() - rememberedFor)).findLast(
    ({ account: { id }, intent, settled }) =>
      id === account.id &&
      intent.action === 'delete-key' &&
      (intent.id === typed || intent.name === typed || (isIdPrefix(typed) && intent.id.startsWith(typed))) &&
      settled?.outcome !== 'not_applied',
  );
  if (change?.intent.action !== 'delete-key') return undefined;
  const { id, name = null } = change.intent;
  if (isOpen(change)) await history.settle(change.id, { outcome: 'applied', by: 'look', ids: [id] });
  return { id, name, deleted: true };
}
