import { Chalk, supportsColor, supportsColorStderr } from 'chalk';

const chalk = new Chalk({ level: 1 });

/** A style that writes text in colour. */
export const painted = {
  bold: (text: string) => chalk.bold(text),
  dim: (text: string) => chalk.dim(text),
  good: (text: string) => chalk.green(text),
  bad: (text: string) => chalk.red(text),
  warning: (text: string) => chalk.magenta(text),
};

/** Whether the terminal of this process has colours. chalk looks at the streams, environment and arguments of the process itself. */
export const terminalHasColors = Boolean(supportsColor || supportsColorStderr);
