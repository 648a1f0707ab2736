import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type ConnectionRecord,
  ConnectionRecords,
  digestOf,
  hasSecret,
  hidden,
  revealed,
} from '../../src/tools/records.ts';
import { emptyFolder, modeOf } from '../support/folder.ts';

const record: ConnectionRecord = {
  tool: 'opencode',
  profile: 'default',
  baseUrl: 'https://api.cheapestinference.com',
  model: 'kimi-k2.6',
  contextWindow: 50_000,
  key: { id: 'k1', name: 'app' },
  files: [
    {
      file: '/home/ada/.config/opencode/opencode.json',
      format: 'jsonc',
      backup: '1-opencode.json',
      mode: 0o644,
      holdsSecret: true,
      digests: [digestOf('after'), digestOf('earlier')],
      changes: [
        { path: ['provider', { id: 'x' }], value: { a: [1, true, null, 'b'] }, depth: 0, empty: '{}', ignored: ['c'] },
        { path: ['model'], value: 'x', earlier: ['y'], before: '"y"', isRequired: true, depth: 1, lead: '\r\n' },
      ],
      folders: ['/home/ada/.config/opencode'],
    },
  ],
};
const backup = { name: '1-opencode.json', text: '{\r\n\t// mine ünï\r\n}' };

function recordsIn(folder = emptyFolder()) {
  return { folder, records: new ConnectionRecords(folder, {}) };
}

describe('the records of connections', () => {
  test('return what was saved, with its backups', () => {
    const { folder, records } = recordsIn();
    records.save(record, [backup]);
    const again = new ConnectionRecords(folder, {});
    expect(again.of('opencode', undefined)).toEqual(record);
    expect(again.all()).toEqual([record]);
    expect(again.backup(record, backup.name)).toBe(backup.text);
  });

  test('are readable only for the user', () => {
    const { folder, records } = recordsIn();
    records.save(record, [backup]);
    const place = path.join(folder, 'connections', 'opencode');
    const modes = [path.dirname(place), place, ...readdirSync(place).map((name) => path.join(place, name))].map(modeOf);
    expect(modes).toEqual(['700', '700', '600', '600']);
  });

  test('are one per tool and project', () => {
    const { records } = recordsIn();
    const [one, other] = ['/srv/one', '/srv/other'].map((project) => ({ ...record, project }));
    if (!one || !other) throw new Error('there are no records');
    for (const each of [record, one, other]) records.save({ ...each, model: each.project ?? 'user' }, []);
    const modelOf = (project?: string) => records.of('opencode', project)?.model;
    expect([modelOf(), modelOf('/srv/one'), modelOf('/srv/other')]).toEqual(['user', '/srv/one', '/srv/other']);
    expect(records.of('opencode', '/work')).toBeUndefined();
    expect(records.of('kilo', undefined)).toBeUndefined();
    records.remove(one);
    expect(records.all().map(({ project }) => project)).toEqual([undefined, '/srv/other']);
  });

  test('are replaced by later ones', () => {
    const { records } = recordsIn();
    records.save(record, [backup]);
    records.save({ ...record, model: 'glm-5.1' }, []);
    expect(records.all().map(({ model }) => model)).toEqual(['glm-5.1']);
  });

  test('are none before the first, and removing one that is gone does nothing', () => {
    const { records } = recordsIn();
    expect([records.all(), records.of('opencode', undefined)]).toEqual([[], undefined]);
    expect(() => records.remove(record)).not.toThrow();
  });

  test('ignore directories without a record, as a killed process leaves them', () => {
    const { folder, records } = recordsIn();
    mkdirSync(path.join(folder, 'connections', 'opencode'), { recursive: true });
    writeFileSync(path.join(folder, 'connections', 'opencode', '1-opencode.json'), '{}');
    writeFileSync(path.join(folder, 'connections', 'a-file'), '');
    expect(records.all()).toEqual([]);
  });

  test.each(['', '{', 'null', '{"tool":"opencode"}', JSON.stringify({ ...record, files: [{}] })])(
    'refuse the damaged one %j, and say how to remove it',
    (text) => {
      const { folder, records } = recordsIn();
      records.save(record, []);
      const place = path.join(folder, 'connections', 'opencode');
      writeFileSync(path.join(place, 'connection.json'), text);
      expect(() => records.of('opencode', undefined)).toThrow(
        expect.objectContaining({
          code: 'file_error',
          message: `${path.join(place, 'connection.json')} is damaged`,
          hint: `Remove it: \`rm -r ${place}\`. The settings of the tool stay as they are.`,
          outcome: 'not_applied',
        }),
      );
      expect(readFileSync(path.join(place, 'connection.json'), 'utf8')).toBe(text);
    },
  );

  test('have no text for a backup that someone has removed', () => {
    const { records } = recordsIn();
    expect(records.backup(record, backup.name)).toBe(undefined);
  });
});

describe('the secret of a key', () => {
  const secret = 'sk_live_0123456789abcdefghijklmnopqrstuv';
  const hash = `sha256:${digestOf(secret)}`;

  test('is recorded as its hash, wherever it is', () => {
    const value = { apiKey: secret, list: [secret, 1, null], other: `${secret} `, none: undefined };
    expect(hidden(value, secret)).toEqual({ apiKey: hash, list: [hash, 1, null], other: `${secret} ` });
    expect(hidden(secret, secret)).toBe(hash);
  });

  test('is known again by its hash in what the file has', () => {
    const change = { path: ['key'], value: { apiKey: hash }, earlier: [hash, 'other'], depth: 0 };
    const now = { provider: [{ apiKey: secret }] };
    expect(revealed(change, now)).toEqual({ ...change, value: { apiKey: secret }, earlier: [secret, 'other'] });
    expect(revealed(change, { apiKey: 'another' })).toEqual(change);
    expect(revealed(change, undefined)).toEqual(change);
  });

  test('belongs to the record with its hash', () => {
    const [file] = record.files;
    if (!file) throw new Error('there is no file');
    const change = { path: ['key'], value: { apiKey: hash }, depth: 0 };
    expect(hasSecret({ ...record, files: [{ ...file, changes: [change] }] }, secret)).toBe(true);
    expect(hasSecret(record, secret)).toBe(false);
  });
});
