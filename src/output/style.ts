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

/** What decides about colour besides a stream and the environment. */
export interface ColorOptions {
  /** Whether `--no-color` was given. */
  readonly noColor: boolean;
  /** Whether the terminal has colours; by default it has. */
  readonly terminalHasColors?: (() => Promise<boolean>) | undefined;
}

/** Returns the palette of a stream. Loads chalk only for a stream that may be shown in colour, so that pipes don't pay for it. */
export async function styleOf(
  stream: Stream,
  env: Environment,
  { noColor, terminalHasColors = async () => true }: ColorOptions,
): Promise<Style> {
  if (!wantsColor(stream, env, noColor)) return plain;
  if (env.FORCE_COLOR === undefined && !(await terminalHasColors())) return plain;
  const { painted } = await import('./color.ts');
  return painted;
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
