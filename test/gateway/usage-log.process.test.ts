import { statSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { UsageLog } from '../../src/gateway/usage-log.ts';
import { children } from '../support/children.ts';
import { emptyFolder } from '../support/folder.ts';
import { needs } from '../support/programs.ts';

const child = children('src/gateway/usage-log.ts');
const start = Date.UTC(2026, 3, 14, 9);

test('counts nothing twice if the disk is full within a line', async (context) => {
  needs(context, 'prlimit');
  const folder = emptyFolder();
  const script = `
    import { execFileSync } from 'node:child_process';
    import { UsageLog } from './module.mjs';
    const log = new UsageLog(${JSON.stringify(folder)}, {}, 'mine', () => ${start});
    for (let client = 1; client <= 40; client++) {
      log.count({ client: String(client), model: 'm', credit: false, key: 'k', promptTokens: client, completionTokens: 1 });
    }
    try {
      log.flush();
    } catch (error) {
      console.log(error.code);
    }
    execFileSync('prlimit', ['--fsize=unlimited:', '--pid', String(process.pid)]);
    log.flush();`;
  // Files may have two blocks, so that the limit is within a line.
  const ended = await child(script, { shell: 'ulimit -S -f 2; exec "$@"' }).ended;
  expect(ended).toMatchObject({ code: 0, stdout: 'EFBIG\n', stderr: '' });
  expect(statSync(path.join(folder, 'gateway-usage-2026-04.jsonl')).size).toBeGreaterThan(4096);
  const usage = new UsageLog(folder, {}, 'mine', () => start).read(3_600_000);
  expect(usage.map(({ client, requests, promptTokens }) => [client, requests, promptTokens])).toEqual(
    Array.from({ length: 40 }, (_, index) => [String(40 - index), 1, 40 - index]),
  );
});
