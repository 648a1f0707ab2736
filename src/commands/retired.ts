import type { Context } from './context.ts';

/** Says that a command belongs to the flat plans, which are no longer sold. */
export function sayRetired({ output }: Context, instead: string): void {
  output.note(`The flat plans are retired; ${instead}.`);
}
