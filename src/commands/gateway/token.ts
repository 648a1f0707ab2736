import type { Verb } from '../../cli/verb.ts';
import { configFolder, resolved } from '../../config/folders.ts';
import type { Context } from '../../context/context.ts';
import type { Environment } from '../../domain/environment.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import type { Token } from '../../gateway/server.ts';
import { readTokens, tokenFileIn } from '../../gateway/token.ts';
import { inWords } from '../../output/text.ts';
import { maskInLog } from '../../output/workflow-commands.ts';

const fields = ['token', 'client'] as const;

/** Which token `ci gateway token` prints. */
export interface Options {
  readonly tokenFile?: string;
  /** The client whose token to print. */
  readonly client?: string;
}

/** `ci gateway token`: prints the token that clients of the gateway use. */
export default function token(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      local: true,
      exits: [5],
      examples: ['ci gateway token', 'export OPENAI_API_KEY="$(ci gateway token)"'],
    })
    .option('--token-file <file>', 'File with the token')
    .option('--client <name>', 'Client whose token to print, if the file has several')
    .action((options: Options) => execute(options, context));
}

/** Prints the token. A file with several tokens prints each, with the name of its clients. */
export async function run(
  { tokenFile, client: wanted }: Options,
  context: Pick<Context, 'output' | 'world'>,
): Promise<void> {
  const { output, world } = context;
  if (tokenFile?.trim() === '') throw usageError('--token-file is empty', 'Pass the path of a file.');
  output.checkFields(fields);
  const file = tokenFile === undefined ? tokenFileIn(configFolder(world)) : resolved(tokenFile, world);
  const tokens = tokensFor(wanted, file, world.env);
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

/** Returns the token of a client, or all tokens. @throws CommandError (file_error), (not_found) */
function tokensFor(wanted: string | undefined, file: string, env: Environment): readonly [Token, ...Token[]] {
  const tokens = readTokens(file, env);
  if (wanted === undefined) return tokens;
  const found = tokens.find(({ client }) => client === wanted);
  if (found) return [found];
  const names = tokens.flatMap(({ client }) => client ?? []);
  throw new CommandError('not_found', `${file} has no token of the client "${wanted}"`, {
    hint:
      names.length === 0
        ? 'It has one token for all clients. Leave out --client.'
        : `It has those of ${inWords(names)}.`,
  });
}
