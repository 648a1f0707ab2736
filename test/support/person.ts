import { PassThrough } from 'node:stream';
import { Display } from '../../src/output/display.ts';
import type { PromptOptions } from '../../src/prompts/prompts.ts';
import { Buffered } from './buffer.ts';

/** Creates a stream that is a terminal, or not. */
export class Line extends PassThrough {
  readonly isTTY: boolean;

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }
}

/** Creates a terminal display, without color unless requested. */
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
