import { KeyChanges } from '../account/bulk/key-changes.ts';
import { KeyCreation } from '../account/bulk/key-creation.ts';
import type { KeyLimits, KeyRow } from '../account/bulk/key-rows.ts';
import { recordedCreations } from '../account/bulk/recorded-creations.ts';
import type { PaceLimits } from '../account/bulk/request-pace.ts';
import { runRows } from '../account/bulk/row-runner.ts';
import type { SecretsFile } from '../account/bulk/secrets-file.ts';
import type { KeyContext } from '../account/keys/create.ts';
import type { NewRotation } from '../account/rotation/begin.ts';
import { Account, requestLike } from '../account/rotation/new-request.ts';
import { rotationTools } from '../account/rotation/rotation-tools.ts';
import { runRotations, unfinishedRotations } from '../account/rotation/run-rotations.ts';
import type { Destination } from '../account/secrets/destination.ts';
import { forgetKey, readStoredKeys, storedKeys } from '../account/stored-keys/store.ts';
import type { Key } from '../api/keys.ts';
import { workingDirectory } from '../config/folders.ts';
import type { Context } from '../context/context.ts';
import type { CreateKeyStep, PlanStep, RevokeKeyStep, RotateKeyStep } from '../domain/account-plan.ts';
import type { DesiredKey } from '../domain/desired-account.ts';
import { CommandError } from '../domain/errors.ts';
import { isWholeKey } from '../domain/secrets.ts';
import type { Rotation, RotationPlace } from '../state/rotation.ts';
import { type FetchedAccount, fetchAccount } from './current-account.ts';
import { SeatChoice } from './seat-choice.ts';
import type { StepResults } from './step-results.ts';

/** How many keys are created, replaced or revoked at a time. */
const concurrency = 8;
const pace: PaceLimits = { concurrency };

/** What the keys of a plan are changed with. */
export interface KeyOptions {
  /** The file for the secrets of keys that name no destination, as the user named it, and opened. */
  readonly saveTo: { readonly name: string; readonly file: SecretsFile } | undefined;
  /** Returns the destination that a key names. @param force - whether to replace another secret there @throws CommandError (usage) */
  readonly destinationOf: (to: string, force: boolean) => Promise<Destination>;
}

/** The steps of a plan that change keys. */
export interface KeySteps {
  readonly creations: readonly CreateKeyStep[];
  readonly rotations: readonly RotateKeyStep[];
  readonly revocations: readonly RevokeKeyStep[];
}

/**
 * Creates, then rotates, then revokes keys. A key that fails doesn't stop the others.
 *
 * @param reserved - the IDs of the subscriptions that were just reserved
 */
export async function changeKeys(
  context: KeyContext,
  { creations, rotations, revocations }: KeySteps,
  options: KeyOptions,
  { results, reserved }: { readonly results: StepResults; readonly reserved: ReadonlySet<string> },
): Promise<void> {
  await phase(results, creations, async () => {
    await context.record.exclusively('keys', async () => {
      const account = await fetchAccount(context);
      const seats = new SeatChoice({ ...account, reserved });
      await createKeys(context, creations, options, { results, seats });
    });
  });
  await phase(results, rotations, async () => {
    const account = await fetchAccount(context);
    const seats = new SeatChoice({ ...account, reserved });
    await rotate(context, rotations, options, { results, seats, account });
  });
  await phase(results, revocations, () =>
    context.record.exclusively('keys', () => revokeKeys(context, revocations, results)),
  );
}

/** Does what some steps say. A failure that isn't of one of them is that of the first that wasn't begun, and ends everything. */
async function phase(results: StepResults, steps: readonly PlanStep[], work: () => Promise<void>): Promise<void> {
  if (steps.length === 0 || results.end) return;
  try {
    await work();
  } catch (error) {
    if (!(error instanceof CommandError && results.stopAt(steps, error))) throw error;
  }
}

/** What steps that need a seat work with. */
interface Seats {
  readonly results: StepResults;
  readonly seats: SeatChoice;
}

async function createKeys(
  context: KeyContext,
  steps: readonly CreateKeyStep[],
  { saveTo, destinationOf }: KeyOptions,
  { results, seats }: Seats,
): Promise<void> {
  const { unfinished } = await recordedCreations(context);
  const stepOf = new Map<string, CreateKeyStep>();
  const rows: KeyRow[] = [];
  const ids = new Map<string, string>();
  for (const step of steps) {
    const { key } = step;
    const name = key.name.trim();
    try {
      const id = seats.choose(key, unfinished.get(name)?.at(-1)?.intent.subscriptionId);
      if (id !== undefined) ids.set(id, id);
      rows.push(rowOf(key, id));
      stepOf.set(name, step);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      results.fail(step, error);
    }
  }
  if (rows.length === 0) return;
  const creation = await KeyCreation.open(context, {
    names: new Set(stepOf.keys()),
    limits: pace,
    seats: ids,
    secrets: saveTo?.file,
    destinationOf,
  });
  const { failed, warnings, unsaved, end } = await creation.run({
    rows,
    count: rows.length,
    shares: ({ seat }) => (seat && 'subscription' in seat ? seat.subscription : undefined),
    onEnd({ name }, _how, id) {
      const step = stepOf.get(name);
      if (step) results.applied(step, { ids: id === undefined ? [] : [id] });
    },
  });
  for (const { name, error } of failed) {
    const step = stepOf.get(name);
    if (step) results.fail(step, adapted(error));
  }
  for (const warning of warnings) context.output.note(warning);
  for (const name of unsaved)
    context.output.note(`Key "${name}" exists by now. ${saveTo?.file.name} doesn't have its secret.`);
  if (end) results.stopAt(steps, end);
}

/** Rethrows an error. One about a secret that would be replaced says what to do without `--force`. */
export function withoutForce(error: unknown): never {
  throw error instanceof CommandError ? adapted(error) : error;
}

function adapted(error: CommandError): CommandError {
  if (error.code !== 'confirmation_required') return error;
  return error.with({ hint: 'Remove what is there, or name another destination in the file.' });
}

/** Returns a key as the row of a file says it. */
function rowOf({ name, maxBudget, rpm, tpm, to, place }: DesiredKey, subscription: string | undefined): KeyRow {
  return {
    line: place.line,
    name: name.trim(),
    seat: subscription === undefined ? undefined : { subscription },
    limits: limitsOf({ maxBudget, rpm, tpm }),
    to,
    values: new Map(),
  };
}

async function rotate(
  context: KeyContext,
  steps: readonly RotateKeyStep[],
  options: KeyOptions,
  { results, seats, account }: Seats & { readonly account: FetchedAccount },
): Promise<void> {
  const stored = await storedKeys(context);
  const unfinished = await unfinishedRotations(context);
  const { begun } = unfinished;
  const tools = await rotationTools(context, { begun, keys: account.keys, stored }, pace);
  const stepOf = new Map<string, RotateKeyStep>();
  const fresh: NewRotation[] = [];
  const requests = new Account(context);
  for (const step of steps) {
    try {
      const key = tools.listed.get(step.id);
      if (!key || key.isActive === false) throw gone(step);
      const place = placeOf(context, step.key, options);
      const secret = isWholeKey(key.apiKey) ? key.apiKey : await tools.storedSecret(key.id, place);
      fresh.push({ key, place, request: await newRequest(context, step.key, { key, secret, seats, requests }) });
      stepOf.set(key.id, step);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      results.fail(step, error);
    }
  }
  const work = { fresh, begun: [], options: {} };
  const { done, failed } = await runRotations(context, work, {
    unfinished,
    tools,
    readAgain: async () => {
      const { keys } = await fetchAccount(context);
      return rotationTools(context, { begun: (await unfinishedRotations(context)).begun, keys, stored }, pace);
    },
    isTogether: false,
  });
  for (const { now } of done) {
    const step = stepOf.get(now.old.id);
    if (step) results.applied(step, { ids: now.newId === undefined ? [] : [now.newId] });
  }
  for (const { id, error } of failed) {
    const step = stepOf.get(id);
    if (step) results.fail(step, error);
  }
  if (done.some(({ now }) => now.place.store)) await readStoredKeys(context);
}

/** Returns the request for a key as the file says it. What the file leaves out stays as it is. */
async function newRequest(
  context: Pick<Context, 'api'>,
  desired: DesiredKey,
  {
    key,
    secret,
    seats,
    requests,
  }: { readonly key: Key; readonly secret: string | undefined; readonly seats: SeatChoice; readonly requests: Account },
): Promise<Rotation['request']> {
  const name = desired.name.trim();
  const subscriptionId = seats.choose(desired);
  if (subscriptionId !== undefined) return { name, subscriptionId };
  const { maxBudget, rpm, tpm } = desired;
  const asked = limitsOf({ maxBudget, rpm, tpm });
  if (key.keyType === 'subscription') return { name, credit: true, ...asked };
  const stated = limitsOf({ maxBudget: key.maxBudget, rpm: key.rpm, tpm: key.tpm });
  const isKnown = (['maxBudget', 'rpm', 'tpm'] as const).every(
    (limit) => desired[limit] !== undefined || key[limit] !== undefined,
  );
  if (isKnown) return { name, credit: true, ...stated, ...asked };
  return { ...(await requestLike(context, requests, key, secret, asked)), name, credit: true, ...asked };
}

/** Returns the limits that are set. */
function limitsOf(limits: { readonly [Limit in keyof KeyLimits]: KeyLimits[Limit] | null }): {
  maxBudget?: number;
  rpm?: number;
  tpm?: number;
} {
  const { maxBudget, rpm, tpm } = limits;
  return {
    ...(maxBudget != null && { maxBudget }),
    ...(rpm != null && { rpm }),
    ...(tpm != null && { tpm }),
  };
}

/** Returns the place of the new secret of a key. Without any other, it is stored where the old one is. */
function placeOf(
  { world }: Pick<Context, 'world'>,
  { to }: Pick<DesiredKey, 'to'>,
  { saveTo }: Pick<KeyOptions, 'saveTo'>,
): RotationPlace {
  const cwd = workingDirectory(world) ?? '/';
  if (to !== undefined) return { to: [to], cwd };
  return saveTo === undefined ? { store: true, cwd } : { saveTo: saveTo.name, cwd };
}

async function revokeKeys(context: KeyContext, steps: readonly RevokeKeyStep[], results: StepResults): Promise<void> {
  const changes = await KeyChanges.open(context, pace);
  const stored = new Set((await storedKeys(context)).flatMap(({ id, name }) => [...(id ? [id] : []), name]));
  await runRows(steps, {
    places: 2 * concurrency,
    hasEnded: () => changes.end !== undefined,
    async work(step) {
      const { id, name } = step;
      try {
        await changes.revoke({ id, name });
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        if (error !== changes.end) results.fail(step, error);
        return;
      }
      results.applied(step, { ids: [id] });
      if (stored.has(id) || stored.has(name)) await forgetKey(context, { id, name });
    },
  });
  if (changes.end) results.stopAt(steps, changes.end);
}

function gone({ key: { name }, id }: RotateKeyStep): CommandError {
  return new CommandError('not_found', `Key "${name}" (${id}) was revoked in the meantime`, {
    hint: 'Run `ci apply` again to create it.',
    outcome: 'not_applied',
  });
}
