import type { Command } from 'commander';
import { addVerbs } from '../command.ts';
import type { Context } from '../context.ts';
import status from './status.ts';

/** `ci billing`. */
export default function billing(noun: Command, context: Context): void {
  addVerbs(noun, [status(context)]);
}
