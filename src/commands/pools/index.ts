import type { Command } from 'commander';
import { addVerbs } from '../command.ts';
import type { Context } from '../context.ts';
import list from './list.ts';
import quote from './quote.ts';
import subscribe from './subscribe.ts';
import subscriptions from './subscriptions.ts';
import view from './view.ts';

/** `ci pools`. */
export default function pools(noun: Command, context: Context): void {
  addVerbs(noun, [list(context), view(context), quote(context), subscribe(context), subscriptions(context)]);
}
