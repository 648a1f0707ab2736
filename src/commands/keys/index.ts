import type { Command } from 'commander';
import { addVerbs } from '../command.ts';
import type { Context } from '../context.ts';
import create from './create.ts';
import remove from './delete.ts';
import list from './list.ts';

/** `ci keys`. */
export default function keys(noun: Command, context: Context): void {
  addVerbs(noun, [list(context), create(context), remove(context)]);
}
