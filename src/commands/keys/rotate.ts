import { randomBytes } from 'node:crypto';
import type { KeyContext } from '../../account/keys/create.ts';
import { keyLabel } from '../../account/keys/find.ts';
import { beginRotations, type NewRotation, type RotationOptions, whileClaimed } from '../../account/rotation/begin.ts';
import { chooseKeys } from '../../account/rotation/choose.ts';
import { keyChanges } from '../../account/rotation/key-changes.ts';
import { Account, requestLike } from '../../account/rotation/new-request.ts';
import { ownProgram, parseProgram } from '../../account/rotation/prove.ts';
import { labelOf, type RotationTools, type RunningRotation, worldOf } from '../../account/rotation/replace.ts';
import { errorOf, type FailedRotation, rotateKeys } from '../../account/rotation/rotate.ts';
import type { Rotation, RotationPlace } from '../../account/rotation/rotation.ts';
import { RotationFiles } from '../../account/rotation/rotation-files.ts';
import { isStoredAs, StoredReplacement } from '../../account/rotation/stored-replacement.ts';
import type { Destination } from '../../account/secrets/destination.ts';
import { SeveralDestinations } from '../../account/secrets/several-destinations.ts';
import { keyStoreOf, storedKeys } from '../../account/stored-keys/store.ts';
import type { Key } from '../../api/keys.ts';
import { refuseSecret } from '../../cli/key-name.ts';
import { durationOf, missingOption, settleOption, settlingOf } from '../../cli/options.ts';
import {
  destinationOf,
  forceOption,
  type SaveOptions,
  saveOption,
  storeOption,
  toOption,
  variableOption,
} from '../../cli/save-options.ts';
import { namesOf, ValueArgument, ValueOption } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import { workingDirectory } from '../../config/folders.ts';
import { accountLabel } from '../../config/settings.ts';
import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import { durationInWords, parseDuration } from '../../domain/duration.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import { isWholeKey, masked } from '../../domain/secrets.ts';
import type { StoredKey } from '../../domain/stored-key.ts';
import type { Column } from '../../output/output.ts';
import { factLines, inWords } from '../../output/text.ts';

export const fields = ['id', 'name', 'oldId', 'apiKey', 'savedTo', 'variable', 'rotated', 'failed'] as const;

/** The fields of one key. */
const keyFields = ['id', 'name', 'oldId', 'apiKey', 'savedTo', 'variable'] as const;

interface Flags extends SaveOptions {
  readonly pool?: string;
  /** Milliseconds. */
  readonly olderThan?: number;
  readonly resume?: true;
  /** The program that proves a key. */
  readonly prove?: string;
  /** Milliseconds, or the program that ends the overlap. */
  readonly overlap?: Rotation['overlap'];
  readonly allowGap?: true;
  readonly settle?: number;
}

/** Which keys `ci keys rotate` replaces, and how. */
export interface Options extends Flags {
  /** IDs, beginnings of IDs, or names. */
  readonly keys: readonly string[];
}

/** Declares `ci keys rotate`, which replaces API keys. */
export default function rotate(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      examples: [
        'ci keys rotate prod-api',
        'ci keys rotate prod-api --to github:acme/api@production --overlap 1h',
        'ci keys rotate --older-than 90d --store --yes',
        'ci keys rotate --resume',
      ],
    })
    .addArgument(new ValueArgument('[keys...]', 'IDs or names of the keys', namesOf('keys')))
    .addOption(new ValueOption('--pool <slug>', 'Rotate the keys of this pool', namesOf('pools')))
    .option('--older-than <age>', 'Rotate only keys of at least this age, such as 90d', durationOf('--older-than'))
    .option('--resume', 'Continue rotations that failed or were interrupted')
    .addOption(storeOption('Keep the new secret on this machine (default if the old one is)'))
    .addOption(saveOption('Write the new secret to this dotenv file'))
    .addOption(toOption())
    .addOption(variableOption('--save or --to'))
    .addOption(forceOption('--save'))
    .option('--prove <check>', 'Prove with command:PROGRAM that the new key works', (text: string) =>
      parseProgram(text, '--prove'),
    )
    .option('--overlap <time>', 'Keep the old key valid for this time, or until command:PROGRAM succeeds', parseOverlap)
    .option('--allow-gap', 'If a seat allows one key, revoke the old key first')
    .addOption(settleOption())
    .action((keys: string[], flags: Flags) => execute({ keys, ...flags }, context));
}

function parseOverlap(text: string): Rotation['overlap'] {
  if (text.startsWith('command:')) return parseProgram(text, '--overlap', 'a duration such as 1h');
  return parseDuration(text, '--overlap');
}

/** A key that was replaced. */
interface RotatedKey {
  readonly id: string;
  readonly name: string;
  readonly oldId: string;
  readonly apiKey: string | null;
  readonly savedTo: string | null;
  readonly variable: string | null;
}

/** Replaces keys by new ones, and revokes the old ones. */
export async function run(options: Options, context: KeyContext): Promise<void> {
  context.settling = settlingOf(options);
  checkOptions(options);
  if (!options.resume) context.prompts.requireConsent();
  const { client, keys } = await context.api();
  client.requireSignedIn();
  const files = new RotationFiles(context.record.folder, context.world.env);
  const { id: account } = await context.record.account();
  const before = files.of(account);
  if (options.resume && before.length === 0) {
    context.output.note('No rotation is unfinished.');
    return print(context, options, [], []);
  }
  const all = await keys.list();
  const stored = await storedKeys(context);
  const tools = toolsOf(context, files, all, stored);
  const chosen = options.resume
    ? { keys: [], begun: before }
    : await chooseKeys(context, all, before, choiceOf(options));
  const { fresh, failed } = await planned(context, tools, options, { keys: chosen.keys, stored });
  if (fresh.length === 0 && chosen.begun.length === 0) return conclude(context, options, tools, { done: [], failed });
  const settings: RotationOptions = {
    place: options.resume ? undefined : placeOf(context, options),
    proof: options.prove,
    overlap: options.overlap,
    allowsGap: options.allowGap,
  };
  requireRoom(settings.place, fresh.length + chosen.begun.length);
  checkPrograms(context, settings);
  if (!options.resume) await consent(context, tools, { fresh, begun: chosen.begun, settings });
  const claim = randomBytes(6).toString('hex');
  const result = await whileClaimed(context, claim, async () => {
    const work = { fresh, begun: chosen.begun, options: settings };
    const { running, busy } = await beginRotations(context, files, claim, work);
    const { done, failed: stopped } = await rotateKeys(context, tools, running);
    return { done, failed: [...failed, ...busy, ...stopped] };
  });
  await conclude(context, options, tools, result);
}

function choiceOf({ keys, pool, olderThan }: Options) {
  return { typed: keys, pool, olderThan };
}

function toolsOf(
  context: KeyContext,
  files: RotationFiles,
  all: readonly Key[],
  stored: readonly StoredKey[],
): RotationTools {
  return {
    files,
    changes: keyChanges(context),
    listed: new Map(all.map((key) => [key.id, key])),
    destinationOf: (rotation, force) => rotationDestination(context, rotation, force),
    async storedSecret(id) {
      const found = stored.find((key) => key.id === id);
      return found && (await keyStoreOf(context)).secretOf(found);
    },
  };
}

/** Returns where the secret of a new key goes. */
async function rotationDestination(
  context: KeyContext,
  { old, place, stale }: Pick<Rotation, 'old' | 'place' | 'stale'>,
  force: boolean,
): Promise<Destination> {
  const { clocks, connections, output, profiles, prompts, settings } = context;
  const here = {
    clocks,
    connections,
    output,
    profiles,
    prompts,
    settings,
    ...worldOf(context, { place }),
  };
  const variable = place.var === undefined ? {} : { var: place.var };
  const { save, to = [] } = place;
  const isForced = place.force || force;
  const all = [
    place.store && new StoredReplacement(await keyStoreOf(context), old, stale),
    save !== undefined && (await destinationOf(here, { save, ...variable, ...(isForced && { force: true }) })),
    // What such a place has can't be read. It is taken to be the old secret.
    to.length > 0 && (await destinationOf(here, { to, ...variable, force: true })),
  ].flatMap((each) => each || []);
  const [only] = all;
  return only && all.length === 1 ? only : new SeveralDestinations(all);
}

/** Returns the place that the options name; undefined if they name none. */
function placeOf(context: Pick<Context, 'world'>, options: Options): RotationPlace | undefined {
  const { save, store, to = [], var: variable, force } = options;
  if (save === undefined && !store && to.length === 0) return undefined;
  return {
    ...(store && { store }),
    ...(save !== undefined && { save }),
    ...(to.length > 0 && { to: [...to] }),
    ...(variable !== undefined && { var: variable }),
    ...(force && { force }),
    cwd: workingDirectory(context.world) ?? '/',
  };
}

/** Returns the requests for the new keys, and the keys that can't be replaced. @throws CommandError if there is only one */
async function planned(
  context: KeyContext,
  tools: RotationTools,
  options: Options,
  { keys, stored }: { readonly keys: readonly Key[]; readonly stored: readonly StoredKey[] },
): Promise<{ readonly fresh: readonly NewRotation[]; readonly failed: readonly FailedRotation[] }> {
  const named = placeOf(context, options);
  const isStored = (key: Key) => stored.some((each) => isStoredAs(each, key));
  const homeless = named ? [] : keys.filter((key) => !isStored(key));
  if (homeless.length > 0) throw withoutPlace(homeless);
  const place = named ?? { store: true as const, cwd: workingDirectory(context.world) ?? '/' };
  const account = new Account(context);
  const fresh: NewRotation[] = [];
  const failed: FailedRotation[] = [];
  for (const key of keys) {
    try {
      const secret = isWholeKey(key.apiKey) ? key.apiKey : await tools.storedSecret(key.id);
      fresh.push({ key, place, request: await requestLike(context, account, key, secret) });
    } catch (error) {
      if (!(error instanceof CommandError) || error.code === 'interrupted' || keys.length === 1) throw error;
      failed.push({ id: key.id, name: key.name ?? key.id, error });
    }
  }
  return { fresh, failed };
}

function withoutPlace(keys: readonly Key[]): CommandError {
  const what = keys.length === 1 ? `The old secret isn't` : `The old secrets of ${keys.length} keys aren't`;
  return usageError(
    `${what} stored on this machine, so the new place has to be named`,
    'Pass --save FILE, --to DESTINATION or --store.',
  ).with({ lines: keys.length === 1 ? [] : keys.slice(0, 20).map(keyLabel) });
}

/** Refuses to put the secrets of several keys in a place for one. */
function requireRoom(place: RotationPlace | undefined, count: number): void {
  const option = place?.save !== undefined ? '--save' : place?.to !== undefined ? '--to' : undefined;
  if (option === undefined || count < 2) return;
  throw usageError(
    `${option} takes the secret of one key, and ${count} keys would be rotated`,
    'Pass --store, or rotate one key at a time.',
  );
}

/** Checks that the programs of the options can be run, before anything is sent. */
function checkPrograms(context: Pick<Context, 'world'>, { proof, overlap }: RotationOptions): void {
  if (proof !== undefined) ownProgram(context, proof, "Can't prove the new key");
  if (typeof overlap === 'string') ownProgram(context, overlap, "Can't wait for the program");
}

/** Shows what will happen, and asks. */
async function consent(
  context: KeyContext,
  tools: RotationTools,
  {
    fresh,
    begun,
    settings,
  }: {
    readonly fresh: readonly NewRotation[];
    readonly begun: readonly Rotation[];
    readonly settings: RotationOptions;
  },
): Promise<void> {
  const { output, prompts } = context;
  const [first] = fresh;
  const [resumed] = begun;
  const place = first?.place ?? settings.place ?? resumed?.place;
  const old = first ? { id: first.key.id } : (resumed?.old ?? { id: '' });
  // Refuses a place that isn't valid.
  const destination = place && (await tools.destinationOf({ old, place, stale: [] }, false));
  if (!prompts.asksConsent) return;
  const { overlap = resumed?.overlap ?? 0, proof = resumed?.proof, allowsGap = resumed?.allowsGap } = settings;
  const keys = [
    ...fresh.map(({ key }) => keyLabel(key)),
    ...begun.map((each) => `${labelOf(each.old)}, begun earlier`),
  ];
  const shown = keys.slice(0, mostShown);
  const more = keys.length - shown.length;
  output.note(
    factLines([
      ...shown.map((key) => ['Key', key] as const),
      ...(more > 0 ? [['', `and ${more} more`] as const] : []),
      ['New secret', destination?.describe(1).shownAs ?? ''],
      ['Proof', proof === undefined ? 'the API accepts the new key' : `the program ${proof}`],
      ['Old key', `revoked ${overlapText(overlap)}`],
      ...(allowsGap
        ? [
            [
              'Gap',
              'If a seat allows one key, the old key is revoked first. Until the new one is delivered, no key works',
            ] as const,
          ]
        : []),
      ['Account', accountLabel(context.settings)],
    ]),
  );
  await prompts.consent(keys.length === 1 ? 'Rotate this key?' : `Rotate these ${keys.length} keys?`);
}

/** How many keys the confirmation names. */
const mostShown = 10;

function overlapText(overlap: Rotation['overlap']): string {
  if (typeof overlap === 'string') return `when the program ${overlap} succeeds`;
  return overlap === 0 ? 'right after the new one works' : `${durationInWords(overlap)} after the new one works`;
}

/** Prints what was done. @throws CommandError if something failed */
async function conclude(
  context: KeyContext,
  options: Options,
  tools: RotationTools,
  { done, failed }: { readonly done: readonly RunningRotation[]; readonly failed: readonly FailedRotation[] },
): Promise<void> {
  const error = errorOf({ done, failed });
  // The error says all there is to say.
  if (error && isOne(options)) throw error;
  const rotated: RotatedKey[] = [];
  for (const running of done) rotated.push(await rotatedKey(tools, running));
  await print(context, options, rotated, failed);
  if (error) throw error;
}

/** Returns whether one key was named, so that the result is that key. */
function isOne({ keys, olderThan }: Options): boolean {
  return keys.length === 1 && olderThan === undefined;
}

async function rotatedKey(tools: RotationTools, { now, secret }: RunningRotation): Promise<RotatedKey> {
  const { savedTo = null, variables = [] } = (await tools.destinationOf(now, false)).describe(1);
  return {
    id: now.newId ?? '',
    name: now.request.name,
    oldId: now.old.id,
    apiKey: secret === undefined ? null : masked(secret),
    savedTo,
    variable: variables[0] ?? null,
  };
}

async function print(
  { output }: Pick<Context, 'output'>,
  options: Options,
  rotated: readonly RotatedKey[],
  failed: readonly FailedRotation[],
): Promise<void> {
  const [first] = rotated;
  if (isOne(options) && first) {
    output.done(`Rotated key "${first.name}", and revoked ${first.oldId}.`);
    return output.record(first, { columns: shownColumns, fields: keyFields });
  }
  if (rotated.length > 0) output.done(`Rotated ${counted(rotated.length, 'key')}.`);
  const whole = {
    rotated,
    failed: failed.map(({ id, name, error: { code, message, hint = null, outcome = null } }) => ({
      id,
      name,
      error: { code, message, hint, outcome },
    })),
  };
  await output.list(rotated, { columns: shownColumns, fields, empty: '' }, whole);
}

/** Refuses options that contradict each other, before anything is sent. @throws CommandError (usage) */
function checkOptions(options: Options): void {
  const { keys, pool, olderThan, resume, save, to = [], store, var: variable, force } = options;
  if (keys.some((each) => each.trim() === ''))
    throw usageError('A key name is empty', 'Run `ci keys list` to see your keys.');
  for (const each of keys) refuseSecret(each);
  if (keys.length > 0 && pool !== undefined) throw usageError("Keys and --pool can't be combined", 'Pass one of them.');
  if (variable !== undefined && save === undefined && to.length === 0) throw missingOption('--var', '--save or --to');
  if (force && save === undefined) throw missingOption('--force', '--save');
  const printed = to.find((each) => each.startsWith('kubernetes-manifest'));
  if (printed !== undefined) {
    throw usageError(
      `"${printed}" prints the secret, which doesn't deliver it`,
      'Pass --to kubernetes:NAMESPACE/NAME instead.',
    );
  }
  if (!resume) return;
  const others = [
    ...(keys.length > 0 ? ['key names'] : []),
    ...(pool !== undefined ? ['--pool'] : []),
    ...(olderThan !== undefined ? ['--older-than'] : []),
    ...(store || save !== undefined || to.length > 0 ? ['a new place'] : []),
    ...(options.prove !== undefined ? ['--prove'] : []),
    ...(options.overlap !== undefined ? ['--overlap'] : []),
    ...(options.allowGap ? ['--allow-gap'] : []),
  ];
  if (others.length > 0) {
    throw usageError(
      `--resume can't be combined with ${inWords(others)}`,
      'It continues each rotation as it was begun. To change one, run `ci keys rotate NAME` with the new options.',
    );
  }
}

const shownColumns: readonly Column<RotatedKey>[] = [
  { field: 'id', header: 'ID', hasIds: true, value: ({ id }) => id },
  { field: 'name', header: 'Name', value: ({ name }) => name },
  { field: 'oldId', header: 'Old ID', hasIds: true, optional: 1, value: ({ oldId }) => oldId },
  { field: 'apiKey', header: 'Key', optional: 2, value: ({ apiKey }) => apiKey },
  { field: 'savedTo', header: 'Saved to', value: ({ savedTo }) => savedTo },
  { field: 'variable', header: 'Variable', optional: 3, value: ({ variable }) => variable },
];
