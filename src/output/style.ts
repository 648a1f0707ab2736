import type { Environment } from '../config/folders.ts';

type Paint = (text: string) => string;

/** The palette: the terminal's own colours, readable on dark and on light. */
export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly good: Paint;
  readonly bad: Paint;
  readonly warning: Paint;
}

const plain: Style = { bold: same, dim: same, good: same, bad: same, warning: same };

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

/** The palette in colour, or one that leaves text as it is; chalk is loaded for colour alone. */
export async function loadStyle(color: boolean): Promise<Style> {
  if (!color) return plain;
  const { Chalk } = await import('chalk');
  const chalk = new Chalk({ level: 1 });
  return {
    bold: (text) => chalk.bold(text),
    dim: (text) => chalk.dim(text),
    good: (text) => chalk.green(text),
    bad: (text) => chalk.red(text),
    warning: (text) => chalk.yellow(text),
  };
}

function same(text: string): string {
  return text;
}
