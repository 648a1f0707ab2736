import { randomBytes } from 'node:crypto';
import type { CreatedKey } from '../../api/keys.ts';
import { asClause, CommandError } from '../../domain/errors.ts';
import type { RecordedChange } from '../../state/change-log.ts';
import { longestLookBack } from '../../state/look-back.ts';
import { isRunning } from '../../state/process.ts';
import type { ChangingContext } from '../changes/carry-out.ts';
import { programOf } from '../program.ts';
import { createKey, type KeyContext, type KeyRequest } from './create.ts';
import { findKey } from './find.ts';
import { type RevokingContext, revokeKey } from './revoke.ts';

/** The age at which a key of another machine, or from before a restart, counts as left behind, in milliseconds. */
const abandonedAfter = 24 * 3_600_000;

/** Returns a name for a temporary key that no other key has. */
export function temporaryName(): string {
  return `ci-run-${randomBytes(4).toString('hex')}`;
}

/**
 * Creates a key, does something with it, and revokes it, also if that failed. The record finds keys that weren't revoked because the
 * process was killed: see {@link leftBehind}.
 *
 * @throws CommandError if the key can't be created
 */
export async function withTemporaryKey<Result>(
  context: KeyContext,
  request: KeyRequest & { readonly name: string },
  work: (key: CreatedKey) => Promise<Result>,
): Promise<Result> {
  let key: CreatedKey;
  try {
    // Its secret isn't kept, because nobody needs it after this command.
    key = await createKey(context, request, () => {}, { isTemporary: true });
  } catch (error) {
    if (!(error instanceof CommandError) || error.outcome !== 'applied') throw error;
    const isRevoked = await revoke(context, undefined, request.name);
    throw isRevoked ? error.with({ hint: 'The key was revoked. Try again.', outcome: 'not_applied' }) : error;
  }
  try {
    return await work(key);
  } finally {
    await revoke(context, key.id, request.name);
  }
}

/**
 * Revokes a temporary key. If that fails, prints a note that says how to revoke it, and continues.
 *
 * @returns whether it was revoked
 * @param id - looked up by the name, which is unique, if undefined
 */
async function revoke(context: RevokingContext, id: string | null | undefined, name: string): Promise<boolean> {
  try {
    await revokeKey(context, id ?? (await idOf(context, name)), name);
    return true;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const reason = asClause(error.message);
    context.output.note(
      `Warning: the temporary key ${name} may still be valid: ${reason}. Run \`${programOf(context)} keys delete ${id ?? name}\`.`,
    );
    return false;
  }
}

async function idOf(context: RevokingContext, name: string): Promise<string> {
  const { keys } = await context.connections.looking();
  return findKey(await keys.list(), name).id;
}

/** A temporary key that its command didn't revoke. */
export interface KeyLeftBehind {
  readonly id: string;
  readonly name: string;
  /** When it was created, RFC 3339. */
  readonly at: string;
  /** Whether its process has certainly ended. That of another machine, or from before a restart, can't be checked. */
  readonly hasEnded: boolean;
}

/** Returns the temporary keys of the account that are still active although the commands that created them have ended. */
export async function leftBehind(context: ChangingContext): Promise<KeyLeftBehind[]> {
  const history = await context.record.history();
  const account = await context.record.account();
  const now = context.clocks.wall();
  const changes = (await history.since(now - longestLookBack)).filter(({ account: { id } }) => id === account.id);
  const created = changes.flatMap((change) => keyLeftIn(change, now) ?? []);
  if (created.length === 0) return [];
  const { keys } = await context.connections.looking();
  const active = new Set((await keys.list()).filter(({ isActive }) => isActive !== false).map(({ id }) => id));
  return created.filter(({ id }) => active.has(id));
}

function keyLeftIn({ at, intent, process, settled }: RecordedChange, now: number): KeyLeftBehind | undefined {
  if (intent.action !== 'create-key' || !intent.temporary || settled?.outcome !== 'applied') return undefined;
  const running = isRunning(process);
  const mayRun = running ?? now - Date.parse(at) < abandonedAfter;
  const [id] = settled.ids;
  return mayRun || id === undefined ? undefined : { id, name: intent.name ?? id, at, hasEnded: running === false };
}
