import { addVerbs, type Verb } from '../command.ts';
import type { Context } from '../context.ts';
import get from './get.ts';
import list from './list.ts';
import path from './path.ts';
import set from './set.ts';

/** `ci config`. */
export default function config(noun: Verb, context: Context): void {
  addVerbs(
    noun,
    [get, set, list, path].map((verb) => verb(context)),
  );
}
