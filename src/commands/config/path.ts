import { type Verb, verb } from '../command.ts';
import type { Context } from '../context.ts';

const fields = ['file'] as const;

/** `ci config path`: the file that holds profiles and settings. */
export default function path(context: Context): Verb {
  const command = verb('path', 'print the file of profiles and settings', {
    fields,
    local: true,
    examples: ['ci config path'],
  });
  command.action(() => printPath(context));
  return command;
}

async function printPath({ output, profiles: { file } }: Context): Promise<void> {
  output.checkFields(fields);
  if (output.format === undefined) return output.line(file);
  await output.record({ file }, { columns: [{ field: 'file', header: 'File', value: (row) => row.file }], fields });
}
