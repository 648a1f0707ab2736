import { version } from '../../package.json';
import type { Api } from '../api/index.ts';
import { pause } from '../api/pause.ts';
import { cacheFolder, sandboxFolder } from '../config/folders.ts';
import { accountOf } from '../config/settings.ts';
import { createContext } from '../context/create.ts';
import type { World } from '../context/world.ts';
import { type Completed, CompletionCache, completed, type KnownName } from './cache.ts';
import { parseRequest } from './request.ts';

/** Time limit of the request, in milliseconds. */
const timeout = 8000;
/** Time limit of this process, in milliseconds. */
const lifetime = 9000;

/** Fetches names from the API and caches them. Runs in the background of {@link complete}. @param args - see `parseRequest` */
export async function refresh(args: readonly string[]): Promise<void> {
  setTimeout(() => process.exit(0), lifetime);
  const request = parseRequest(args);
  const kind = completed.find((each) => each === request.kind);
  if (!kind) return;
  const world: World = {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    get cwd() {
      return process.cwd();
    },
    now: Date.now,
    monotonic: () => performance.now(),
    sleep: pause,
    timeZone: 'UTC',
    version,
    interrupt: AbortSignal.timeout(timeout),
  };
  // With JSON, nothing is printed besides the result.
  const context = createContext(world, () => ({ ...request.flags, json: true, input: false, color: false }));
  const { env } = world;
  const cache = new CompletionCache(cacheFolder(env), env, kind, accountOf(context.settings, sandboxFolder(env)));
  const { requested } = cache.read();
  try {
    const names = await namesOf(kind, await context.api());
    cache.saveResult(requested, () => ({ requested, names, at: Date.now() }));
  } catch {
    cache.saveResult(requested, (cached) => ({ ...cached, failed: Date.now() }));
  } finally {
    await context.close();
  }
}

async function namesOf(kind: Completed, { billing, keys, pools }: Api): Promise<KnownName[]> {
  if (kind === 'pools') {
    return (await pools.list()).map(({ id, slug, modelName, modelId, status }) =>
      known(slug, id, modelName ?? modelId, status),
    );
  }
  if (kind === 'keys') {
    return (await keys.list()).map(({ id, name, keyType, isActive }) =>
      known(name, id, keyType, isActive === false ? 'inactive' : undefined),
    );
  }
  const { poolPledges } = await billing.status();
  return (poolPledges ?? []).map(({ id, poolSlug, poolId, status, cancelAtPeriodEnd }) =>
    known(id, id, poolSlug ?? poolId, status, cancelAtPeriodEnd ? 'ending' : undefined),
  );
}

function known(name: string | null | undefined, id: string, ...facts: (string | null | undefined)[]): KnownName {
  return { name: name ?? id, id, description: facts.filter(Boolean).join(', ') };
}
