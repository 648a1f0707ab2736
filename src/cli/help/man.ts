import type { CommandTree } from './command-tree.ts';
import { meanings, variables } from './topics.ts';

/**
 * The manual page of the whole program, as the source that man reads.
 *
 * @param version - the program's own
 */
export function manPage(program: CommandTree, version: string): string {
  return [
    `.TH CI 1 "" "cheapestinference ${text(version)}" "User Commands"`,
    // A name in two parts is none.
    '.nh',
    '.SH NAME',
    'ci \\- the command line of CheapestInference',
    '.SH SYNOPSIS',
    '.B ci',
    '.I command',
    '.RI [ options ]',
    '.br',
    '.B cheapestinference',
    '.I command',
    '.RI [ options ]',
    '.SH DESCRIPTION',
    ...sentences(
      'Finds a pool of GPU inference, reserves 8-hour blocks of it by card, makes and revokes API keys, and shows what the account holds.',
      'A day has three blocks, in UTC: asia 00:00–08:00, europe 08:00–16:00, americas 16:00–24:00.',
    ),
    '.PP',
    ...sentences(
      'On a terminal a result is a table; in a pipe it is tab-separated, without a header; with --json it is the data of the API.',
      'What charges, revokes or cancels says what it will do, and asks.',
      'With --sandbox every command runs on an emulator of the whole API on this machine, where no money moves.',
    ),
    '.SH OPTIONS',
    ...sentences('These go before or after any command.'),
    ...program.options.flatMap(option),
    ...option({ flags: '-h, --help', description: 'show help for a command', default: null }),
    '.SH COMMANDS',
    ...leaves(program, 'ci').flatMap(({ path, command }) => commandLines(path, command)),
    '.SH ENVIRONMENT',
    ...variables.flatMap(([names, meaning]) => tagged(`.B ${text(names)}`, meaning)),
    '.SH FILES',
    ...sentences('As on Linux; elsewhere in the folders of that system.'),
    ...tagged(
      '.I ~/.config/cheapestinference/config.json',
      'profiles, keys and settings; `ci config path` prints its name',
    ),
    ...tagged('.I ~/.local/share/cheapestinference/sandbox', "the sandbox's state; `ci sandbox path` prints its name"),
    ...tagged(
      '.I ~/.local/state/cheapestinference',
      "the record of changes, which `ci history` shows, and secrets that couldn't be delivered",
    ),
    ...tagged('.I ~/.cache/cheapestinference', 'what can be asked for again'),
    '.SH "EXIT STATUS"',
    ...Object.entries(meanings).flatMap(([code, meaning]) => tagged(`.B ${code}`, meaning)),
    '.SH EXAMPLES',
    ...examples(program.examples),
    '.SH "SEE ALSO"',
    ...sentences(
      '`ci help output` on what is printed, `ci help exit-codes` on errors, and `ci help --json`, all of this for a program.',
    ),
    '',
  ].join('\n');
}

/** A command's part: how it is typed, what it does, its options, what its JSON holds, how it can end, and examples. */
function commandLines(path: string, command: CommandTree): string[] {
  const words = command.arguments.map(({ name, required, variadic }) => {
    const word = `\\fI${text(name)}\\fR${variadic ? '...' : ''}`;
    return required ? word : `[${word}]`;
  });
  const also = command.aliases.length > 0 ? ` Also: ${command.aliases.join(', ')}.` : '';
  return [
    `.SS "${text(path)}${words.length > 0 ? ` ${words.join(' ')}` : ''}"`,
    ...sentences(`${capitalized(command.description)}.${also}`),
    ...command.arguments.flatMap(({ name, description }) => tagged(`.I ${text(name)}`, description)),
    ...command.options.flatMap(option),
    ...(command.fields.length > 0 ? ['.PP', ...sentences(`JSON fields: ${command.fields.join(', ')}.`)] : []),
    ...(command.exitCodes.length > 0 ? ['.PP', ...sentences(`Exit status: ${command.exitCodes.join(', ')}.`)] : []),
    ...(command.examples.length > 0 ? ['.PP', ...examples(command.examples)] : []),
  ];
}

function leaves(command: CommandTree, path: string): { path: string; command: CommandTree }[] {
  return command.commands.flatMap((each) => {
    const below = `${path} ${each.name}`;
    return each.commands.length > 0 ? leaves(each, below) : [{ path: below, command: each }];
  });
}

function option({
  flags,
  description,
  default: value,
}: Pick<CommandTree['options'][number], 'flags' | 'description' | 'default'>): string[] {
  const shown = value === null || value === '' || description.includes('default') ? '' : ` (default: ${value})`;
  return tagged(`.B ${text(flags)}`, `${description}${shown}`);
}

function tagged(tag: string, words: string): string[] {
  return ['.TP', tag, ...sentences(words)];
}

function examples(lines: readonly string[]): string[] {
  return ['.nf', '.RS 4', ...lines.map(sentence), '.RE', '.fi'];
}

function sentences(...lines: readonly string[]): string[] {
  return lines.flatMap((line) => wrapped(text(line)).map(safe));
}

/** A line that is kept as it is. */
function sentence(line: string): string {
  return safe(text(line));
}

/** What begins with a point or an apostrophe would be taken for a request. */
function safe(line: string): string {
  return line.replace(/^[.']/, '\\&$&');
}

function wrapped(line: string): string[] {
  const lines = [''];
  for (const word of line.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last !== '' && `${last} ${word}`.length > 80) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines;
}

function text(words: string): string {
  return words
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('"', '\\(dq')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replace(
      /[^\x00-\x7f]/gu,
      (character) => `\\[u${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}]`,
    );
}

function capitalized(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
