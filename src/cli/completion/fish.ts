import type { Word } from '../values.ts';
import type { Tables } from './tables.ts';
import template from './template.fish';
import { filled } from './template.ts';

/** Returns the completion script for fish. */
export function fishScript(tables: Tables): string {
  return filled(template, {
    names: tables.aliases.flatMap(({ name, aliases }) => [`case ${either(aliases)}`, `    set word ${name}`]),
    commands: tables.commands.flatMap(({ paths, commands }) => [`case ${either(paths)}`, ...printed(commands)]),
    aliases: tables.commands
      .filter(({ aliases }) => aliases.length > 0)
      .flatMap(({ paths, aliases }) => [`case ${either(paths)}`, ...printed(aliases)]),
    options: tables.options.flatMap(({ path, options }) => [`case '${path}'`, ...printed(options)]),
    global: printed(tables.global).map((line) => line.slice(4)),
    short: tables.short.flatMap(({ path, short, long }) => [`case '${path} ${short}'`, `    echo -- ${long}`]),
    repeatable: tables.repeatable.flatMap(([path, long]) => [`case '${path} ${long}'`, '    return 0']),
    values: tables.values.flatMap(({ slots, kind, words, alone }) => [
      `case ${either(slots.map(([path, name]) => `${path} ${name}`))}`,
      ...printed([
        { name: kind, description: '' },
        ...words,
        ...(kind === 'list' ? [{ name: '--alone', description: '' }, ...alone] : []),
      ]),
    ]),
  });
}

function either(words: readonly string[]): string {
  return words.map((word) => `'${word}'`).join(' ');
}

/** Returns lines that print words, one per line, for a case. */
function printed(words: readonly Word[]): string[] {
  const [first, ...others] = words.map(described);
  return [`    printf '%s\\n' ${first}`, ...others.map((word) => `        ${word}`)].map((line, at) =>
    at < others.length ? `${line} \\` : line,
  );
}

/** Returns a word, a tab and its description. */
function described({ name, description }: Word): string {
  return description === '' ? quoted(name) : `${quoted(name)}\\t${quoted(description)}`;
}

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}
