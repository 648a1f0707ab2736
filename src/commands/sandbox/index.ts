import { addVerbs, type Verb } from '../command.ts';
import type { Context } from '../context.ts';
import advance from './advance.ts';
import path from './path.ts';
import reset from './reset.ts';
import schedule from './schedule.ts';
import serve from './serve.ts';

/** `ci sandbox`. */
export default function sandbox(noun: Verb, context: Context): void {
  noun.addHelpText(
    'after',
    `
The sandbox is the whole API on this machine: no money moves, no account is
needed.
  ci --sandbox COMMAND   runs any command on it (or CHEAPESTINFERENCE_SANDBOX=1)
  ci sandbox serve       serves it to curl and SDKs
Its clock starts at 09:00 UTC of the day of its reset, within the europe block.
Any management key signs in (mk_anything), but mk_invalid… and mk_revoked….`,
  );
  addVerbs(noun, [serve(context), reset(context), advance(context), schedule(context), path(context)]);
}
