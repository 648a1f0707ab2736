import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { thisProcess } from '../../src/state/process.ts';
import { openFallbackFile, undeliveredIn } from '../../src/state/undelivered.ts';
import { children } from '../support/children.ts';
import { emptyFolder } from '../support/folder.ts';

const child = children('src/state/undelivered.ts');

function onlyFile(folder: string): string {
  const [name = '', ...others] = readdirSync(folder);
  expect(others).toEqual([]);
  return join(folder, name);
}

/** Opens a fallback file in a folder, without a report when this process ends. */
function fallbackIn(folder: string) {
  return openFallbackFile(folder, {}, () => {});
}

/** Returns a child's script with a fallback file in the folder. */
function withFallback(folder: string, work: string): string {
  return `
    import { openFallbackFile } from './module.mjs';
    const fallback = openFallbackFile(${JSON.stringify(folder)}, {}, (file) => process.stdout.write('left ' + file));
    ${work}`;
}

describe('a fallback file', () => {
  test('reserves its space before there is a secret, in a file that only its owner can read', () => {
    const folder = join(emptyFolder(), 'not', 'there');
    const fallback = fallbackIn(folder);
    const file = onlyFile(folder);
    const { machine, pid, started } = thisProcess();
    expect(file).toContain(`/undelivered-${machine}.${pid}.${started || '-'}.`);
    expect(file).toMatch(/\.[0-9a-f]{8}\.key$/);
    expect(readFileSync(file, 'utf8')).toMatch(/^ {4096}$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    fallback.discard();
  });

  test('does so whatever the umask is', async () => {
    const folder = join(emptyFolder(), 'not', 'there');
    const script = withFallback(folder, `fallback.add('sk_live_x'); console.log(fallback.keep());`);
    const { stdout } = await child(script, { shell: 'umask 0; exec "$@"' }).ended;
    const file = onlyFile(folder);
    expect(stdout).toBe(`${file}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(file)).mode & 0o777).toBe(0o700);
  });

  test('is removed after everything was delivered, and other files stay', () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'history.jsonl'), 'x');
    const fallback = fallbackIn(folder);
    fallback.add('sk_live_x');
    fallback.discard();
    expect(readdirSync(folder)).toEqual(['history.jsonl']);
  });

  test('belongs to one caller', () => {
    const folder = emptyFolder();
    const [first, second] = [fallbackIn(folder), fallbackIn(folder)];
    first.add('one');
    second.add('two');
    expect([first.keep(), second.keep()].map((file) => readFileSync(file, 'utf8'))).toEqual(['one\n', 'two\n']);
  });

  test('fails immediately without space', () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'file'), '');
    expect(() => fallbackIn(join(folder, 'file'))).toThrowError(/EEXIST|ENOTDIR/);
  });

  test('leaves nothing behind on a full disk', async () => {
    const folder = emptyFolder();
    const script = `
      import { openFallbackFile } from './module.mjs';
      try {
        openFallbackFile(${JSON.stringify(folder)}, {}, () => {});
        console.log('opened');
      } catch (error) {
        console.log(error.message);
      }`;
    // Limits files to one block of 512 bytes.
    const { stdout } = await child(script, { shell: 'ulimit -f 1; exec "$@"' }).ended;
    expect(stdout).toMatch(/EFBIG|the disk is full/);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a kept file', () => {
  test.each([
    ['one secret', ['sk_live_a'], 'sk_live_a\n'],
    ['three secrets on a line each', ['a', 'b', 'c'], 'a\nb\nc\n'],
    ['20 secrets', Array(20).fill('sk_live_0123456789abcdefghijklmnopqrstuv'), undefined],
    ['a secret that is longer than the reserved space', ['x'.repeat(5000), 'y'], undefined],
    ['secrets with multibyte characters', ['schlüssel', 'ü'], 'schlüssel\nü\n'],
  ])('contains exactly %s', (_what, secrets, text = `${secrets.join('\n')}\n`) => {
    const folder = emptyFolder();
    const fallback = fallbackIn(folder);
    for (const secret of secrets) fallback.add(secret);
    const file = fallback.keep();
    expect(file).toBe(onlyFile(folder));
    expect(readFileSync(file, 'utf8')).toBe(text);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('contains each secret from the moment it is added', () => {
    const folder = emptyFolder();
    const fallback = fallbackIn(folder);
    fallback.add('one');
    expect(readFileSync(onlyFile(folder), 'utf8').trimEnd()).toBe('one');
    fallback.add('two');
    expect(readFileSync(onlyFile(folder), 'utf8').trimEnd()).toBe('one\ntwo');
    fallback.discard();
  });
});

describe('a kept secret with a missing file', () => {
  const losses: readonly [string, (file: string) => void][] = [
    ['the file was removed', (file) => rmSync(file)],
    ['the folder was removed', (file) => rmSync(dirname(file), { recursive: true })],
    [
      'another file took its place',
      (file) => {
        rmSync(file);
        writeFileSync(file, 'of someone else');
      },
    ],
    [
      'a link took its place',
      (file) => {
        rmSync(file);
        symlinkSync('/dev/null', file);
      },
    ],
  ];

  test.each(losses)('is in an existing file: %s', (_what, lose) => {
    const folder = join(emptyFolder(), 'state');
    const fallback = fallbackIn(folder);
    fallback.add('one');
    const first = onlyFile(folder);
    lose(first);
    fallback.add('two');
    const file = fallback.keep();
    expect(file).not.toBe(first);
    expect(file).toBe(onlyFile(folder));
    expect(readFileSync(file, 'utf8')).toBe('one\ntwo\n');
    expect([statSync(file).mode & 0o777, statSync(folder).mode & 0o777]).toEqual([0o600, 0o700]);
  });

  test('is reported as lost if no directory can be created', () => {
    const folder = join(emptyFolder(), 'state');
    const fallback = fallbackIn(folder);
    fallback.add('one');
    rmSync(folder, { recursive: true });
    writeFileSync(folder, '');
    expect(() => fallback.keep()).toThrow(/EEXIST|ENOTDIR/);
    expect(readFileSync(folder, 'utf8')).toBe('');
  });

  test('is reported as lost by a process that ends early', async () => {
    const folder = join(emptyFolder(), 'state');
    const work = `
      import { rmSync, writeFileSync } from 'node:fs';
      fallback.add('one');
      rmSync(${JSON.stringify(folder)}, { recursive: true });
      writeFileSync(${JSON.stringify(folder)}, '');
      process.exit(130);`;
    expect(await child(withFallback(folder, work)).ended).toMatchObject({
      code: 130,
      stdout: 'left undefined',
      stderr: '',
    });
  });
});

describe('a process that ends early', () => {
  test('leaves nothing without a secret', async () => {
    const folder = emptyFolder();
    expect(await child(withFallback(folder, 'process.exit(130)')).ended).toMatchObject({ code: 130, stdout: '' });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('keeps its secrets, and says where', async () => {
    const folder = emptyFolder();
    const { code, stdout } = await child(
      withFallback(folder, `fallback.add('a'); fallback.add('b'); process.exit(130)`),
    ).ended;
    expect([code, stdout]).toEqual([130, `left ${onlyFile(folder)}`]);
    expect(readFileSync(onlyFile(folder), 'utf8')).toBe('a\nb\n');
  });

  test.each(['keep', 'discard'])('says nothing more after %s', async (end) => {
    const folder = emptyFolder();
    const { stdout } = await child(withFallback(folder, `fallback.add('a'); fallback.${end}(); process.exit(0)`)).ended;
    expect(stdout).toBe('');
    expect(readdirSync(folder)).toHaveLength(end === 'keep' ? 1 : 0);
  });

  test('leaves its secrets if it is killed, and they are found', async () => {
    const folder = emptyFolder();
    const killed = child(withFallback(folder, `fallback.add('a'); console.log('added'); process.stdin.resume();`));
    await killed.says('added');
    expect(undeliveredIn(folder)).toEqual([]);
    killed.kill('SIGKILL');
    await killed.ended;
    expect(undeliveredIn(folder)).toEqual([onlyFile(folder)]);
    expect(readFileSync(onlyFile(folder), 'utf8').trimEnd()).toBe('a');
  });

  test('leaves reserved space if it is killed before there is a secret, which is removed', async () => {
    const folder = emptyFolder();
    const killed = child(withFallback(folder, `console.log('opened'); process.stdin.resume();`));
    await killed.says('opened');
    expect(undeliveredIn(folder)).toEqual([]);
    expect(existsSync(onlyFile(folder))).toBe(true);
    killed.kill('SIGKILL');
    await killed.ended;
    expect(undeliveredIn(folder)).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('undeliveredIn', () => {
  test('finds nothing in a missing folder', () => {
    expect(undeliveredIn(join(emptyFolder(), 'none'))).toEqual([]);
  });

  test('ignores files with other names', () => {
    const folder = emptyFolder();
    for (const name of ['history.jsonl', 'undelivered.key', 'undelivered-x.key', 'undelivered-0.1.1.0.key.bak']) {
      writeFileSync(join(folder, name), 'x');
    }
    mkdirSync(join(folder, 'undelivered-0.1.1.0.key'));
    expect(undeliveredIn(folder)).toEqual([]);
    expect(readdirSync(folder)).toHaveLength(5);
  });

  test('reports a file of another machine with a secret, and removes one without after a day', () => {
    const folder = emptyFolder();
    const [secret = '', fresh = '', old = ''] = ['a', 'b', 'c'].map((each) => {
      const file = join(folder, `undelivered-0123456789ab.1.1.${each}.key`);
      writeFileSync(file, each === 'a' ? 'sk_live_x\n' : ' '.repeat(4096));
      return file;
    });
    const yesterday = new Date(Date.now() - 25 * 3_600_000);
    utimesSync(old, yesterday, yesterday);
    expect(undeliveredIn(folder)).toEqual([secret]);
    expect(readdirSync(folder).map((name) => join(folder, name))).toEqual([secret, fresh]);
  });
});
