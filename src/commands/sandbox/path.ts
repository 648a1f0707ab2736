import type { Verb } from '../../cli/verb.ts';
import { sandboxFolder } from '../../config/folders.ts';
import type { Context } from '../../context/context.ts';

const fields = ['folder'] as const;

/** `ci sandbox path`: where the sandbox keeps its state. */
export default function path(command: Verb, context: Context): void {
  command
    .tell({
      fields,
      local: true,
      examples: ['ci sandbox path'],
    })
    .action(() => printPath(context));
}

async function printPath({ output, world }: Context): Promise<void> {
  const folder = sandboxFolder(world.env);
  output.checkFields(fields);
  if (output.format === undefined) return output.line(folder);
  await output.record(
    { folder },
    { columns: [{ field: 'folder', header: 'Folder', value: (row) => row.folder }], fields },
  );
}
