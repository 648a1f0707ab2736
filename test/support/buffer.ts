import type { Environment } from '../../src/domain/environment.ts';
import { Output, type OutputFlags } from '../../src/output/output.ts';
import type { Sink } from '../../src/output/sink.ts';

/** A sink that keeps what is written. */
export class Buffered implements Sink {
  readonly isTTY: boolean;
  readonly columns: number | undefined;
  text = '';

  constructor(isTTY: boolean, columns?: number) {
    this.isTTY = isTTY;
    this.columns = columns;
  }

  write(text: string, done?: () => void): void {
    this.text += text;
    done?.();
  }
}

/** Creates an output into buffers: a pipe or, with a width, a terminal with this many columns that can show Unicode. */
export function outputTo(width: number | undefined, flags: OutputFlags = {}, more: Environment = { NO_COLOR: '1' }) {
  const env = { LANG: 'C.UTF-8', ...more };
  const stdout = new Buffered(width !== undefined, width);
  const stderr = new Buffered(width !== undefined, width);
  return { output: new Output(stdout, () => stderr, env, flags), stdout, stderr };
}
