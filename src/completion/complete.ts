import { writeSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder, configFolder, sandboxFolder } from '../config/folders.ts';
import { savedProfiles } from '../config/saved-profiles.ts';
import { accountOf, resolveSettings } from '../config/settings.ts';
import type { Surroundings } from '../domain/environment.ts';
import { harmless } from '../output/text.ts';
import { startInBackground } from '../state/background.ts';
import { CompletionCache, completed, type KeptNames, type KnownName } from './cache.ts';
import { type CompletionRequest, parseRequest, requestWords } from './request.ts';

/** When the shell has its answer at the latest, in milliseconds since this process began: it must not wait for 300. */
const deadline = 250;
/** How old names may be before they are asked for again, and before they are worth nothing, in milliseconds. */
const fresh = 60_000;
const worthless = 24 * 3_600_000;
/** How long it is not asked again after a failure, in milliseconds. */
const patience = 10_000;
/** How often to look whether the answer has come, in milliseconds. */
const betweenLooks = 10;

/**
 * What the completion scripts run for values: prints names, a line each, with what they are after a tab. It says nothing else and
 * ends well whatever is wrong: a shell is waiting in the middle of a line. Nothing is loaded here that this does not need.
 *
 * @param args - as `parseRequest` reads them
 */
export async function complete(args: readonly string[]): Promise<void> {
  const surroundings: Surroundings = {
    env: process.env,
    get cwd() {
      return process.cwd();
    },
  };
  process.on('uncaughtException', () => process.exit(0));
  try {
    const request = parseRequest(args);
    const names = request.kind === 'profiles' ? profileNames(surroundings) : await knownNames(request, surroundings);
    const lines = offered(names, request).map(([name, description]) => `${name}\t${description}\n`);
    if (lines.length > 0) writeSync(1, lines.join(''));
  } catch {
    // Nothing is known, or the shell no longer listens.
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

/** What the account holds: at once when it is at hand, else as soon as it has come, if that is in time. */
async function knownNames(request: CompletionRequest, surroundings: Surroundings): Promise<readonly KnownName[]> {
  const { env } = surroundings;
  const kind = completed.find((each) => each === request.kind);
  if (!kind) return [];
  const settings = resolveSettings(request.flags, env, savedProfiles(configFolder(surroundings)));
  if (kind !== 'pools' && !settings.sandbox.value && !settings.managementKey) return [];
  const cache = new CompletionCache(cacheFolder(env), env, kind, accountOf(settings, sandboxFolder(env)));
  const now = Date.now();
  const kept = cache.read();
  if (isYounger(kept.at, fresh, now)) return kept.names ?? [];
  const underWay = isYounger(kept.asked, patience, now);
  if (!underWay) {
    cache.ask(now);
    await startInBackground(path.join(import.meta.dirname, 'refresh.js'), requestWords(request), { env });
  }
  if (isYounger(kept.at, worthless, now)) return kept.names ?? [];
  const since = underWay ? (kept.asked ?? now) : now;
  return (await answered(cache, since)).names ?? [];
}

/** What is kept once it is known whether there is an answer, or when there is no more time. */
async function answered(cache: CompletionCache, since: number): Promise<KeptNames> {
  for (;;) {
    const kept = cache.read();
    if ((kept.at ?? 0) >= since) return kept;
    if ((kept.failed ?? 0) >= since || performance.now() >= deadline) return {};
    await new Promise((resolve) => setTimeout(resolve, betweenLooks));
  }
}

/** What is offered: names that a shell can take for words, and ids where there is no such name or something is typed. */
function offered(
  all: readonly KnownName[],
  { typed, given }: CompletionRequest,
): [name: string, description: string][] {
  const isTheOnly = (name: string) => all.filter((each) => each.name === name).length === 1;
  const names = all.filter(({ name, id }) => !given.includes(id) && !(given.includes(name) && isTheOnly(name)));
  const byName = names
    .filter(({ name }) => isWord(name) && isTheOnly(name))
    .map(({ name, description }): [string, string] => [name, harmless(description)]);
  const byId = names
    .filter(({ id, name }) => isWord(id) && id !== name && (typed || !isWord(name) || !isTheOnly(name)))
    .map(({ id, name, description }): [string, string] => [
      id,
      harmless([name, description].filter(Boolean).join(', ')),
    ]);
  return [...byName, ...byId];
}

/** Whether a name is what it shows, no flag, and nothing that fish takes for a home folder wherever it stands. */
function isWord(name: string): boolean {
  return name.trim() !== '' && !/^[-~]/.test(name) && harmless(name) === name;
}

function isYounger(time: number | undefined, age: number, now: number): boolean {
  return time !== undefined && time <= now && now - time < age;
}
