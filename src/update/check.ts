import { name, version } from '../../package.json';
import { proxiesOf } from '../api/proxies.ts';
import { Transport } from '../api/transport.ts';
import { isReleased, readKnown, writeKnown } from './known.ts';

/** Time limit of the registry, in milliseconds, so that no process stays behind. */
const timeout = 10_000;

/**
 * Asks the registry for the newest version, and saves it. Errors aren't shown, because the next check is a day later.
 *
 * @param file - see `knownFile`
 */
export async function checkUpdate(file: string, env: NodeJS.ProcessEnv): Promise<void> {
  const registry = env.npm_config_registry || env.NPM_CONFIG_REGISTRY || 'https://registry.npmjs.org';
  const transport = new Transport(proxiesOf(env), timeout);
  try {
    const { status, body } = await transport.exchange({
      method: 'GET',
      url: new URL(`${name}/latest`, registry.endsWith('/') ? registry : `${registry}/`),
      headers: { accept: 'application/json', 'user-agent': `cheapestinference-cli/${version}` },
      signal: AbortSignal.timeout(timeout),
    });
    const answer: unknown = status === 200 ? JSON.parse(body) : undefined;
    const latest: unknown = typeof answer === 'object' && answer !== null ? Reflect.get(answer, 'version') : undefined;
    if (isReleased(latest)) writeKnown(file, { ...readKnown(file), latest }, env);
  } finally {
    await transport.close();
  }
}
