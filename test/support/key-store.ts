import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Environment, type User, user } from './cli.ts';

/** A secret as the API creates it. */
export const storedSecret = 'sk_live_0123456789abcdefghijklmnopqrstuv';

/** Returns the file in which a user's keys are stored. */
export function keyFileOf({ home }: User): string {
  return path.join(home, 'config', 'cheapestinference', 'secrets.json');
}

/** Returns the entries of the file in which a user's keys are stored. */
export function storedEntries(me: User): unknown {
  return JSON.parse(readFileSync(keyFileOf(me), 'utf8')).keys;
}

/** Stores keys for the default profile, as `ci` does. */
export function storeKeys(me: User, keys: readonly object[], apiUrl = 'https://api.cheapestinference.com'): void {
  const file = keyFileOf(me);
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const entries = keys.map((key) => ({
    profile: 'default',
    apiUrl,
    maskedKey: 'sk_live_…stuv',
    secret: storedSecret,
    ...key,
  }));
  writeFileSync(file, JSON.stringify({ keys: entries }), { mode: 0o600 });
}

/** Creates a user with one stored key. */
export function keyHolder(env: Environment = {}): User {
  const me = user(env);
  storeKeys(me, [{ name: 'prod' }]);
  return me;
}
