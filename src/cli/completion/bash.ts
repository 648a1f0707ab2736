import type { Word } from '../values.ts';
import type { Tables } from './tables.ts';
import template from './template.bash';
import { filled } from './template.ts';

/** Returns the completion script for bash, which shows no descriptions. */
export function bashScript(tables: Tables): string {
  return filled(template, {
    aliases: tables.aliases.map(({ name, aliases }) => `${either(aliases)} set -- ${name} ;;`),
    commands: tables.commands.map(({ paths, commands, aliases }) => {
      const others = aliases.length > 0 ? ` aliases='${names(aliases)}'` : '';
      return `${either(paths)} commands='${names(commands)}'${others} ;;`;
    }),
    options: tables.options.map(({ path, options }) => `'${path}') options='${names(options)}' ;;`),
    global: [`options+=' ${names(tables.global)}'`],
    short: tables.short.map(({ path, short, long }) => `${slot(path, short)}) flag=${long} ;;`),
    repeatable: tables.repeatable.map(([path, long]) => `${slot(path, long)}) ;;`),
    values: tables.values.map(({ slots, kind, words, alone }) => {
      const choices = words.length > 0 ? ` choices='${names(words)}'` : '';
      const others = alone.length > 0 ? ` alone='${names(alone)}'` : '';
      return `${slots.map(([path, name]) => slot(path, name)).join(' | ')}) kind=${kind}${choices}${others} ;;`;
    }),
  });
}

function either(words: readonly string[]): string {
  return `${words.map((word) => `'${word}'`).join(' | ')})`;
}

function slot(path: string, name: string): string {
  return path === '*' ? `*' ${name}'` : `'${path} ${name}'`;
}

function names(words: readonly Word[]): string {
  return words.map(({ name }) => name).join(' ');
}
