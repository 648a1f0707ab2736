import { keyChoices, keyFinder, keyLabel } from '../../account/keys/find.ts';
import { type RevokedKey, type RevokingContext, revokedBefore, revokeKey } from '../../account/keys/revoke.ts';
import type { Key } from '../../api/keys.ts';
import {
  type BulkFlags,
  concurrencyOption,
  defaultConcurrency,
  failedOption,
  fromOption,
  rateOption,
  refuseBulkOptions,
  refuseWithFrom,
} from '../../cli/bulk-options.ts';
import { settleOption, settlingOf } from '../../cli/options.ts';
import { namesOf, ValueArgument } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import { accountLabel } from '../../config/settings.ts';
import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import { factLines, inWords } from '../../output/text.ts';
import { widthOf } from '../../output/width.ts';

const fields = ['id', 'name', 'deleted'] as const;

/** The fields of the result with `--from`. */
const summaryFields = ['rows', 'revoked', 'gone', 'failed', 'failures', 'seconds'] as const;

interface Flags extends BulkFlags {
  readonly settle?: number;
}

/** Which keys `ci keys delete` revokes. */
export interface Options extends Flags {
  /** IDs, beginnings of IDs, or names; empty: ask. */
  readonly keys: readonly string[];
}

/** Declares `ci keys delete`, which revokes API keys. */
export default function remove(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields: [...fields, ...summaryFields],
      changes: true,
      examples: [
        'ci keys delete prod-api',
        'ci keys revoke 3f6c1a2b staging --yes',
        'ci keys delete --from former-customers.csv',
      ],
    })
    .addArgument(new ValueArgument('[keys...]', 'IDs or names of the keys', namesOf('keys')))
    .addOption(settleOption())
    .addOption(fromOption('Revoke the keys of this CSV or NDJSON file'))
    .addOption(failedOption())
    .addOption(concurrencyOption())
    .addOption(rateOption())
    .action((keys: string[], flags: Flags) => execute({ keys, ...flags }, context));
}

/** The error if no key was named and it can't prompt. */
const missing = "Can't ask for the keys without a terminal. Pass their IDs or names.";

/** Asks for confirmation, and revokes the keys. */
export async function run(
  { keys: typed, ...flags }: Options,
  context: RevokingContext & Pick<Context, 'api' | 'prompts'>,
): Promise<void> {
  context.settling = settlingOf(flags);
  const { output, prompts } = context;
  output.checkFields(flags.from === undefined ? fields : summaryFields);
  if (flags.from !== undefined) {
    refuseWithFrom({ 'the name of a key': typed[0], '--settle': flags.settle });
    const { from, failed, concurrency = defaultConcurrency, rate } = flags;
    const { deleteKeys } = await import('../../account/bulk/delete-keys.ts');
    return deleteKeys(context, { from, failed, concurrency, rate });
  }
  refuseBulkOptions(flags);
  if (typed.some((each) => each.trim() === ''))
    throw usageError('A key name is empty', 'Run `ci keys list` to see your keys.');
  if (typed.length === 0) prompts.requirePrompt(missing);
  prompts.requireConsent();
  const { keys } = await context.api();
  const all = await keys.list();
  const { chosen, gone } =
    typed.length === 0 ? { chosen: await pick(context, all), gone: [] } : await named(context, all, typed);
  if (prompts.canAsk && chosen.length > 0) {
    const longest = chosen.reduce((widest, { name }) => Math.max(widest, widthOf(name ?? '')), 0);
    const padded = (text: string) => text + ' '.repeat(longest - widthOf(text));
    const label = (key: Key) => keyLabel({ ...key, name: padded(key.name ?? '') });
    output.note(
      factLines([...chosen.map((key) => ['Key', label(key)] as const), ['Account', accountLabel(context.settings)]]),
    );
    await prompts.consent(`Revoke ${chosen.length === 1 ? 'this key' : `these ${chosen.length} keys`} immediately?`);
  }
  const deleted: RevokedKey[] = [];
  const failed: { id: string; error: CommandError }[] = [];
  for (const { id, name, apiKey } of chosen) {
    if (context.world.interrupt.aborted) break;
    try {
      await revokeKey(context, id, name ?? undefined, apiKey);
      deleted.push({ id, name: name ?? null, deleted: true });
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      failed.push({ id, error });
    }
  }
  if (failed.length > 0) throw failureOf(failed, deleted, chosen.length);
  if (deleted.length < chosen.length) throw stoppedAfter(deleted, chosen.length);
  if (deleted.length > 0) output.done(`Revoked ${counted(deleted.length, 'key')}.`);
  const revoked = [...gone, ...deleted];
  const [only] = revoked;
  await output.list(
    revoked,
    { fields, empty: '', drawing: () => '' },
    revoked.length === 1 ? only : { deleted: revoked },
  );
}

/** Returns the keys named, each once, and those that an earlier command revoked. @throws CommandError (not_found) */
async function named(
  context: Pick<Context, 'clocks' | 'output' | 'record'>,
  all: readonly Key[],
  typed: readonly string[],
): Promise<{ chosen: Key[]; gone: RevokedKey[] }> {
  const find = keyFinder(all);
  const chosen = new Set<Key>();
  const gone: RevokedKey[] = [];
  for (const each of typed) {
    try {
      chosen.add(find(each));
    } catch (error) {
      const before =
        error instanceof CommandError && error.code === 'not_found' && (await revokedBefore(context, each));
      if (!before) throw error;
      context.output.note(`${before.id} was already revoked.`);
      gone.push(before);
    }
  }
  return { chosen: [...chosen], gone };
}

function stoppedAfter(deleted: readonly { id: string }[], chosen: number): CommandError {
  return new CommandError('interrupted', `Interrupted after ${deleted.length} of ${counted(chosen, 'key')}`, {
    hint: revokedHint(deleted),
    outcome: deleted.length > 0 ? 'applied' : 'not_applied',
  });
}

/** Returns what was revoked before a failure. @param left - how many keys weren't tried, if the command didn't try all */
function revokedHint(deleted: readonly { id: string }[], left = 0): string {
  const done = deleted.length === 0 ? 'No key was revoked' : `Revoked: ${inWords(deleted.map(({ id }) => id))}`;
  return `${done}.${left > 0 ? ` Not tried: ${left}.` : ''} Run \`ci keys list\` to see your keys.`;
}

/** Returns the error that lists the keys that couldn't be revoked. */
function failureOf(
  failed: readonly { id: string; error: CommandError }[],
  deleted: readonly { id: string }[],
  chosen: number,
): CommandError {
  const unknown = failed.find(({ error }) => error.outcome === 'unknown');
  const [first] = unknown ? [unknown] : failed;
  if (!first) throw new RangeError('no key failed');
  if (chosen === 1) return first.error;
  const lines = failed.map(({ id, error }) => `${id}: ${error.message}`);
  const left = chosen - failed.length - deleted.length;
  return first.error.with({
    message: `${failed.length} of ${counted(chosen, 'key')} couldn't be revoked`,
    hint: revokedHint(deleted, left),
    lines,
    outcome: unknown ? 'unknown' : deleted.length > 0 ? 'applied' : 'not_applied',
  });
}

async function pick(context: Pick<Context, 'connections' | 'prompts'>, keys: readonly Key[]): Promise<Key[]> {
  if (keys.length === 0) throw new CommandError('not_found', 'You have no keys', { outcome: 'not_applied' });
  return context.prompts.pickSeveral('Keys to revoke:', await keyChoices(context, keys), missing);
}
