import { randomBytes } from 'node:crypto';
import { RowFile } from '../../account/bulk/row-file.ts';
import type { KeyContext } from '../../account/keys/create.ts';
import { beginRotations, type NewRotation, type RotationOptions, whileClaimed } from '../../account/rotation/begin.ts';
import { chooseKeys, missingKeys } from '../../account/rotation/choose.ts';
import { agreeToRotate } from '../../account/rotation/consent.ts';
import { Account, requestLike } from '../../account/rotation/new-request.ts';
import { ownProgram, parseProgram } from '../../account/rotation/prove.ts';
import type { RotationTools, RunningRotation } from '../../account/rotation/replace.ts';
import { errorOf, type FailedRotation, rotateKeys } from '../../account/rotation/rotate.ts';
import { RotationFiles } from '../../account/rotation/rotation-files.ts';
import { type RotationRow, rotationRows, rowsByKey } from '../../account/rotation/rotation-rows.ts';
import { rotationTools } from '../../account/rotation/rotation-tools.ts';
import { isStoredAs } from '../../account/rotation/stored-replacement.ts';
import { readStoredKeys, storedKeys } from '../../account/stored-keys/store.ts';
import type { Key } from '../../api/keys.ts';
import { concurrencyOption, defaultConcurrency, fromOption, rateOption, saveToOption } from '../../cli/bulk-options.ts';
import { durationOf, settleOption } from '../../cli/options.ts';
import { forceOption, saveOption, storeOption, toOption, variableOption } from '../../cli/save-options.ts';
import { namesOf, ValueArgument, ValueOption } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import { workingDirectory } from '../../config/folders.ts';
import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import { CommandError } from '../../domain/errors.ts';
import { isWholeKey, masked } from '../../domain/secrets.ts';
import type { StoredKey } from '../../domain/stored-key.ts';
import type { Column } from '../../output/output.ts';
import { checkOptions, parseOverlap, type RotateFlags, type RotateOptions } from './rotate-options.ts';
import { placeOf, placeOfRow, requireRoom, withoutPlace } from './rotation-place.ts';

export const fields = ['id', 'name', 'oldId', 'apiKey', 'savedTo', 'variable', 'rotated', 'failed'] as const;

/** The fields of one key. */
const keyFields = ['id', 'name', 'oldId', 'apiKey', 'savedTo', 'variable'] as const;

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
        'ci keys rotate --from customers.csv --save-to secrets.ndjson --yes',
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
    .addOption(fromOption('Rotate the keys of this CSV or NDJSON file'))
    .addOption(saveToOption('Append the new secrets to this NDJSON or CSV file'))
    .addOption(concurrencyOption('The most keys at a time'))
    .addOption(rateOption('The most requests per second'))
    .addOption(settleOption('How long to check for a change if the response is lost (default: until it is certain)'))
    .action((keys: string[], flags: RotateFlags) => execute({ keys, ...flags }, context));
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
export async function run(options: RotateOptions, context: KeyContext): Promise<void> {
  checkOptions(options);
  const { output } = context;
  output.checkFields(isOne(options) ? keyFields : output.hasColumns ? fields : ['rotated', 'failed']);
  const file = options.from === undefined ? undefined : await RowFile.read(context.world, options.from);
  const rows = file && (await rotationRows(file, await destinationParser(context, options)));
  const isOpenChoice = options.keys.length === 0 && options.pool === undefined && options.olderThan === undefined;
  if (!options.resume && !file && isOpenChoice) context.prompts.requirePrompt(missingKeys);
  if (!options.resume) context.prompts.requireConsent();
  const { client, keys } = await context.api();
  client.requireSignedIn();
  // Without rows, there is nothing to choose from. No rows don't mean all keys.
  if (file && rows?.length === 0) {
    context.output.note(`${file.name} has no rows.`);
    return print(context, options, [], []);
  }
  const files = new RotationFiles(context.record.folder, context.world.env);
  const { id: account } = await context.record.account();
  const before = files.of(account);
  if (options.resume && before.length === 0) {
    context.output.note('No rotation is unfinished.');
    return print(context, options, [], []);
  }
  // The API may list a key twice.
  const all = [...new Map((await keys.list()).map((key) => [key.id, key])).values()];
  const stored = await storedKeys(context);
  const rowOf = file && rows && rowsByKey(file, rows, { all, begun: before });
  const { concurrency = defaultConcurrency, rate, settle: patience } = options;
  const tools = await rotationTools(
    context,
    { files, begun: before, keys: all, stored },
    { concurrency, rate, patience, attempts: { failures: 1, refusals: 3 } },
  );
  const chosen = options.resume
    ? { keys: [], begun: before }
    : await chooseKeys(context, all, before, choiceOf(options, rows));
  const { fresh, failed } = await planned(context, tools, options, { keys: chosen.keys, stored, rowOf });
  if (fresh.length === 0 && chosen.begun.length === 0) return conclude(context, options, tools, { done: [], failed });
  const settings: RotationOptions = {
    place: options.resume ? undefined : placeOf(context, options),
    ownPlace: (id) => placeOfRow(context, options, rowOf?.get(id)),
    proof: options.prove,
    overlap: options.overlap,
    allowsGap: options.allowGap,
  };
  requireRoom(settings.place, fresh.length + chosen.begun.length);
  checkPrograms(context, settings);
  if (!options.resume) await agreeToRotate(context, tools, { fresh, begun: chosen.begun, settings });
  const claim = randomBytes(6).toString('hex');
  const result = await whileClaimed(context, claim, async () => {
    const work = { fresh, begun: chosen.begun, options: settings };
    const { running, busy } = await beginRotations(context, files, claim, work);
    const { done, failed: stopped } = await rotateKeys(context, tools, running);
    return { done, failed: [...failed, ...busy, ...stopped] };
  });
  const isNew = ({ now }: RunningRotation) => now.place.store && !stored.some(({ id }) => id === now.old.id);
  if (result.done.some(isNew)) await readStoredKeys(context);
  await conclude(context, options, tools, result);
}

/** Returns a function that parses the destination of a row, and throws CommandError (usage) if it isn't valid. */
async function destinationParser(context: KeyContext, { var: variable }: RotateOptions) {
  const { destinationOfRow } = await import('../../account/secrets/parse-destination.ts');
  return async (to: string) => destinationOfRow(context, to, { variable, force: true });
}

function choiceOf({ keys, pool, olderThan }: RotateOptions, rows: readonly RotationRow[] | undefined) {
  return { typed: rows ? rows.map(({ typed }) => typed) : keys, pool, olderThan };
}

/** Returns the requests for the new keys, and the keys that can't be replaced. @throws CommandError if there is only one */
async function planned(
  context: KeyContext,
  tools: RotationTools,
  options: RotateOptions,
  {
    keys,
    stored,
    rowOf,
  }: {
    readonly keys: readonly Key[];
    readonly stored: readonly StoredKey[];
    /** The rows of the file, by the IDs of their keys. */
    readonly rowOf: ReadonlyMap<string, RotationRow> | undefined;
  },
): Promise<{ readonly fresh: readonly NewRotation[]; readonly failed: readonly FailedRotation[] }> {
  const named = placeOf(context, options);
  const isStored = (key: Key) => stored.some((each) => isStoredAs(each, key));
  const homeless = named ? [] : keys.filter((key) => rowOf?.get(key.id)?.to === undefined && !isStored(key));
  if (homeless.length > 0) throw withoutPlace(homeless);
  const cwd = workingDirectory(context.world) ?? '/';
  const shared = named ?? { store: true as const, cwd };
  const account = new Account(context);
  const fresh: NewRotation[] = [];
  const failed: FailedRotation[] = [];
  const plan = async (key: Key): Promise<NewRotation | FailedRotation> => {
    try {
      const row = rowOf?.get(key.id);
      const place = placeOfRow(context, options, row) ?? shared;
      const secret = isWholeKey(key.apiKey) ? key.apiKey : await tools.storedSecret(key.id, place);
      return { key, place, request: await requestLike(context, account, key, secret, row?.limits) };
    } catch (error) {
      if (!(error instanceof CommandError) || error.code === 'interrupted' || keys.length === 1) throw error;
      return { id: key.id, name: key.name ?? key.id, error };
    }
  };
  for (let at = 0; at < keys.length; at += tools.concurrency) {
    for (const planned of await Promise.all(keys.slice(at, at + tools.concurrency).map(plan))) {
      if ('key' in planned) fresh.push(planned);
      else failed.push(planned);
    }
  }
  return { fresh, failed };
}

/** Checks that the programs of the options can be run, before anything is sent. */
function checkPrograms(context: Pick<Context, 'world'>, { proof, overlap }: RotationOptions): void {
  if (proof !== undefined) ownProgram(context, proof, "Can't prove the new key");
  if (typeof overlap === 'string') ownProgram(context, overlap, "Can't wait for the program");
}

/** Prints what was done. @throws CommandError if something failed */
async function conclude(
  context: KeyContext,
  options: RotateOptions,
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
function isOne({ keys, olderThan }: RotateOptions): boolean {
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
  options: RotateOptions,
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

const shownColumns: readonly Column<RotatedKey>[] = [
  { field: 'id', header: 'ID', hasIds: true, value: ({ id }) => id },
  { field: 'name', header: 'Name', value: ({ name }) => name },
  { field: 'oldId', header: 'Old ID', hasIds: true, optional: 1, value: ({ oldId }) => oldId },
  { field: 'apiKey', header: 'Key', optional: 2, value: ({ apiKey }) => apiKey },
  { field: 'savedTo', header: 'Saved to', value: ({ savedTo }) => savedTo },
  { field: 'variable', header: 'Variable', optional: 3, value: ({ variable }) => variable },
];
