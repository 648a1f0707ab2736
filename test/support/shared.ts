import { afterAll, beforeAll } from 'vitest';

/** Registers a function to call when something isn't needed any more. */
export type WhenOver = (cleanUp: () => void | Promise<void>) => void;

/** Starts something once for all tests of a file. @returns a function that returns it, for use in tests */
export function shared<Started>(start: (whenOver: WhenOver) => Promise<Started>): () => Started {
  let started: { readonly it: Started } | undefined;
  const cleanUps: (() => void | Promise<void>)[] = [];
  beforeAll(async () => {
    started = { it: await start((cleanUp) => cleanUps.push(cleanUp)) };
  });
  afterAll(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  });
  return () => {
    if (!started) throw new Error('it starts before the first test');
    return started.it;
  };
}
