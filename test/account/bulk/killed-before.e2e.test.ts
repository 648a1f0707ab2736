import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { settlesIn, userOf } from '../../support/cli.ts';
import { keyApi } from '../../support/key-api.ts';
import { withResolvers } from '../../support/resolvers.ts';

test('replaces no other secret at a destination if an earlier command was killed before it created the key', async () => {
  const { promise: struck, resolve: strike } = withResolvers();
  const api = await keyApi({
    faultOf: (_request, count) => {
      if (count > 0) return undefined;
      strike();
      return 'silence';
    },
  });
  const me = userOf(api);
  settlesIn(me, '1s');
  const running = me.start('keys create acme --credit --save .env --yes');
  await struck;
  running.kill('SIGKILL');
  await running.ended;
  const credential = path.join(me.home, 'other.cred');
  writeFileSync(path.join(me.home, 'bin', 'systemd-creds'), '#!/bin/sh\ncat\n', { mode: 0o755 });
  writeFileSync(path.join(me.home, 'customers.csv'), 'name,type,to\nacme,credit,systemd:other.cred\n');
  writeFileSync(credential, 'another secret\n', { mode: 0o600 });
  const { code, stderr } = await me.process('keys create --from customers.csv --yes --json');
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('other.cred already exists') });
  expect(readFileSync(credential, 'utf8')).toBe('another secret\n');
  expect(api.active()).toEqual([]);
});
