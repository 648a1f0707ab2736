import { addVerbs, type Verb } from '../command.ts';
import type { Context } from '../context.ts';
import create from './create.ts';
import remove from './delete.ts';
import list from './list.ts';

/** `ci keys`. */
export default function keys(noun: Verb, context: Context): void {
  addVerbs(noun, [list(context), create(context), remove(context)]);
}
