// Runs a gateway with seats that aren't those of an account, until its standard input ends.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const [module, api, seats] = process.argv.slice(2);
const { Gateway } = await import(module);
const folder = mkdtempSync(path.join(tmpdir(), 'ci-bench-'));
const tokenFile = path.join(folder, 'token');
const token = 'gw_benchmark';
writeFileSync(tokenFile, token);

const gateway = new Gateway({
  api: new URL(api),
  proxies: {},
  host: '127.0.0.1',
  port: 0,
  tokens: [{ token, client: undefined }],
  waitsOutside: false,
  queueLimit: 10_000,
  queueTimeout: 600_000,
  wall: Date.now,
  monotonic: () => performance.now(),
});
await gateway.start();
gateway.update(
  Array.from({ length: Number(seats) }, (_, at) => ({
    id: `seat-${at}`,
    name: `seat-${at}`,
    secret: `sk_pool_${at}`,
    pool: 'bench',
    subscriptionId: `subscription-${at}`,
    hours: undefined,
    models: new Set(['bench']),
    listed: [{ id: 'bench' }],
    version: '1',
  })),
);
console.log(JSON.stringify({ event: 'started', url: gateway.url, tokenFile }));
process.stdin.resume().on('end', async () => {
  await gateway.close();
  rmSync(folder, { recursive: true });
});
