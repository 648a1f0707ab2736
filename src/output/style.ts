import type { Environment } from '../config/folders.ts';

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

/** Text in colour (ECMA-48, "Select Graphic Rendition"). */
export const painted: Style = {
  bold: paint(1, 22),
  dim: paint(2, 22),
  good: paint(32, 39),
  bad: paint(31, 39),
  warning: paint(35, 39),
};

/** Whether a stream is shown in colour: `--no-color`, then `NO_COLOR`, then `FORCE_COLOR`, then whether it is a terminal. */
export function wantsColor(
  stream: { readonly isTTY?: boolean | undefined },
  env: Environment,
  noColor: boolean,
): boolean {
  if (noColor || env.NO_COLOR) return false;
  if (env.FORCE_COLOR !== undefined) return !['0', 'false'].includes(env.FORCE_COLOR);
  return stream.isTTY === true && env.TERM !== 'dumb';
}

function paint(on: number, off: number): Paint {
  return (text) => (text === '' ? '' : `\u001b[${on}m${text}\u001b[${off}m`);
}

function same(text: string): string {
  return text;
}
