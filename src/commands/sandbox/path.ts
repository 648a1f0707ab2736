import type { Verb } from '../../cli/verb.ts';
import { sandboxFolder } from '../../config/folders.ts';
import type { Context } from '../../context/context.ts';

const fields = ['folder'] as const;

/** `ci sandbox path`: prints the directory of the sandbox's state. */
export default function path(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      local: true,
      examples: ['ci sandbox path'],
    })
    .action(() => execute(context));
}

/** Prints the directory of the sandbox's state. */
export async function run({ output, world }: Pick<Context, 'output' | 'world'>): Promise<void> {
  const folder = sandboxFolder(world.env);
  output.checkFields(fields);
  if (output.format === undefined) return output.line(folder);
  await output.record(
    { folder },
    { columns: [{ field: 'folder', header: 'Directory', value: (row) => row.folder }], fields },
  );
}
