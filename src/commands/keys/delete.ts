import type { Key } from '../../api/keys.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import { counted, inWords } from '../../output/text.ts';
import { type Verb, verb } from '../command.ts';
import type { Context } from '../context.ts';
import { findKey, keyLabel } from '../key.ts';
import { tellingHowToFindOut } from '../outcome.ts';

const fields = ['id', 'name', 'deleted'] as const;

/** `ci keys delete`: revokes keys at once. */
export default function remove(context: Context): Verb {
  const command = verb('delete', 'revoke API keys, at once and for good', {
    fields,
    changes: true,
    examples: ['ci keys delete prod-api', 'ci keys delete 3f6c… staging --yes'],
  });
  command
    .alias('rm')
    .argument('[keys...]', 'ids or names')
    .action((typed: string[]) => deleteKeys(context, typed));
  return command;
}

async function deleteKeys(context: Context, typed: readonly string[]): Promise<void> {
  const { output, prompts } = context;
  if (typed.some((each) => each.trim() === ''))
    throw usageError('the name of a key is empty', '`ci keys list` shows them.');
  if (typed.length === 0 && !prompts.canAsk) {
    throw usageError('which key? Name it by id or name: `ci keys list` shows them').with({ code: 'input_required' });
  }
  prompts.requireConsent('revoking a key cannot be undone and');
  const { keys } = await context.api();
  const all = await keys.list();
  const chosen = typed.length === 0 ? await pick(context, all) : [...new Set(typed.map((each) => findKey(all, each)))];
  if (prompts.canAsk) {
    output.note(chosen.map((key) => `  ${keyLabel(key)}`).join('\n'));
    await prompts.consent(`Revoke ${chosen.length === 1 ? 'this key' : `these ${chosen.length} keys`} at once?`);
  }
  const deleted: { id: string; name: string | null; deleted: true }[] = [];
  for (const key of chosen) {
    try {
      await tellingHowToFindOut(keys.delete(key.id), 'ci keys list');
    } catch (error) {
      if (!(error instanceof CommandError) || chosen.length === 1) throw error;
      const before =
        deleted.length === 0
          ? 'None was revoked before it'
          : `Revoked before it: ${inWords(deleted.map(({ id }) => id))}`;
      const left = chosen.slice(deleted.length + 1).map(({ id }) => id);
      const after = left.length === 0 ? '' : ` Not tried: ${inWords(left)}.`;
      throw error.with({
        message: `${key.id}: ${error.message}`,
        hint: `${before}.${after} \`ci keys list\` shows what is left.`,
        outcome: error.outcome === 'unknown' ? 'unknown' : deleted.length > 0 ? 'applied' : 'not_applied',
      });
    }
    deleted.push({ id: key.id, name: key.name ?? null, deleted: true });
  }
  output.done(`Revoked ${counted(deleted.length, 'key')}.`);
  const [only] = deleted;
  const drawing = () => '';
  await output.list(
    deleted,
    {
      columns: fields.map((field) => ({ field, header: field.toUpperCase(), value: (row) => row[field] })),
      fields,
      empty: '',
      drawing,
    },
    deleted.length === 1 ? only : { deleted },
  );
}

async function pick({ prompts }: Context, keys: readonly Key[]): Promise<Key[]> {
  if (keys.length === 0) throw new CommandError('not_found', 'you have no keys', { outcome: 'not_applied' });
  return prompts.pickSeveral(
    'Which keys?',
    keys.map((key) => ({ name: keyLabel(key), value: key })),
    'which key?',
  );
}
