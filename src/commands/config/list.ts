import type { Column } from '../../output/output.ts';
import { type Verb, verb } from '../command.ts';
import type { Context } from '../context.ts';
import { fields, preferences, type Resolved, resolved } from './preference.ts';

/** `ci config list`: every setting, and where it came from. */
export default function list(context: Context): Verb {
  const command = verb('list', 'list the settings, and where each came from', {
    fields,
    local: true,
    examples: ['ci config list'],
  });
  command.alias('ls').action(() => listSettings(context));
  return command;
}

async function listSettings(context: Context): Promise<void> {
  const settings = preferences.map((key) => resolved(context, key));
  await context.output.list(settings, { columns: resolvedColumns, fields, empty: '' });
}

/** A setting's columns. */
export const resolvedColumns: readonly Column<Resolved>[] = [
  { field: 'key', header: 'KEY', value: ({ key }) => key },
  { field: 'value', header: 'VALUE', value: ({ value }) => value },
  { field: 'origin', header: 'FROM', value: ({ origin }) => origin },
];
