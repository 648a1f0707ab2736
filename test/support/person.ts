import { PassThrough } from 'node:stream';
import { Display } from '../../src/output/display.ts';
import type { PromptOptions } from '../../src/prompts/prompts.ts';
import { Buffered } from './buffer.ts';

/** A stream that a terminal is behind, or not. */
export class Line extends PassThrough {
  readonly isTTY: boolean;

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }
}

/** A terminal as people see it, without colour unless it is asked for. */
export function terminal(env: Readonly<Record<string, string>> = {}, columns = 80): Display {
  return new Display(
    new Buffered(true, columns),
    { NO_COLOR: '1', LANG: 'C.UTF-8', ...env },
    { noColor: false },
    'linux',
  );
}

/** Returns the options for asking a user on a terminal who has consented to nothing. */
export function promptOptions(more: Partial<PromptOptions> = {}): PromptOptions {
  return {
    allowed: true,
    yes: false,
    display: terminal(),
    dumb: false,
    interrupt: new AbortController().signal,
    ...more,
  };
}
