import type { Rotation, RotationPlace } from '../../state/rotation.ts';
import type { SharedRotation } from '../../state/rotation-store.ts';

/** Matches destinations that are the same from every machine. Others depend on its files, or on the directory. */
const sharedDestination = /^(?:github|fly|cloudflare|kubernetes):/;

/** Returns whether a place is one of the machine that named it. */
function isOfMachine({ store, save, saveTo, to = [] }: RotationPlace): boolean {
  return (
    store === true || save !== undefined || saveTo !== undefined || !to.every((each) => sharedDestination.test(each))
  );
}

/**
 * Returns whether a rotation stays with the machine that began it, because only that one has its files or programs, and the command
 * names no others.
 *
 * @param place - that the command names for it
 */
export function staysThere(
  { rotation, host }: SharedRotation,
  { proof, overlap }: { readonly proof?: string | undefined; readonly overlap?: Rotation['overlap'] | undefined },
  place: RotationPlace | undefined,
): boolean {
  if (host === undefined) return false;
  const needsProof = rotation.step !== 'proven' && rotation.proof !== undefined && proof === undefined;
  const needsProgram = typeof rotation.overlap === 'string' && overlap === undefined;
  return needsProof || needsProgram || (isOfMachine(rotation.place) && place === undefined);
}

/**
 * Returns what changes in a rotation that another machine began. A new key that was delivered there, but isn't proven, is delivered
 * again, because its secret may be lost with that machine.
 *
 * @param place - that the command names for it
 * @param cwd - the directory of this process
 */
export function broughtHere(rotation: Rotation, place: RotationPlace | undefined, cwd: string): Partial<Rotation> {
  const { step } = rotation;
  if (step === 'proven') return {};
  const moved = { place: place ?? { ...rotation.place, cwd } };
  return step === 'delivered' && place !== undefined ? { ...moved, step: 'delivering' } : moved;
}
