import { addVerbs, type Verb } from '../command.ts';
import type { Context } from '../context.ts';
import list from './list.ts';

/** `ci plans`. */
export default function plans(noun: Verb, context: Context): void {
  addVerbs(noun, [list(context)]);
}
