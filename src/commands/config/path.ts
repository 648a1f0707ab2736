import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';

const fields = ['file'] as const;

/** `ci config path`: the file that holds profiles and settings. */
export default function path(command: Verb, context: Context): void {
  command
    .tell({
      fields,
      local: true,
      examples: ['ci config path'],
    })
    .action(() => printPath(context));
}

async function printPath({ output, profiles: { file } }: Context): Promise<void> {
  output.checkFields(fields);
  if (output.format === undefined) return output.line(file);
  await output.record({ file }, { columns: [{ field: 'file', header: 'File', value: (row) => row.file }], fields });
}
