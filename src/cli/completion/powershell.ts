import type { Word } from '../values.ts';
import type { Tables } from './tables.ts';
import template from './template.ps1';
import { filled } from './template.ts';

/** Returns the completion script for PowerShell. */
export function powershellScript(tables: Tables): string {
  const script = filled(template, {
    names: tables.aliases.flatMap(({ name, aliases }) => aliases.map((alias) => `'${alias}' = '${name}'`)),
    commands: tables.commands.flatMap(({ paths, commands }) => paths.flatMap((path) => entry(path, commands))),
    aliases: tables.commands
      .filter(({ aliases }) => aliases.length > 0)
      .flatMap(({ paths, aliases }) => paths.flatMap((path) => entry(path, aliases))),
    options: tables.options.flatMap(({ path, options }) => entry(path, options)),
    global: tables.global.map(pair),
    short: tables.short.map(({ path, short, long }) => `, @('${path} ${short}', '${long}')`),
    repeatable: tables.repeatable.map(([path, long]) => `'${path} ${long}'`),
    values: tables.values.flatMap(({ slots, kind, words, alone }) =>
      slots.flatMap(([path, name]) => [
        `'${path} ${name}' = @{`,
        `  Kind = '${kind}'`,
        ...(words.length === 0 ? [] : ['  Words = @(', ...words.map((word) => `    ${pair(word)}`), '  )']),
        ...(alone.length === 0 ? [] : ['  Alone = @(', ...alone.map((word) => `    ${pair(word)}`), '  )']),
        '}',
      ]),
    ),
  });
  // Windows PowerShell reads a script without a byte order mark in an 8-bit encoding.
  return script
    .replaceAll('…', '...')
    .replaceAll('–', '-')
    .replace(/[^\x00-\x7f]/g, '?');
}

function entry(path: string, words: readonly Word[]): string[] {
  return [`'${path}' = @(`, ...words.map((word) => `  ${pair(word)}`), ')'];
}

/** Returns a word and its description. The comma before them keeps them together. */
function pair({ name, description }: Word): string {
  return `, @(${quoted(name)}, ${quoted(description)})`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
