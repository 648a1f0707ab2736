import { addVerbs, type Verb } from '../command.ts';
import type { Context } from '../context.ts';
import list from './list.ts';
import login from './login.ts';
import logout from './logout.ts';
import status from './status.ts';
import switchProfile from './switch.ts';
import token from './token.ts';

/** `ci auth`. */
export default function auth(noun: Verb, context: Context): void {
  addVerbs(
    noun,
    [login, logout, status, list, switchProfile, token].map((verb) => verb(context)),
  );
}
