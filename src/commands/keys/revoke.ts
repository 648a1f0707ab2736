import { CommandError } from '../../domain/errors.ts';
import { judgeDelete } from '../../domain/reconcile.ts';
import { carryOut } from '../change.ts';
import type { Context } from '../context.ts';

/** Revokes one key; that it is gone already, though it was listed a moment ago, is no failure. */
export async function revokeKey(context: Context, id: string, name: string | undefined): Promise<void> {
  const { keys } = await context.api();
  await carryOut(context, {
    intent: { action: 'delete-key', id, name },
    before: {},
    send: async () => {
      try {
        await keys.delete(id);
      } catch (error) {
        if (!(error instanceof CommandError) || error.code !== 'not_found') throw error;
      }
    },
    ids: () => [id],
    look: async (api) => judgeDelete(id, await api.keys.list()),
    adopt: () => {},
    command: 'ci keys list',
  });
}
