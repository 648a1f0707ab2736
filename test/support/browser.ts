import { chmodSync, existsSync, readFileSync, watch, writeFileSync } from 'node:fs';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { type User, words } from './cli.ts';

/** A browser that only notes what it is to open. */
interface Browser {
  /** Waits until this many pages were opened, which may have come already, and tells all that were. */
  opened(count: number): Promise<readonly string[]>;
}

/** Puts a browser of that kind first in a user's path. */
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
