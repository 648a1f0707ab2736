import { writeSync } from 'node:fs';
import { cacheFolder, configFolder, sandboxFolder } from '../config/folders.ts';
import { savedProfiles } from '../config/saved-profiles.ts';
import { accountOf, resolveSettings } from '../config/settings.ts';
import type { Surroundings } from '../domain/environment.ts';
import { harmless } from '../output/text.ts';
import { startInBackground } from '../state/background.ts';
import { type CachedNames, CompletionCache, completed, type KnownName } from './cache.ts';
import { type CompletionRequest, parseRequest, requestWords } from './request.ts';

/** Time limit for the shell's answer since the process started, in milliseconds. A person notices 300. */
const deadline = 250;
/** Age from which cached names are fetched again, in milliseconds. */
const staleAfter = 60_000;
/** Age from which cached names aren't offered, in milliseconds. */
const uselessAfter = 24 * 3_600_000;
/** How long a request counts as under way, in milliseconds. */
const requestTime = 10_000;
/** How often to check for a response, in milliseconds. */
const checkInterval = 10;

/**
 * Prints the names that a completion script asks for: one per line, with a description after a tab. Prints nothing else and always
 * succeeds, because a shell is waiting in the middle of a line. Loads only what it needs.
 *
 * @param args - see `parseRequest`
 * @param refresh - the program that fetches names in the background, as in `startInBackground`
 */
export async function complete(args: readonly string[], refresh: readonly string[]): Promise<void> {
  const surroundings: Surroundings = {
    env: process.env,
    get cwd() {
      return process.cwd();
    },
  };
  process.on('uncaughtException', () => process.exit(0));
  try {
    const request = parseRequest(args);
    const names =
      request.kind === 'profiles' ? profileNames(surroundings) : await accountNames(request, refresh, surroundings);
    const lines = offered(names, request).map(([name, description]) => `${name}\t${description}\n`);
    if (lines.length > 0) writeSync(1, lines.join(''));
  } catch {
    // Nothing can be offered, or the shell has stopped reading.
  }
  process.exit(0);
}

function profileNames(surroundings: Surroundings): KnownName[] {
  const profiles = savedProfiles(configFolder(surroundings));
  return profiles.names().map((name) => {
    const { apiUrl = '' } = profiles.get(name) ?? {};
    return { name, description: name === profiles.current ? `in use ${apiUrl}`.trim() : apiUrl, id: '' };
  });
}

/** Returns names of the account: from the cache, or from the API if it responds in time. */
async function accountNames(
  request: CompletionRequest,
  refresh: readonly string[],
  surroundings: Surroundings,
): Promise<readonly KnownName[]> {
  const { env } = surroundings;
  const kind = completed.find((each) => each === request.kind);
  if (!kind) return [];
  const settings = resolveSettings(request.flags, env, savedProfiles(configFolder(surroundings)));
  if (kind !== 'pools' && !settings.sandbox.value && !settings.managementKey) return [];
  const cache = new CompletionCache(cacheFolder(env), env, kind, accountOf(settings, sandboxFolder(env)));
  const now = Date.now();
  const cached = cache.read();
  if (isYounger(cached.at, staleAfter, now)) return cached.names ?? [];
  const underWay = isYounger(cached.requested, requestTime, now);
  if (!underWay) {
    cache.markRequested(now);
    await startInBackground(refresh, requestWords(request), { env });
  }
  if (isYounger(cached.at, uselessAfter, now)) return cached.names ?? [];
  const since = underWay ? (cached.requested ?? now) : now;
  return (await responseSince(cache, since)).names ?? [];
}

/** Waits for the response to a request. Returns nothing if it fails, or takes too long. */
async function responseSince(cache: CompletionCache, since: number): Promise<CachedNames> {
  for (;;) {
    const cached = cache.read();
    if ((cached.at ?? 0) >= since) return cached;
    if ((cached.failed ?? 0) >= since || performance.now() >= deadline) return {};
    await new Promise((resolve) => setTimeout(resolve, checkInterval));
  }
}

/** Returns what to offer: names that a shell reads as one word, and ids of things without one, or if something is typed. */
function offered(
  all: readonly KnownName[],
  { typed, given }: CompletionRequest,
): [name: string, description: string][] {
  const isUnique = (name: string) => all.filter((each) => each.name === name).length === 1;
  const names = all.filter(({ name, id }) => !given.includes(id) && !(given.includes(name) && isUnique(name)));
  const byName = names
    .filter(({ name }) => isWord(name) && isUnique(name))
    .map(({ name, description }): [string, string] => [name, harmless(description)]);
  const byId = names
    .filter(({ id, name }) => isWord(id) && id !== name && (typed || !isWord(name) || !isUnique(name)))
    .map(({ id, name, description }): [string, string] => [
      id,
      harmless([name, description].filter(Boolean).join(', ')),
    ]);
  return [...byName, ...byId];
}

/** Returns whether a name is visible text, not an option, and not a home directory for fish. */
function isWord(name: string): boolean {
  return name.trim() !== '' && !/^[-~]/.test(name) && harmless(name) === name;
}

function isYounger(time: number | undefined, age: number, now: number): boolean {
  return time !== undefined && time <= now && now - time < age;
}
