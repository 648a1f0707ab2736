import type { Command } from 'commander';
import { addVerbs } from '../command.ts';
import type { Context } from '../context.ts';
import login from './login.ts';
import logout from './logout.ts';
import status from './status.ts';

/** `ci auth`. */
export default function auth(noun: Command, context: Context): void {
  addVerbs(noun, [login(context), logout(context), status(context)]);
}
