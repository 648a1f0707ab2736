import {
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type SavedKey, SecretsFile } from '../../../src/account/bulk/secrets-file.ts';
import { emptyFolder } from '../../support/folder.ts';

const secretOf = (name: string) => `sk_live_${Buffer.from(name.padEnd(24, 'x')).toString('hex').slice(0, 40)}Z9`;
const keyNamed = (name: string, id = `id-${name}`): SavedKey => ({ id, name, apiKey: secretOf(name) });

/** A secrets file of a test, which may not exist. */
function fileNamed(name: string, content?: string) {
  const cwd = emptyFolder();
  const file = path.join(cwd, name);
  if (content !== undefined) writeFileSync(file, content, { mode: 0o600 });
  return {
    file,
    open: () => SecretsFile.open({ cwd }, name),
    /** Opens the file, appends keys and closes it. */
    async add(...keys: readonly SavedKey[]) {
      const secrets = await SecretsFile.open({ cwd }, name);
      try {
        await Promise.all(keys.map((key) => secrets.add(key)));
      } finally {
        secrets.close();
      }
    },
    get content() {
      return readFileSync(file, 'utf8');
    },
    get mode() {
      return statSync(file).mode & 0o777;
    },
  };
}

const acme = `{"id":"id-acme","name":"acme","apiKey":"${secretOf('acme')}"}\n`;
const csvHeader = 'id,name,apiKey,subscriptionId\r\n';
const csvAcme = `id-acme,acme,${secretOf('acme')},\r\n`;

test.each(['secrets.ndjson', 'secrets.csv'])(
  'keeps the keys of another process if the run that created %s is declined',
  async (name) => {
    const secrets = fileNamed(name);
    const declined = await secrets.open();
    await secrets.add(keyNamed('acme'));
    declined.discard();
    declined.close();
    expect(secrets.content).toContain(secretOf('acme'));
  },
);

test('writes a key per line, for its owner only', async () => {
  const secrets = fileNamed('secrets.ndjson');
  await secrets.add(keyNamed('acme'), { ...keyNamed('globex'), id: undefined, subscriptionId: 'sub-1' });
  expect(secrets.content).toBe(
    `${acme}{"id":null,"name":"globex","apiKey":"${secretOf('globex')}","subscriptionId":"sub-1"}\n`,
  );
  expect(secrets.mode).toBe(0o600);
});

test('writes CSV if its name says so, and keeps each name as it is', async () => {
  const secrets = fileNamed('secrets.CSV');
  await secrets.add(keyNamed('acme'), { ...keyNamed('=1+1, "x"', 'id-2'), subscriptionId: 'sub-1' });
  expect(secrets.content).toBe(`${csvHeader}${csvAcme}id-2,"=1+1, ""x""",${secretOf('=1+1, "x"')},sub-1\r\n`);
});

test.each(['secrets.ndjson', 'secrets.csv'])('returns the secrets that %s had when it was opened', async (name) => {
  const file = fileNamed(name);
  await file.add(keyNamed('acme'));
  const secrets = await file.open();
  expect(await secrets.secretOf('id-acme')).toBe(secretOf('acme'));
  expect(await secrets.secretOf('id-other')).toBe(undefined);
  secrets.close();
});

test.each(['secrets.ndjson', 'secrets.csv'])('knows the keys of %s that an earlier run wrote', async (name) => {
  const secrets = fileNamed(name);
  await secrets.add(keyNamed('acme'), keyNamed('a,"b"'));
  const before = secrets.content;
  const again = await secrets.open();
  again.close();
  expect([again.has('id-acme'), again.has('id-a,"b"'), again.has('other')]).toEqual([true, true, false]);
  expect(['acme', 'a,"b"', 'other'].map((name) => again.idsOf(name).length)).toEqual([1, 1, 0]);
  expect(secrets.content).toBe(before);
});

test('restricts the permissions of a file that others can read', async () => {
  const secrets = fileNamed('secrets.ndjson', acme);
  chmodSync(secrets.file, 0o644);
  await secrets.add(keyNamed('globex'));
  expect(secrets.mode).toBe(0o600);
});

test.each([
  ['secrets.ndjson', acme.trimEnd(), acme],
  ['secrets.csv', (csvHeader + csvAcme).trimEnd(), csvHeader + csvAcme],
  ['secrets.csv', csvHeader.trimEnd(), csvHeader],
])('completes the last line of %s if an editor left no line break: %j', async (name, content, whole) => {
  const secrets = fileNamed(name, content);
  await secrets.add(keyNamed('globex'));
  expect(secrets.content.replaceAll('\r', '')).toMatch(
    new RegExp(`^${escaped(whole.replaceAll('\r', ''))}[^\\n]*globex[^\\n]*\\n$`),
  );
});

describe('a line that a crash cut off', () => {
  const key = keyNamed('a,"b"}', 'id,"2"');

  test.each(['secrets.ndjson', 'secrets.csv'])('is removed from %s, wherever it was cut', async (name) => {
    const whole = fileNamed(name);
    await whole.add(keyNamed('acme'));
    const before = statSync(whole.file).size;
    await whole.add(key);
    const full = readFileSync(whole.file);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: full.length - 1 }), async (size) => {
        writeFileSync(whole.file, full);
        truncateSync(whole.file, size);
        const secrets = await whole.open();
        const ids = [secrets.has('id-acme'), secrets.has('id,"2"')];
        await secrets.add(keyNamed('globex'));
        secrets.close();
        // A key counts as saved only with its whole secret.
        const isSaved = (each: SavedKey) => full.toString('utf8', 0, size).includes(each.apiKey);
        if (ids[0]) expect(isSaved(keyNamed('acme'))).toBe(true);
        if (ids[1]) expect(isSaved(key)).toBe(true);
        if (size >= before) expect(ids[0]).toBe(true);
        // The file can be read again.
        const again = await whole.open();
        again.close();
        expect([again.has('id-acme'), again.has('id,"2"'), again.has('id-globex')]).toEqual([...ids, true]);
      }),
      { numRuns: 150 },
    );
  });
});

describe('a file that is something else', () => {
  test.each([
    ['secrets.ndjson', '{ "name": "x"', 'line 1 of an object without its end'],
    ['secrets.ndjson', '{\n  "name": "x"\n}\n', 'a JSON document'],
    ['secrets.ndjson', '{"id":"1","name":"acme"}\n', 'objects without secrets'],
    ['secrets.ndjson', '{"id":"1","name":"acme","apiKey":"sk_live_…abcd"}\n', 'a masked secret'],
    ['secrets.ndjson', '[1,2]\n', 'an array'],
    ['secrets.ndjson', 'API_KEY=1\n', 'a dotenv file'],
    ['secrets.ndjson', 'API_KEY=1', 'a dotenv file without a line break'],
    ['secrets.ndjson', `${acme}not JSON\n`, 'a line that was added'],
    ['secrets', 'name,type\nacme,credit\n', 'the input'],
    ['secrets.csv', 'name,type\nacme,credit\n', 'the input'],
    ['secrets.csv', 'name,type\nacme,credit', 'the input without a last line break'],
    ['secrets.csv', 'name,type\n', 'a header'],
    ['secrets.csv', 'name', 'a word'],
    ['secrets.csv', `${csvHeader}1,acme,secret,\n`, 'something else than secrets'],
    ['secrets.csv', '\0\0\0\0PNG\n', 'bytes'],
  ])('is refused and stays as it is: %s with %j', async (name, content) => {
    const secrets = fileNamed(name, content);
    await expect(secrets.open()).rejects.toMatchObject({
      code: 'usage',
      hint: 'Choose another file for --save-to. Nothing was sent.',
      outcome: 'not_applied',
    });
    expect(secrets.content).toBe(content);
  });

  test('says which line is wrong', async () => {
    await expect(fileNamed('secrets.ndjson', `${acme}{}\n`).open()).rejects.toThrow(
      "Line 2 of secrets.ndjson isn't a key with its secret",
    );
    await expect(fileNamed('secrets.csv', 'name,type\n').open()).rejects.toThrow(
      'secrets.csv is another CSV file: its first line isn\'t "id,name,apiKey,subscriptionId"',
    );
  });

  test('is refused if it is a directory, a symbolic link, or has a second name', async () => {
    const folder = fileNamed('secrets.ndjson');
    mkdirSync(folder.file);
    await expect(folder.open()).rejects.toMatchObject({ code: 'file_error' });
    const link = fileNamed('secrets.ndjson');
    symlinkSync('elsewhere', link.file);
    await expect(link.open()).rejects.toThrow('is a symbolic link');
    const second = fileNamed('secrets.ndjson', acme);
    linkSync(second.file, `${second.file}.2`);
    await expect(second.open()).rejects.toThrow('has 2 hard links');
  });

  test('is refused if its directory is missing', async () => {
    await expect(fileNamed('missing/secrets.ndjson').open()).rejects.toThrow(
      "Can't write to missing/secrets.ndjson: no such file or directory",
    );
    await expect(fileNamed('secrets.ndjson').open()).resolves.toBeDefined();
  });

  test('is refused without a name', async () => {
    await expect(SecretsFile.open({ cwd: emptyFolder() }, ' ')).rejects.toThrow('--save-to is empty');
  });
});

test('refuses keys after the file was removed, or replaced by another', async () => {
  for (const change of ['removed', 'replaced']) {
    const secrets = fileNamed('secrets.ndjson');
    const open = await secrets.open();
    if (change === 'removed') rmSync(secrets.file);
    else {
      writeFileSync(`${secrets.file}.new`, 'other');
      renameSync(`${secrets.file}.new`, secrets.file);
    }
    await expect(open.add(keyNamed('acme'))).rejects.toThrow(
      "Can't write to secrets.ndjson: it was removed in the meantime",
    );
    expect(open.has('id-acme')).toBe(false);
    open.close();
  }
});

test('lets two writers append at once without mixing their lines', async () => {
  const secrets = fileNamed('secrets.ndjson');
  const writers = [await secrets.open(), await secrets.open()];
  const names = Array.from({ length: 200 }, (_, at) => `key-${at}`);
  await Promise.all(names.map((name, at) => writers[at % 2]?.add(keyNamed(name))));
  for (const writer of writers) writer.close();
  const saved = secrets.content
    .trimEnd()
    .split('\n')
    .map((line): SavedKey => JSON.parse(line));
  expect(saved.map(({ name }) => name).sort()).toEqual([...names].sort());
});

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

test('may have its header twice, as two processes that create it at once leave it', async () => {
  const secrets = fileNamed('secrets.csv', `${csvHeader}${csvHeader}`);
  await secrets.add(keyNamed('acme'));
  expect((await secrets.open()).idsOf('acme').length).toBe(1);
});
