import { asClause, CommandError } from '../../domain/errors.ts';
import type { Rotation } from '../../state/rotation.ts';
import { labelOf, type RotationTools, type RunningRotation } from './replace.ts';

/** What to run to finish a rotation. */
const resume = 'Run `ci keys rotate --resume` to continue.';

/**
 * Returns the error of a rotation that stopped. Revokes a new key that nobody has, and ends the rotation if nothing is left to do:
 * the old key then stays as it is. Otherwise the rotation can be resumed.
 */
export async function stopped(
  tools: RotationTools,
  running: RunningRotation,
  error: CommandError,
): Promise<CommandError> {
  const { ids, isOpen } = tools.changes.createdFor(running.now);
  if (error.code === 'interrupted' && isUntouched(running.now) && ids.length === 0 && !isOpen) {
    await running.end();
    return error;
  }
  const mayRetract = error.outcome !== 'unknown' && error.code !== 'interrupted' && !isOpen && !running.now.hasGap;
  if (!mayRetract || !isUndelivered(running)) return resumable(running.now, error);
  const { newId, old, stale } = running.now;
  const left: string[] = [];
  for (const id of new Set([...(newId === undefined ? [] : [newId]), ...ids])) {
    if (id === old.id || stale.includes(id)) continue;
    try {
      await tools.changes.revoke({ id, name: running.now.request.name });
    } catch (failure) {
      if (!(failure instanceof CommandError)) throw failure;
      left.push(id);
    }
  }
  if (left.length > 0) {
    return resumable(running.now, error, `New key ${left.join(', ')} was not delivered, and couldn't be revoked.`);
  }
  if (stale.length > 0) {
    await running.save({ step: 'planned', newId: undefined });
    return resumable(running.now, error);
  }
  await running.end();
  return unchanged(running.now, error);
}

/** Returns whether nothing was sent for a rotation. */
function isUntouched({ step, stale, hasGap }: Rotation): boolean {
  return step === 'planned' && stale.length === 0 && !hasGap;
}

/**
 * Returns whether certainly nobody has the secret of the new key. A write that failed in the only place, on this machine, wrote nothing.
 * Another program may have failed after it stored the secret, and an earlier process may have delivered it.
 */
function isUndelivered({ now: { step, place }, mayBeDelivered }: RunningRotation): boolean {
  if (step !== 'delivering') return step === 'planned' || step === 'created';
  const { store, save, saveTo, to = [] } = place;
  const places = [store, save, saveTo].filter((each) => each !== undefined);
  return !mayBeDelivered && to.length === 0 && places.length === 1;
}

/** Returns the error of a rotation that ended. */
function unchanged({ old }: Rotation, error: CommandError): CommandError {
  return error.with({
    hint: [error.hint, `Key ${labelOf(old)} stays valid.`].filter(Boolean).join(' '),
    outcome: 'not_applied',
  });
}

/** Returns the error of a rotation that can be resumed. It says which key is which. @param left - what couldn't be cleaned up */
function resumable({ old, hasGap, newId, stale, step }: Rotation, error: CommandError, left?: string): CommandError {
  const isDelivered = step === 'delivered' || step === 'proven';
  const oldKey = hasGap
    ? isDelivered
      ? `Key ${labelOf(old)} was revoked, and new key ${newId} was delivered.`
      : `Key ${labelOf(old)} was revoked, and no new key was delivered: no key works now.`
    : `Key ${labelOf(old)} stays valid.`;
  const newKey =
    newId === undefined || hasGap || left !== undefined
      ? undefined
      : isDelivered
        ? `New key ${newId} was delivered.`
        : `New key ${newId} may have been delivered.`;
  const setAside = stale.length > 0 ? `Revoked at the end: ${stale.join(', ')}.` : undefined;
  const isStarted = newId !== undefined || hasGap || stale.length > 0 || left !== undefined;
  return error.with({
    hint: [hintOf(error), oldKey, newKey, left, setAside, resume].filter(Boolean).join(' '),
    outcome: error.outcome === 'unknown' ? 'unknown' : isStarted ? 'applied' : error.outcome,
    retryable: false,
  });
}

/** Returns the hint of an error, unless it says how to find the outcome or to retry, which resuming does. */
function hintOf({ hint, outcome, code }: CommandError): string | undefined {
  return outcome === 'unknown' || code === 'secret_lost' ? undefined : hint;
}

/** Returns the error for several rotations if some of them failed. */
export function severalFailed(
  failed: readonly { readonly name: string; readonly id: string; readonly error: CommandError }[],
  total: number,
): CommandError {
  const [first] = failed;
  if (!first) throw new RangeError('no rotation failed');
  const unknown = failed.find(({ error }) => error.outcome === 'unknown');
  const interrupted = failed.find(({ error }) => error.code === 'interrupted');
  const isResumable = failed.some(({ error }) => error.hint?.includes(resume));
  const code = interrupted ? 'interrupted' : unknown ? 'outcome_unknown' : 'partly_failed';
  const applied = failed.length < total || failed.some(({ error }) => error.outcome === 'applied');
  return new CommandError(code, `${failed.length} of ${total} keys weren't rotated`, {
    lines: failed.map(({ name, id, error }) => `${name} (${id}): ${asClause(error.message)}`),
    hint: `${isResumable ? `${resume} ` : ''}These failed:`,
    outcome: unknown ? 'unknown' : applied ? 'applied' : 'not_applied',
  });
}
