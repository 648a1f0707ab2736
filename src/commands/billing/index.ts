import { addVerbs, type Verb } from '../command.ts';
import type { Context } from '../context.ts';
import cancel from './cancel.ts';
import card from './card.ts';
import checkout from './checkout.ts';
import credits from './credits.ts';
import status from './status.ts';
import subscribe from './subscribe.ts';
import topup from './topup.ts';
import verify from './verify.ts';

/** `ci billing`. */
export default function billing(noun: Verb, context: Context): void {
  addVerbs(
    noun,
    [status, credits, topup, verify, card, subscribe, checkout, cancel].map((verb) => verb(context)),
  );
}
