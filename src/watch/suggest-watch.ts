import { programOf } from '../account/program.ts';
import { SeatsUnavailable } from '../account/purchase/availability.ts';
import { commandOptions, type PurchaseCommand } from '../account/purchase/command-options.ts';
import type { Context } from '../context/context.ts';
import { type Block, blockNames } from '../domain/blocks.ts';
import { CommandError } from '../domain/errors.ts';
import { shellWord } from '../domain/shell-word.ts';
import { shellLines } from '../output/wrap.ts';
import { isTaken } from './failures.ts';

/** A purchase that a watch can make later, with the options of `pools subscribe`. */
export interface WatchablePurchase extends PurchaseCommand {
  readonly pool: string;
  /** Default: all. */
  readonly blocks?: readonly Block[] | undefined;
  /** Whether one of the blocks is enough. */
  readonly isAnyEnough?: boolean;
  readonly again?: boolean | undefined;
  readonly createKey?: string | undefined;
  readonly save?: string | undefined;
  readonly var?: string | undefined;
  readonly force?: boolean | undefined;
}

/** Returns the `pools watch` command that makes a purchase as soon as its seats are available. It asks for consent when it starts. */
export function watchCommand(context: Pick<Context, 'settings'>, purchase: WatchablePurchase): string {
  const { pool, again, createKey, save } = purchase;
  return [
    programOf(context),
    `pools watch ${shellWord(pool)}`,
    blockOptions(purchase),
    '--subscribe',
    ...commandOptions(purchase),
    ...(again ? ['--again'] : []),
    ...(createKey === undefined ? [] : [`--create-key ${shellWord(createKey)}`]),
    ...(save === undefined ? [] : [`--save ${shellWord(save)}`]),
    ...(purchase.var === undefined ? [] : [`--var ${shellWord(purchase.var)}`]),
    ...(purchase.force ? ['--force'] : []),
  ].join(' ');
}

/** A subscription covers all of its blocks, so the watch has to wait for all of them unless one is enough. */
function blockOptions({ blocks = blockNames, isAnyEnough }: WatchablePurchase): string {
  const isWholeDay = blocks.length === blockNames.length;
  if (isAnyEnough) return `--blocks ${isWholeDay ? 'any' : blocks.join(',')}`;
  if (isWholeDay) return '--blocks all';
  return `--blocks ${blocks.join(',')}${blocks.length > 1 ? ' --all-blocks' : ''}`;
}

/** Returns the hint of an error, with the command that waits for seats. */
export function watchHint(command: string): string {
  return `Nothing was charged. To buy as soon as seats are available, run \`${command}\`.`;
}

/** Returns a note with the command that waits for seats, on lines that can be pasted. */
export function watchNote(command: string, width: number): string {
  return `To buy as soon as seats are available, run:\n${shellLines(command, width)}`;
}

/**
 * Calls a function that buys. If the seats aren't available, adds the command that waits for them to the error, ready to be pasted.
 *
 * @throws what the function throws
 */
export async function suggestWatch<Result>(
  context: Pick<Context, 'output' | 'settings'>,
  purchase: WatchablePurchase,
  buy: () => Promise<Result>,
): Promise<Result> {
  try {
    return await buy();
  } catch (error) {
    if (!(error instanceof CommandError) || !mayOpenLater(error)) throw error;
    const command = watchCommand(context, purchase);
    const { width } = context.output;
    if (command.length + 2 <= width) {
      throw error.with({ hint: watchHint(command) });
    }
    // An error is one line, and the terminal would break the command where a shell doesn't continue it.
    context.output.note(watchNote(command, width));
    throw error.with({ hint: 'Nothing was charged.' });
  }
}

/** Returns whether the seats aren't available now, according to the list of pools or the response to the purchase. */
function mayOpenLater(error: CommandError): boolean {
  if (error.outcome !== 'not_applied') return false;
  return error instanceof SeatsUnavailable || (error.status !== undefined && isTaken(error));
}
