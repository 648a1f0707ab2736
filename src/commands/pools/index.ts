import { addVerbs, type Verb } from '../command.ts';
import type { Context } from '../context.ts';
import cancel from './cancel.ts';
import keys from './keys.ts';
import list from './list.ts';
import quote from './quote.ts';
import subscribe from './subscribe.ts';
import subscriptions from './subscriptions.ts';
import view from './view.ts';
import watch from './watch.ts';

/** `ci pools`. */
export default function pools(noun: Verb, context: Context): void {
  addVerbs(
    noun,
    [list, view, quote, subscribe, watch, subscriptions, keys, cancel].map((verb) => verb(context)),
  );
}
