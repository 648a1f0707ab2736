import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { json, settlesIn, userOf } from '../../support/cli.ts';
import { type KeyFault, keyApi, keyFaults } from '../../support/key-api.ts';

const settling = '3s';
const lateness = 700;

test('revokes exactly the keys of a file, although the API often fails and the process is killed', async () => {
  const count = 200;
  let step = 0;
  /** Numbers that look random, the same in each run. */
  const random = () => {
    step = (step * 1_103_515_245 + 12_345) % 2 ** 31;
    return step / 2 ** 31;
  };
  const faultOf = ({ method }: { readonly method: string }): KeyFault | undefined => {
    if (method !== 'DELETE' || random() >= 0.2) return undefined;
    const fault = keyFaults[Math.floor(random() * keyFaults.length)];
    return fault === 'masked' ? undefined : fault;
  };
  const api = await keyApi({ faultOf, lateness });
  const me = userOf(api);
  settlesIn(me, settling);
  const names = Array.from({ length: 2 * count }, (_, at) => `customer-${at}`);
  const write = (file: string, some: readonly string[]) =>
    writeFileSync(path.join(me.home, file), `name,type\n${some.map((name) => `${name},credit\n`).join('')}`);
  write('all.csv', names);
  write('former.csv', names.slice(0, count));
  await me.process('keys create --from all.csv --save-to secrets.ndjson --yes');
  const kept = api.active().filter(({ name }) => names.indexOf(name) >= count);
  expect(kept).toHaveLength(count);
  const command = 'keys delete --from former.csv --yes --json --timeout 1s --concurrency 8';
  for (let kill = 0; kill < 5; kill++) {
    const due = api.received.length + 2 + Math.floor(random() * 50);
    const running = me.start(command);
    await Promise.race([running.ended, api.arrived(due)]);
    running.kill('SIGKILL');
    await running.ended;
  }
  const last = await me.process(command);
  expect([last.code, last.stderr]).toEqual([0, '']);
  const { revoked, gone, failed }: { revoked?: number; gone?: number; failed?: number } = Object(json(last));
  expect([Number(revoked) + Number(gone), failed]).toEqual([count, 0]);
  await api.settled();
  expect(api.active()).toEqual(kept);
}, 120_000);
