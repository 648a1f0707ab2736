import type { Verb } from '../cli/verb.ts';
import type { Context } from '../context/context.ts';

const fields = ['version'] as const;

/** `ci version`: prints the version, as `ci --version` does. */
export default function version(command: Verb, context: Context, execute = run): void {
  command.tell({ fields, local: true, examples: ['ci version'] }).action(() => execute(context));
}

/** Prints the version. */
export async function run({ output, world }: Pick<Context, 'output' | 'world'>): Promise<void> {
  output.checkFields(fields);
  if (output.format === undefined) return output.line(world.version);
  await output.record(
    { version: world.version },
    { columns: [{ field: 'version', header: 'Version', value: (row) => row.version }], fields },
  );
}
