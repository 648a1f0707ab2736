import type { Verb } from '../cli/verb.ts';
import type { Context } from '../context/context.ts';
import { versionInWords } from '../domain/version.ts';

const fields = ['version', 'build', 'platform'] as const;

/** `ci version`: prints the version, as `ci --version` does. */
export default function version(command: Verb, context: Context, execute = run): void {
  command.tell({ fields, local: true, examples: ['ci version'] }).action(() => execute(context));
}

/** Prints the version, and which build of the program runs. */
export async function run({ output, world: { version, platform } }: Pick<Context, 'output' | 'world'>): Promise<void> {
  output.checkFields(fields);
  if (output.format === undefined) return output.line(versionInWords(version, platform));
  const build = platform === undefined ? 'npm' : 'standalone';
  await output.record(
    { version, build, platform: platform ?? `${process.platform}-${process.arch}` },
    {
      columns: [
        { field: 'version', header: 'Version', value: (row) => row.version },
        { field: 'build', header: 'Build', value: (row) => row.build },
        { field: 'platform', header: 'Platform', value: (row) => row.platform },
      ],
      fields,
    },
  );
}
