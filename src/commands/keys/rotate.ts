import { RowFile } from '../../account/bulk/row-file.ts';
import type { KeyContext } from '../../account/keys/create.ts';
import type { NewRotation, RotationOptions } from '../../account/rotation/begin.ts';
import { withoutReplacements } from '../../account/rotation/begin-shared.ts';
import { chooseKeys, missingKeys } from '../../account/rotation/choose.ts';
import { agreeToRotate } from '../../account/rotation/consent.ts';
import { Account, requestLike } from '../../account/rotation/new-request.ts';
import { ownProgram, parseProgram } from '../../account/rotation/prove.ts';
import type { RotationTools, RunningRotation } from '../../account/rotation/replace.ts';
import { errorOf, type FailedRotation } from '../../account/rotation/rotate.ts';
import { type RotationRow, rotationRows, rowsByKey } from '../../account/rotation/rotation-rows.ts';
import { rotationTools } from '../../account/rotation/rotation-tools.ts';
import { type RunResult, runRotations, unfinishedRotations } from '../../account/rotation/run-rotations.ts';
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
import { keptElsewhere, keptNote, placeOf, placeOfRow, requireRoom, withoutPlace } from './rotation-place.ts';

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
  output.checkFields(isOne(options) ? keyFields : output.hasColumns ? fields : ['rotated', 'failed', 'elsewhere']);
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
    return print(context, options, [], nothing);
  }
  const unfinished = await unfinishedRotations(context);
  const { account, store } = unfinished;
  if (store.shared) await noteLocal(context, account);
  if (options.resume && unfinished.begun.length === 0) {
    context.output.note('No rotation is unfinished.');
    return print(context, options, [], nothing);
  }
  const list = async () => onceEach(await keys.list());
  const all = await list();
  // Other machines may have begun to rotate keys before they were listed.
  const { begun: before } = store.shared ? await unfinishedRotations(context) : unfinished;
  const choosable = store.shared ? await withoutReplacements(context, all, unfinished.at) : all;
  const stored = await storedKeys(context);
  const rowOf = file && rows && rowsByKey(file, rows, { all: choosable, begun: before });
  const { concurrency = defaultConcurrency, rate, settle: patience } = options;
  const { shared } = store;
  const reserve = shared && ((rate: number) => shared.reserve(account, rate));
  const limits = { concurrency, rate, reserve, patience, attempts: { failures: 1, refusals: 3 } };
  const tools = await rotationTools(context, { begun: before, keys: all, stored }, limits);
  const chosen = options.resume
    ? { keys: [], begun: before }
    : await chooseKeys(context, choosable, before, choiceOf(options, rows));
  const { fresh, failed } = await planned(context, tools, options, { keys: chosen.keys, stored, rowOf });
  if (fresh.length === 0 && chosen.begun.length === 0) return conclude(context, options, tools, { ...nothing, failed });
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
  const work = { fresh, begun: chosen.begun, options: settings };
  const ended = await runRotations(context, work, {
    unfinished,
    tools,
    readAgain: async () => {
      const { begun } = await unfinishedRotations(context);
      return rotationTools(context, { begun, keys: await list(), stored: await storedKeys(context) }, limits);
    },
    isTogether: !isOne(options),
  });
  const result = { ...ended, failed: [...failed, ...ended.failed] };
  const isNew = ({ now }: RunningRotation) => now.place.store && !stored.some(({ id }) => id === now.old.id);
  if (result.done.some(isNew)) await readStoredKeys(context);
  await conclude(context, options, tools, result);
}

/** Points out rotations that this machine began without its state database. */
async function noteLocal({ output, record }: Pick<Context, 'output' | 'record'>, account: string): Promise<void> {
  const local = await (await record.localRotations()).of(account);
  if (local.length === 0) return;
  const what = local.length === 1 ? '1 rotation that was' : `${local.length} rotations that were`;
  output.note(
    `This machine has ${what} begun without the state database. To continue, run \`ci keys rotate --resume --offline\`.`,
  );
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
  result: RunResult,
): Promise<void> {
  const { done, failed, kept } = result;
  const error = errorOf({ done, failed });
  // The error says all there is to say.
  if (error && isOne(options)) throw error;
  const [first] = kept;
  if (first && isOne(options)) throw keptElsewhere(kept);
  if (first) context.output.note(keptNote(kept));
  const rotated: RotatedKey[] = [];
  for (const running of done) rotated.push(await rotatedKey(tools, running));
  await print(context, options, rotated, result);
  if (error) throw error;
}

/** What there is to print if nothing was to be done. */
const nothing: RunResult = { done: [], failed: [], elsewhere: 0, kept: [] };

/** Returns each key once. The API may list one twice. */
function onceEach(keys: readonly Key[]): Key[] {
  return [...new Map(keys.map((key) => [key.id, key])).values()];
}

/** Returns whether one key was named, so that the result is that key. */
function isOne({ keys, olderThan }: RotateOptions): boolean {
  return keys.length === 1 && olderThan === undefined;
}

async function rotatedKey(tools: RotationTools, { now, secret, host }: RunningRotation): Promise<RotatedKey> {
  const { savedTo = null, variables = [] } = (await tools.destinationOf(now, false)).describe(1);
  return {
    id: now.newId ?? '',
    name: now.request.name,
    oldId: now.old.id,
    apiKey: secret === undefined ? null : masked(secret),
    savedTo: host === undefined || savedTo === null ? savedTo : `${host}:${savedTo}`,
    variable: variables[0] ?? null,
  };
}

async function print(
  { output }: Pick<Context, 'output'>,
  options: RotateOptions,
  rotated: readonly RotatedKey[],
  { failed, elsewhere }: Pick<RunResult, 'elsewhere' | 'failed'>,
): Promise<void> {
  const [first] = rotated;
  if (isOne(options) && first) {
    output.done(`Rotated key "${first.name}", and revoked ${first.oldId}.`);
    return output.record(first, { columns: shownColumns, fields: keyFields });
  }
  if (rotated.length > 0 || elsewhere > 0) {
    const others = elsewhere > 0 ? ` Other machines did ${counted(elsewhere, 'key')}.` : '';
    output.done(`Rotated ${counted(rotated.length, 'key')}.${others}`);
  }
  const whole = {
    rotated,
    failed: failed.map(({ id, name, error: { code, message, hint = null, outcome = null } }) => ({
      id,
      name,
      error: { code, message, hint, outcome },
    })),
    ...(elsewhere > 0 && { elsewhere }),
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
