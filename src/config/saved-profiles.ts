import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Profile, Profiles } from './profiles.ts';

/** The saved profiles, to read. */
export type SavedProfiles = Pick<Profiles, 'current' | 'get' | 'names'>;

/**
 * The saved profiles, read without the schema: where a shell waits, loading that takes longer than all the rest. What is not as it
 * should be is not there.
 *
 * @throws Error when the file is no JSON
 */
export function savedProfiles(folder: string): SavedProfiles {
  const file = textOf(path.join(folder, 'config.json'));
  const content: unknown = file === undefined ? undefined : JSON.parse(file);
  const { currentProfile, profiles } = entries(content);
  const saved = entries(profiles);
  return {
    current: text(currentProfile),
    names: () => Object.keys(saved),
    get(name) {
      if (!Object.hasOwn(saved, name)) return undefined;
      const { apiUrl, managementKey, timeout } = entries(saved[name]);
      const profile: Profile = { apiUrl: text(apiUrl), managementKey: text(managementKey), timeout: text(timeout) };
      return profile;
    },
  };
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function entries(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
