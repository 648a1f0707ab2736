import type { Environment } from '../domain/environment.ts';

type Paint = (text: string) => string;

/**
 * The palette. It has only those of the terminal's 16 colors that are legible on dark and light backgrounds: yellow isn't on white,
 * and blue isn't on black, so warnings are magenta. No color carries information that the text lacks.
 */
export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly good: Paint;
  readonly bad: Paint;
  readonly warning: Paint;
}

/** The palette without color. */
export const plain: Style = { bold: same, dim: same, good: same, bad: same, warning: same };

/** What decides about color, besides the stream and the environment. */
export interface ColorOptions {
  /** Whether `--no-color` was given. */
  readonly noColor: boolean;
  /** Whether the terminal has colors; by default, it does. */
  readonly terminalHasColors?: (() => Promise<boolean>) | undefined;
}

/** Returns the palette of a stream. Loads chalk only for a stream that may have color, so that pipes don't pay for it. */
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

/** Returns whether a stream may have color: `--no-color`, `NO_COLOR` and `FORCE_COLOR` decide, in this order, then the terminal. */
export function wantsColor(stream: Stream, env: Environment, noColor: boolean): boolean {
  if (noColor || env.NO_COLOR) return false;
  if (env.FORCE_COLOR !== undefined) return !['0', 'false'].includes(env.FORCE_COLOR);
  return stream.isTTY === true && env.TERM !== 'dumb';
}

function same(text: string): string {
  return text;
}
