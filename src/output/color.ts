import { Chalk, supportsColor, supportsColorStderr } from 'chalk';
import type { Style } from './style.ts';

const chalk = new Chalk({ level: 1 });

/** Text in colour. */
export const painted: Style = {
  bold: (text) => chalk.bold(text),
  dim: (text) => chalk.dim(text),
  good: (text) => chalk.green(text),
  bad: (text) => chalk.red(text),
  warning: (text) => chalk.magenta(text),
};

/** Whether the terminal of this process has colours. chalk looks at the process's own streams and environment. */
export const terminalHasColors = Boolean(supportsColor || supportsColorStderr);
