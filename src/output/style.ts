import type { Environment } from '../domain/environment.ts';

type Paint = (text: string) => string;

/**
 * The palette: of the terminal's own 16 colours those that can be read on its dark and on its light backgrounds. Yellow cannot
 * on white, nor blue on black: what needs care is magenta. No colour says what the words beside it do not.
 */
export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly good: Paint;
  readonly bad: Paint;
  readonly warning: Paint;
}

/** Text as it is. */
export const plain: Style = { bold: same, dim: same, good: same, bad: same, warning: same };

/**
 * Returns the palette of a stream. Loads chalk only for a stream that is shown in colour, so that pipes don't pay for it.
 *
 * @param noColor - whether `--no-color` was given
 */
export async function styleOf(stream: Stream, env: Environment, noColor: boolean): Promise<Style> {
  if (!wantsColor(stream, env, noColor)) return plain;
  const { painted, terminalHasColors } = await import('./color.ts');
  // chalk can't be given an environment. It is asked only about the process's own.
  const isUnfit = env === process.env && env.FORCE_COLOR === undefined && !terminalHasColors;
  return isUnfit ? plain : painted;
}

interface Stream {
  readonly isTTY?: boolean | undefined;
}

/** Whether a stream may be shown in colour: `--no-color`, then `NO_COLOR`, then `FORCE_COLOR`, then whether it is a terminal. */
export function wantsColor(stream: Stream, env: Environment, noColor: boolean): boolean {
  if (noColor || env.NO_COLOR) return false;
  if (env.FORCE_COLOR !== undefined) return !['0', 'false'].includes(env.FORCE_COLOR);
  return stream.isTTY === true && env.TERM !== 'dumb';
}

function same(text: string): string {
  return text;
}
