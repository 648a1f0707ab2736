import { Chalk, supportsColor, supportsColorStderr } from 'chalk';

const chalk = new Chalk({ level: 1 });

/** The palette in color. */
export const painted = {
  bold: (text: string) => chalk.bold(text),
  dim: (text: string) => chalk.dim(text),
  good: (text: string) => chalk.green(text),
  bad: (text: string) => chalk.red(text),
  warning: (text: string) => chalk.magenta(text),
};

/** Whether the terminal of this process has colors. chalk reads the process's own streams, environment and arguments. */
export const terminalHasColors = Boolean(supportsColor || supportsColorStderr);
