import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { settlesIn, type User, userOf } from '../../support/cli.ts';
import { at, listAt, textAt } from '../../support/sandbox.ts';
import { answer, type Behavior, recordedSandbox, reset } from '../../support/servers.ts';

test('never revokes the key of another command if the answer about a key of that name is lost', async () => {
  let hasBegun = false;
  const other: User[] = [];
  const codes: (number | null)[] = [];
  const api = await recordedSandbox({
    instead({ method, path: url }) {
      if (method === 'GET' && url === '/api/keys') return withoutSecrets;
      if (url !== '/api/keys/credit' || hasBegun) return undefined;
      hasBegun = true;
      return async (request, response) => {
        for (const user of other) {
          const { code } = await user.process('keys create acme --credit --again --save .env --yes');
          codes.push(code);
        }
        await reset(request, response);
      };
    },
  });
  const withoutSecrets: Behavior = async (request, response) => {
    const { body } = await api.box.call('GET', '/api/keys', {});
    await answer(200, JSON.stringify(body).replaceAll(/"apiKey":"[^"]*",?/g, ''))(request, response);
  };
  const me = userOf(api);
  settlesIn(me, '1s');
  other.push(me);
  writeFileSync(path.join(me.home, 'customers.csv'), 'name,type\nacme,credit\n');
  await me.process('keys create --from customers.csv --save-to secrets.ndjson --yes --json');
  expect(codes).toEqual([0]);
  const [created] = api.changes;
  expect(created).toBe('POST /api/keys/credit');
  expect(api.changes.filter((change) => change.startsWith('DELETE'))).toEqual([]);
  expect(
    listAt(await api.box.data('GET', '/api/keys'))
      .filter((key) => at(key, 'isActive') === true)
      .map((key) => textAt(key, 'name')),
  ).toContain('acme');
});
