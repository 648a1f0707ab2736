import * as z from 'zod/mini';
import { ApiClient } from '../../src/api/client.ts';
import { pause } from '../../src/api/pause.ts';
import type { ProxySettings } from '../../src/api/proxies.ts';
import { CommandError } from '../../src/domain/errors.ts';

/** A request to send from a process of its own, because only a process can be made to trust an authority. */
export interface Job {
  readonly baseUrl: string;
  readonly proxies: ProxySettings;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly timeout: number;
}

/** The result of the request. */
export interface Report {
  readonly value?: unknown;
  readonly error?: { code: string; message: string; outcome: string | undefined; exitCode: number };
  readonly trace: readonly string[];
}

async function run({ baseUrl, proxies, method, path, timeout }: Job): Promise<Report> {
  const trace: string[] = [];
  const client = new ApiClient({
    baseUrl: new URL(baseUrl),
    managementKey: 'mk_test_abc123def456',
    userAgent: 'test',
    timeout,
    proxies,
    now: Date.now,
    monotonic: () => performance.now(),
    sleep: pause,
    interrupt: new AbortController().signal,
    trace: (line) => trace.push(line),
  });
  try {
    const value = await (method === 'GET'
      ? client.read(path, z.unknown())
      : client.change(method, path, z.unknown(), { blocks: ['asia'] }));
    return { value, trace };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const { code, message, outcome, exitCode } = error;
    return { error: { code, message, outcome, exitCode }, trace };
  } finally {
    await client.close();
  }
}

process.once('message', async (job: Job) => {
  process.send?.(await run(job), () => process.disconnect());
});
