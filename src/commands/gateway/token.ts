import type { Verb } from '../../cli/verb.ts';
import { configFolder, resolved } from '../../config/folders.ts';
import type { Context } from '../../context/context.ts';
import { usageError } from '../../domain/errors.ts';
import { readTokens, tokenFileIn } from '../../gateway/token.ts';
import { maskInLog } from '../../output/workflow-commands.ts';

const fields = ['token', 'client'] as const;

/** Which token `ci gateway token` prints. */
export interface Options {
  readonly tokenFile?: string;
}

/** `ci gateway token`: prints the token that clients of the gateway use. */
export default function token(command: Verb, context: Context, execute = run): void {
  command
    .tell({ fields, local: true, examples: ['ci gateway token', 'export OPENAI_API_KEY="$(ci gateway token)"'] })
    .option('--token-file <file>', 'File with the token')
    .action((options: Options) => execute(options, context));
}

/** Prints the token. A file with several tokens prints each, with the name of its clients. */
export async function run({ tokenFile }: Options, context: Pick<Context, 'output' | 'world'>): Promise<void> {
  const { output, world } = context;
  if (tokenFile?.trim() === '') throw usageError('--token-file is empty', 'Pass the path of a file.');
  output.checkFields(fields);
  const file = tokenFile === undefined ? tokenFileIn(configFolder(world)) : resolved(tokenFile, world);
  const tokens = readTokens(file, world.env);
  maskInLog(
    world,
    tokens.map((each) => each.token),
  );
  const [{ token: only, client }, second] = tokens;
  // A tool runs this as a command that prints its key, and `CHEAPESTINFERENCE_OUTPUT` must not change that.
  if (!second && (output.requested === undefined || output.requested === 'table')) return output.line(only);
  const rows = tokens.map((each) => ({ token: each.token, client: each.client ?? null }));
  const columns = [
    { field: 'token', header: 'TOKEN', value: (row: (typeof rows)[number]) => row.token },
    { field: 'client', header: 'CLIENT', value: (row: (typeof rows)[number]) => row.client },
  ];
  if (second) return output.list(rows, { columns, fields, empty: '' });
  await output.record({ token: only, client: client ?? null }, { columns, fields });
}
