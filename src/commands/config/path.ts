import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';

const fields = ['file'] as const;

/** `ci config path`: prints the path of the config file. */
export default function path(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      local: true,
      examples: ['ci config path'],
    })
    .action(() => execute(context));
}

/** Prints the path of the config file. */
export async function run({ output, profiles: { file } }: Pick<Context, 'output' | 'profiles'>): Promise<void> {
  output.checkFields(fields);
  if (output.format === undefined) return output.line(file);
  await output.record({ file }, { columns: [{ field: 'file', header: 'File', value: (row) => row.file }], fields });
}
