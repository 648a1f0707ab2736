import type { CommandTree } from './command-tree.ts';
import { meanings, variables, xdgRule } from './topics.ts';

/** Returns the source of the manual page. @param version - of the program */
export function manPage(program: CommandTree, version: string): string {
  return [
    `.TH CI 1 "" "cheapestinference ${text(version)}" "User Commands"`,
    // Names must not be hyphenated.
    '.nh',
    '.SH NAME',
    'ci \\- CheapestInference CLI',
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
      'Reserves GPU inference in blocks of 8 hours, creates and revokes API keys, and tracks their usage.',
      'A day has three blocks, in UTC: asia 00:00–08:00, europe 08:00–16:00, americas 16:00–24:00.',
    ),
    '.PP',
    ...sentences(
      'Results are tables on a terminal, tab-separated lines without a header in a pipe, and the data of the API with --json.',
      'Commands that charge, revoke or cancel say what they will do, and ask for confirmation.',
      'With --sandbox, every command uses an emulator of the API on this machine: no account is needed, and nothing is charged.',
    ),
    '.SH OPTIONS',
    ...sentences('Global options, before or after any command:'),
    ...program.options.flatMap(option),
    ...option({ flags: '-h, --help', description: 'Show help for a command', default: null }),
    '.SH COMMANDS',
    ...runnable(program, 'ci').flatMap(({ path, command }) => commandLines(path, command)),
    '.SH ENVIRONMENT',
    ...variables.flatMap(([names, meaning]) => tagged(`.B ${text(names)}`, meaning)),
    '.PP',
    ...sentences(xdgRule),
    '.SH FILES',
    ...sentences('These are the paths on Linux. Other systems have directories of their own.'),
    ...tagged(
      '.I ~/.config/cheapestinference/config.json',
      'Profiles, keys and settings. `ci config path` prints the path.',
    ),
    ...tagged(
      '.I ~/.local/share/cheapestinference/sandbox',
      'The state of the sandbox. `ci sandbox path` prints the path.',
    ),
    ...tagged(
      '.I ~/.local/state/cheapestinference',
      "The record of changes, which `ci history` shows, and secrets that couldn't be delivered.",
    ),
    ...tagged('.I ~/.foundry/keystores', 'Wallets, which `ci agent` shares with Foundry.'),
    ...tagged('.I ~/.cache/cheapestinference', 'Data that can be fetched again.'),
    '.SH "EXIT STATUS"',
    ...Object.entries(meanings).flatMap(([code, meaning]) => tagged(`.B ${code}`, meaning)),
    '.SH EXAMPLES',
    ...examples(program.examples),
    '.SH "SEE ALSO"',
    ...sentences(
      '`ci help output` for output formats, `ci help exit-codes` for error codes, and `ci help --json` for the command tree as JSON.',
    ),
    '',
  ].join('\n');
}

/** Returns the section of a command: usage, description, arguments, options, JSON fields, exit codes and examples. */
function commandLines(path: string, command: CommandTree): string[] {
  const words = command.arguments.map(({ name, required, variadic }) => {
    const word = `\\fI${text(name)}\\fR${variadic ? '...' : ''}`;
    return required ? word : `[${word}]`;
  });
  const also = command.aliases.length > 0 ? ` Aliases: ${command.aliases.join(', ')}.` : '';
  return [
    `.SS "${text(path)}${words.length > 0 ? ` ${words.join(' ')}` : ''}"`,
    ...sentences(`${command.description}.${also}`),
    ...command.arguments.flatMap(({ name, description }) => tagged(`.I ${text(name)}`, description)),
    ...command.options.flatMap(option),
    ...(command.fields.length > 0 ? ['.PP', ...sentences(`JSON fields: ${command.fields.join(', ')}.`)] : []),
    ...(command.exitCodes.length > 0 ? ['.PP', ...sentences(`Exit codes: ${command.exitCodes.join(', ')}.`)] : []),
    ...(command.examples.length > 0 ? ['.PP', ...examples(command.examples)] : []),
  ];
}

/** Returns the commands that do something themselves. `ci history` does, although it has verbs. */
function runnable(command: CommandTree, path: string): { path: string; command: CommandTree }[] {
  return command.commands.flatMap((each) => {
    const below = `${path} ${each.name}`;
    const isRunnable = each.commands.length === 0 || each.exitCodes.length > 0;
    return [...(isRunnable ? [{ path: below, command: each }] : []), ...runnable(each, below)];
  });
}

function option({
  flags,
  description,
  default: value,
}: Pick<CommandTree['options'][number], 'flags' | 'description' | 'default'>): string[] {
  const shown = value === null || description.includes('default') ? '' : ` (default: ${value})`;
  return tagged(`.B ${text(flags)}`, `${description}${shown}`);
}

function tagged(tag: string, words: string): string[] {
  return ['.TP', tag, ...sentences(words)];
}

function examples(lines: readonly string[]): string[] {
  return ['.nf', '.RS 4', ...lines.map(verbatim), '.RE', '.fi'];
}

function sentences(...lines: readonly string[]): string[] {
  return lines.flatMap((line) => wrapped(text(line)).map(safe));
}

/** Escapes a line that must not be filled. */
function verbatim(line: string): string {
  return safe(text(line));
}

/** Escapes a line that starts like a request of roff. */
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
