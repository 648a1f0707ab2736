import type { Verb } from '../../cli/verb.ts';
import { sandboxFolder } from '../../config/folders.ts';
import type { Context } from '../../context/context.ts';

const fields = ['folder'] as const;

/** `ci sandbox path`: where the sandbox keeps its state. */
export default function path(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      local: true,
      examples: ['ci sandbox path'],
    })
    .action(() => execute(context));
}

/** Prints the folder of the sandbox's state. */
export async function run({ output, world }: Pick<Context, 'output' | 'world'>): Promise<void> {
  const folder = sandboxFolder(world.env);
  output.checkFields(fields);
  if (output.format === undefined) return output.line(folder);
  await output.record(
    { folder },
    { columns: [{ field: 'folder', header: 'Folder', value: (row) => row.folder }], fields },
  );
}
