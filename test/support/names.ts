import { expect } from 'vitest';
import type { Ended, Environment, User } from './cli.ts';

/** Completes names as a completion script does, and checks that it exits with 0 and prints nothing else. */
export async function complete(me: User, request: string, env: Environment = {}): Promise<string[]> {
  const { code, stdout, stderr }: Ended = await me.process(`--complete ${request}`, { env });
  expect([request, code, stderr]).toEqual([request, 0, '']);
  return stdout === '' ? [] : stdout.replace(/\n$/, '').split('\n');
}

/** Waits until names are cached, which a shell doesn't wait for. */
export async function atHand(me: User, request: string, env: Environment = {}): Promise<string[]> {
  for (let look = 0; look < 100; look += 1) {
    const names = await complete(me, request, env);
    if (names.length > 0) return names;
  }
  throw new Error(`the names never came: ${request}`);
}
