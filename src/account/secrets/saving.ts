import { usageError } from '../../domain/errors.ts';
import type { Dotenv } from '../../output/dotenv.ts';

/** Where a secret is to be written, as typed. */
export interface Saving {
  readonly save?: string;
  readonly var?: string;
}

/** Where a secret was written. */
export interface Saved {
  readonly savedTo: string;
  readonly variable: string;
}

/** Refuses what is no file and no variable. @throws CommandError (usage) */
export async function checkSaving(saving: Saving): Promise<void> {
  if (saving.var !== undefined && saving.save === undefined) throw usageError('--var goes with --save');
  if (saving.save?.trim() === '') throw usageError('--save is empty', 'Name a dotenv file: --save .env');
  if (saving.var === undefined) return;
  const { checkVariable } = await import('../../output/dotenv.ts');
  checkVariable(saving.var);
}

/** The place of a secret in a file. */
export function savedIn({ file }: Dotenv, saving: Saving): Saved {
  return { savedTo: file, variable: variableOf(saving) };
}

/** The variable that a secret is written to. */
export function variableOf({ var: variable }: Saving): string {
  return variable ?? 'CHEAPESTINFERENCE_API_KEY';
}
