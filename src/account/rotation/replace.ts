import type { Key } from '../../api/keys.ts';
import type { Context } from '../../context/context.ts';
import type { World } from '../../context/world.ts';
import { CommandError } from '../../domain/errors.ts';
import { isWholeKey } from '../../domain/secrets.ts';
import { shellWord } from '../../domain/shell-word.ts';
import { maskInLog } from '../../output/workflow-commands.ts';
import type { Rotation, RotationPlace } from '../../state/rotation.ts';
import type { RotationStore } from '../../state/rotation-store.ts';
import { secretOf } from '../keys/find.ts';
import type { Destination } from '../secrets/destination.ts';
import { proveKey, proveWithProgram } from './prove.ts';
import type { RotationKeys } from './rotation-keys.ts';
import { isSecondKeyRefused } from './second-key.ts';

/** The parts of the context that a rotation uses. */
export type RotationContext = Pick<
  Context,
  'api' | 'clocks' | 'connections' | 'output' | 'progress' | 'record' | 'result' | 'world'
>;

/** What all rotations of a command share. */
export interface RotationTools {
  readonly changes: Pick<RotationKeys, 'create' | 'createdFor' | 'end' | 'mayBeRevoked' | 'revoke'>;
  /** How many keys are replaced at a time. */
  readonly concurrency: number;
  /** The keys of the account by their ids, as they were at the start of the command. */
  readonly listed: ReadonlyMap<string, Key>;
  /** Returns where the secret goes. @param force - whether to replace any other secret there @throws CommandError (usage) */
  readonly destinationOf: (rotation: Pick<Rotation, 'old' | 'place' | 'stale'>, force: boolean) => Promise<Destination>;
  /** Returns the secret of a key if it is stored on this machine, or in the file of its place. */
  readonly storedSecret: (id: string, place: RotationPlace) => Promise<string | undefined>;
}

/** A rotation that this process works on. Each step is stored before the next one begins. */
export class RunningRotation {
  /** The secret of the new key, if this process knows it. */
  secret: string | undefined;
  /** Whether its destination may have the secret of the new key: it can be replaced without asking, and the key must stay valid. */
  mayBeDelivered = false;
  /** Whether this process began it, so that no earlier one created a key for it. */
  readonly isNew: boolean;
  /** The host name of the machine that has the files of its place, if that is another one. */
  readonly host: string | undefined;
  #rotation: Rotation;
  readonly #store: RotationStore;

  constructor(
    rotation: Rotation,
    store: RotationStore,
    { isNew = false, host }: { readonly isNew?: boolean; readonly host?: string | undefined } = {},
  ) {
    this.isNew = isNew;
    this.host = host;
    this.#rotation = rotation;
    this.#store = store;
  }

  get now(): Rotation {
    return this.#rotation;
  }

  /** Stores what has changed. @throws CommandError (file_error), (state_unreachable), (busy) */
  async save(changes: Partial<Rotation>): Promise<void> {
    const next = { ...this.#rotation, ...changes };
    await this.#store.save(next);
    this.#rotation = next;
  }

  /** Sets the new key aside, because its secret isn't known: it is revoked at the end, since it may have been delivered. */
  async setAside(): Promise<void> {
    const { newId, stale } = this.#rotation;
    const aside = newId === undefined ? stale : [...stale, newId];
    await this.save({ step: 'planned', newId: undefined, provenAt: undefined, stale: aside });
    this.secret = undefined;
  }

  /** Removes what is stored: the rotation is over. @throws CommandError (state_unreachable) */
  async end(): Promise<void> {
    await this.#store.remove(this.#rotation);
  }

  /** Gives the rotation up, because it failed. If that can't be stored, other machines wait until this process has ended. */
  async giveUp(): Promise<void> {
    await this.#store.shared?.stop(this.#rotation).catch(() => {});
  }
}

/**
 * Creates the new key of a rotation, delivers it, and proves that it works, from the step that the rotation has reached. The old key
 * stays valid, unless the API refuses a second one and the user agreed to a gap.
 *
 * By default, the key is proven before it is delivered, so that one that doesn't work never replaces one that does. A program of the
 * user's proves it afterward, because it may test what uses the key.
 *
 * @throws CommandError; the step says what was done
 */
export async function replaceKey(context: RotationContext, tools: RotationTools, running: RunningRotation) {
  if (running.now.step === 'delivering' || running.now.step === 'delivered') await recover(context, tools, running);
  if (running.now.step !== 'delivered' && running.now.step !== 'proven')
    await createAndDeliver(context, tools, running);
  const { step, proof } = running.now;
  if (step !== 'delivered' || running.secret === undefined) return;
  if (proof === undefined) await proveKey(context, running.secret);
  else {
    const { newId: id, request } = running.now;
    const key = { secret: running.secret, id, name: request.name };
    await proveWithProgram(worldOf(context, running.now), proof, key).catch(sayHowToProve(running.now));
  }
  await running.save({ step: 'proven', provenAt: context.clocks.wall() });
}

/** Finds the secret of a new key that may have been delivered, or was. Without it, another key has to be created. */
async function recover(context: RotationContext, tools: RotationTools, running: RunningRotation): Promise<void> {
  const { newId } = running.now;
  const secret = newId === undefined ? undefined : await knownSecret(context, tools, running.now, newId);
  if (secret === undefined) return await running.setAside();
  running.secret = secret;
  // Delivering it again changes nothing if it was delivered.
  running.mayBeDelivered = true;
}

/** Returns the secret of a new key that an earlier process created, if the API shows it or it is stored on this machine. */
async function knownSecret(
  context: RotationContext,
  tools: RotationTools,
  { place }: Rotation,
  id: string,
): Promise<string | undefined> {
  const key = tools.listed.get(id);
  // It was revoked in the meantime, or may be any moment.
  if (!key || key.isActive === false || tools.changes.mayBeRevoked(id)) return undefined;
  return (await tools.storedSecret(id, place)) ?? secretOf(await context.connections.looking(), key);
}

async function createAndDeliver(
  context: RotationContext,
  tools: RotationTools,
  running: RunningRotation,
): Promise<void> {
  const { old } = running.now;
  requireOld(tools, running);
  const isReplaceable = running.mayBeDelivered || running.now.stale.length > 0;
  const destination = await tools.destinationOf(running.now, isReplaceable);
  const existing = tools.listed.get(old.id);
  const secret = isWholeKey(existing?.apiKey) ? existing?.apiKey : await tools.storedSecret(old.id, running.now.place);
  const reservation = await destination.prove({ count: 1, replaced: secret ?? undefined });
  try {
    await createNew(context, tools, running);
    await deliver(context, destination, running);
  } finally {
    await reservation.release();
  }
}

/** Refuses to replace a key that someone has revoked, before the new one could have been delivered. */
function requireOld({ listed }: RotationTools, { mayBeDelivered, now }: RunningRotation): void {
  const { old, hasGap, stale } = now;
  if (hasGap || mayBeDelivered || stale.length > 0 || listed.has(old.id)) return;
  throw new CommandError('not_found', `Key ${labelOf(old)} was revoked in the meantime, so it isn't replaced`, {
    outcome: 'not_applied',
  });
}

/** Creates the new key, unless an earlier process did and its secret is still known. */
async function createNew(context: RotationContext, tools: RotationTools, running: RunningRotation): Promise<void> {
  if (running.secret !== undefined) return;
  const { changes } = tools;
  const { newId, old, stale } = running.now;
  const { ids } = running.isNew ? { ids: [] } : changes.createdFor(running.now);
  for (const id of new Set([...(newId === undefined ? [] : [newId]), ...ids])) {
    if (id === old.id || stale.includes(id)) continue;
    if (!(await adopted(context, tools, running, id))) await changes.revoke({ id, name: running.now.request.name });
  }
  if (running.secret !== undefined) return;
  if (running.now.step === 'created') await running.save({ step: 'planned', newId: undefined });
  const { id, apiKey } = await changes.create(running.now).catch(async (error: unknown) => {
    if (!(error instanceof CommandError) || !isSecondKeyRefused(error, running.now)) throw error;
    if (!running.now.allowsGap) throw oneKeyOnly(error);
    await running.save({ hasGap: true });
    await revokeOthers(tools, running);
    return changes.create(running.now);
  });
  // Revoking the old key would revoke the new one.
  if (id === old.id) throw sameKey(old);
  maskInLog(context.world, [apiKey]);
  running.secret = apiKey;
  await running.save({ step: 'created', newId: id });
}

/** Takes a key that an earlier process created, and that nobody has, as the new key. @returns whether its secret is known */
async function adopted(
  context: RotationContext,
  tools: RotationTools,
  running: RunningRotation,
  id: string,
): Promise<boolean> {
  if (running.secret !== undefined) return false;
  running.secret = await knownSecret(context, tools, running.now, id);
  if (running.secret === undefined) return false;
  await running.save({ step: 'created', newId: id });
  return true;
}

/** Revokes the old key, and new ones that were set aside, before another is created. */
async function revokeOthers({ changes, listed }: RotationTools, running: RunningRotation): Promise<void> {
  const { old, request, stale } = running.now;
  await changes.revoke({ ...old, apiKey: listed.get(old.id)?.apiKey });
  for (const id of stale) await changes.revoke({ id, name: request.name });
  await running.save({ stale: [] });
}

/** Proves the new key, unless a program does that later, and writes its secret to its destination. */
async function deliver(context: RotationContext, destination: Destination, running: RunningRotation): Promise<void> {
  const { secret } = running;
  const { hasGap, newId, proof, request } = running.now;
  if (secret === undefined) return;
  // In a gap, a key that may work later is better than none.
  const isProven = proof === undefined && !hasGap;
  if (isProven) await proveKey(context, secret);
  await running.save({ step: 'delivering' });
  const subscriptionId = 'credit' in request ? undefined : request.subscriptionId;
  await destination.write([{ id: newId, name: request.name, subscriptionId, apiKey: secret }]);
  await running.save(isProven ? { step: 'proven', provenAt: context.clocks.wall() } : { step: 'delivered' });
}

/** Returns the world in which relative paths start where the command was run that began a rotation. */
export function worldOf(
  { world }: Pick<Context, 'world'>,
  { place }: { readonly place: Pick<RotationPlace, 'cwd'> },
): Pick<Context, 'world'> {
  // Not a copy, because the directory of this process may have been removed, which reading it reports.
  const moved: World = Object.create(world, { cwd: { value: place.cwd, enumerable: true } });
  return { world: moved };
}

/** Returns a function that adds how to use another program to the error of one that doesn't prove a key. */
function sayHowToProve({ old: { id, name = id } }: Rotation): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof CommandError) || error.code === 'interrupted') throw error;
    const other = `To prove it with another program, run \`ci keys rotate ${shellWord(name)} --prove command:PROGRAM\`.`;
    throw error.with({ hint: [error.hint, other].filter(Boolean).join(' ') });
  };
}

/** Returns a key in a few words: its name and its id. */
export function labelOf({ id, name }: Rotation['old']): string {
  return name === undefined ? id : `"${name}" (${id})`;
}

function sameKey(old: Rotation['old']): CommandError {
  return new CommandError('unexpected_response', `The API returned key ${labelOf(old)} instead of a new one`, {
    outcome: 'unknown',
  });
}

function oneKeyOnly(error: CommandError): CommandError {
  return error.with({
    message: `The API refused a second key for the subscription: ${error.message}`,
    hint: 'If it allows one active key, pass --allow-gap to revoke the old key first. Until the new one is delivered, no key works.',
  });
}
