import { quoted } from '../../domain/shell-word.ts';
import type { Word } from '../values.ts';
import type { Tables } from './tables.ts';
import { filled } from './template.ts';
import template from './template.zsh';

/** Returns the completion script for zsh. */
export function zshScript(tables: Tables): string {
  return filled(template, {
    aliases: tables.aliases.map(({ name, aliases }) => `(${either(aliases)}) set -- ${name} ;;`),
    commands: tables.commands.flatMap(({ paths, commands, aliases }) => [
      `(${either(paths)})`,
      ...array('commands=(', commands),
      ...array('aliases=(', aliases),
      '  ;;',
    ]),
    options: tables.options.flatMap(({ path, options }) => [`('${path}')`, ...array('options=(', options), '  ;;']),
    global: tables.global.map(described),
    short: tables.short.map(({ path, short, long }) => `(${slot(path, short)}) flag=${long} ;;`),
    repeatable: tables.repeatable.map(([path, long]) => `(${slot(path, long)}) ;;`),
    values: tables.values.flatMap(({ slots, kind, words, alone }) => [
      `(${slots.map(([path, name]) => slot(path, name)).join('|')})`,
      `  kind=${kind}`,
      ...array('choices=(', words),
      ...array('alone=(', alone),
      '  ;;',
    ]),
  });
}

/** Returns an assignment of words for a case. Empty without words. */
function array(start: string, words: readonly Word[]): string[] {
  return words.length === 0 ? [] : [`  ${start}`, ...words.map((word) => `    ${described(word)}`), '  )'];
}

/** Returns a word and its description for `_describe`. */
function described({ name, description }: Word): string {
  return quoted(description === '' ? name : `${name}:${description}`);
}

function either(words: readonly string[]): string {
  return words.map((word) => `'${word}'`).join('|');
}

function slot(path: string, name: string): string {
  return path === '*' ? `*' ${name}'` : `'${path} ${name}'`;
}
