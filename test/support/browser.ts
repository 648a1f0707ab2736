import { chmodSync, existsSync, readFileSync, watch, writeFileSync } from 'node:fs';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { type User, words } from './cli.ts';

/** A browser that only records what it should open. */
interface Browser {
  /** Waits until this many pages have been opened. @returns all of them */
  opened(count: number): Promise<readonly string[]>;
}

/** Puts such a browser first in a user's path. */
export function browser({ home }: User): Browser {
  const program = path.join(home, 'bin', 'xdg-open');
  const notes = path.join(home, 'pages');
  writeFileSync(program, '#!/bin/sh\nprintf "%s\\n" "$*" >>"$HOME/pages"\n');
  chmodSync(program, 0o755);
  const pages = () => (existsSync(notes) ? words(readFileSync(notes, 'utf8').replaceAll('\n', ' ')) : []);
  return {
    opened: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (pages().length < count) return;
          watcher.close();
          resolve(pages());
        };
        const watcher = watch(home, look);
        onTestFinished(() => watcher.close());
        look();
      }),
  };
}
