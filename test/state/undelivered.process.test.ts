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
import { openRefuge, undeliveredIn } from '../../src/state/undelivered.ts';
import { children } from '../support/children.ts';
import { emptyFolder } from '../support/folder.ts';

const child = children('src/state/undelivered.ts');

function onlyFile(folder: string): string {
  const [name = '', ...others] = readdirSync(folder);
  expect(others).toEqual([]);
  return join(folder, name);
}

/** Room in a folder, of which nobody is told when this process ends. */
function roomIn(folder: string) {
  return openRefuge(folder, {}, () => {});
}

/** A child's script, with room in the folder. */
function inRoom(folder: string, work: string): string {
  return `
    import { openRefuge } from './module.mjs';
    const refuge = openRefuge(${JSON.stringify(folder)}, {}, (file) => process.stdout.write('left ' + file));
    ${work}`;
}

describe('room for secrets', () => {
  test('is taken before there is one, in a file that only its owner can read', () => {
    const folder = join(emptyFolder(), 'not', 'there');
    const refuge = roomIn(folder);
    const file = onlyFile(folder);
    const { machine, pid, started } = thisProcess();
    expect(file).toContain(`/undelivered-${machine}.${pid}.${started || '-'}.`);
    expect(file).toMatch(/\.[0-9a-f]{8}\.key$/);
    expect(readFileSync(file, 'utf8')).toMatch(/^ {4096}$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    refuge.discard();
  });

  test('is so whatever the umask', async () => {
    const folder = join(emptyFolder(), 'not', 'there');
    const script = inRoom(folder, `refuge.add('sk_live_x'); console.log(refuge.keep());`);
    const { stdout } = await child(script, { shell: 'umask 0; exec "$@"' }).ended;
    const file = onlyFile(folder);
    expect(stdout).toBe(`${file}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(file)).mode & 0o777).toBe(0o700);
  });

  test('is given back when all was delivered, and the folder’s other files stay', () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'history.jsonl'), 'x');
    const refuge = roomIn(folder);
    refuge.add('sk_live_x');
    refuge.discard();
    expect(readdirSync(folder)).toEqual(['history.jsonl']);
  });

  test('is each caller’s own', () => {
    const folder = emptyFolder();
    const [first, second] = [roomIn(folder), roomIn(folder)];
    first.add('one');
    second.add('two');
    expect([first.keep(), second.keep()].map((file) => readFileSync(file, 'utf8'))).toEqual(['one\n', 'two\n']);
  });

  test('that there is not is told at once', () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'file'), '');
    expect(() => roomIn(join(folder, 'file'))).toThrowError(/EEXIST|ENOTDIR/);
  });

  test('that a full disk does not have leaves nothing behind', async () => {
    const folder = emptyFolder();
    const script = `
      import { openRefuge } from './module.mjs';
      try {
        openRefuge(${JSON.stringify(folder)}, {}, () => {});
        console.log('opened');
      } catch (error) {
        console.log(error.message);
      }`;
    // No file may be longer than one block of 512 bytes.
    const { stdout } = await child(script, { shell: 'ulimit -f 1; exec "$@"' }).ended;
    expect(stdout).toMatch(/EFBIG|the disk is full/);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('what is kept', () => {
  test.each([
    ['one secret', ['sk_live_a'], 'sk_live_a\n'],
    ['three, a line each', ['a', 'b', 'c'], 'a\nb\nc\n'],
    ['as many as there can be seats', Array(20).fill('sk_live_0123456789abcdefghijklmnopqrstuv'), undefined],
    ['what is longer than the room', ['x'.repeat(5000), 'y'], undefined],
    ['letters of several bytes', ['schlüssel', 'ü'], 'schlüssel\nü\n'],
  ])('is just that: %s', (_what, secrets, text = `${secrets.join('\n')}\n`) => {
    const folder = emptyFolder();
    const refuge = roomIn(folder);
    for (const secret of secrets) refuge.add(secret);
    const file = refuge.keep();
    expect(file).toBe(onlyFile(folder));
    expect(readFileSync(file, 'utf8')).toBe(text);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('is in the file from the moment it is added', () => {
    const folder = emptyFolder();
    const refuge = roomIn(folder);
    refuge.add('one');
    expect(readFileSync(onlyFile(folder), 'utf8').trimEnd()).toBe('one');
    refuge.add('two');
    expect(readFileSync(onlyFile(folder), 'utf8').trimEnd()).toBe('one\ntwo');
    refuge.discard();
  });
});

describe('a kept secret whose file is gone', () => {
  const losses: readonly [string, (file: string) => void][] = [
    ['the file was removed', (file) => rmSync(file)],
    ['the folder was removed', (file) => rmSync(dirname(file), { recursive: true })],
    [
      'another file took its place',
      (file) => {
        rmSync(file);
        writeFileSync(file, 'of somebody else');
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

  test.each(losses)('is in a file that exists: %s', (_what, lose) => {
    const folder = join(emptyFolder(), 'state');
    const refuge = roomIn(folder);
    refuge.add('one');
    const first = onlyFile(folder);
    lose(first);
    refuge.add('two');
    const file = refuge.keep();
    expect(file).not.toBe(first);
    expect(file).toBe(onlyFile(folder));
    expect(readFileSync(file, 'utf8')).toBe('one\ntwo\n');
    expect([statSync(file).mode & 0o777, statSync(folder).mode & 0o777]).toEqual([0o600, 0o700]);
  });

  test('is reported as lost if no folder can be created', () => {
    const folder = join(emptyFolder(), 'state');
    const refuge = roomIn(folder);
    refuge.add('one');
    rmSync(folder, { recursive: true });
    writeFileSync(folder, '');
    expect(() => refuge.keep()).toThrow(/EEXIST|ENOTDIR/);
    expect(readFileSync(folder, 'utf8')).toBe('');
  });

  test('is reported as lost by a process that ends early', async () => {
    const folder = join(emptyFolder(), 'state');
    const work = `
      import { rmSync, writeFileSync } from 'node:fs';
      refuge.add('one');
      rmSync(${JSON.stringify(folder)}, { recursive: true });
      writeFileSync(${JSON.stringify(folder)}, '');
      process.exit(130);`;
    expect(await child(inRoom(folder, work)).ended).toMatchObject({ code: 130, stdout: 'left undefined', stderr: '' });
  });
});

describe('a process that ends in its middle', () => {
  test('without a secret leaves nothing', async () => {
    const folder = emptyFolder();
    expect(await child(inRoom(folder, 'process.exit(130)')).ended).toMatchObject({ code: 130, stdout: '' });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('with secrets leaves them, and tells where', async () => {
    const folder = emptyFolder();
    const { code, stdout } = await child(inRoom(folder, `refuge.add('a'); refuge.add('b'); process.exit(130)`)).ended;
    expect([code, stdout]).toEqual([130, `left ${onlyFile(folder)}`]);
    expect(readFileSync(onlyFile(folder), 'utf8')).toBe('a\nb\n');
  });

  test.each(['keep', 'discard'])('after %s tells nothing more', async (end) => {
    const folder = emptyFolder();
    const { stdout } = await child(inRoom(folder, `refuge.add('a'); refuge.${end}(); process.exit(0)`)).ended;
    expect(stdout).toBe('');
    expect(readdirSync(folder)).toHaveLength(end === 'keep' ? 1 : 0);
  });

  test('as it was killed leaves its secrets, which are found', async () => {
    const folder = emptyFolder();
    const killed = child(inRoom(folder, `refuge.add('a'); console.log('added'); process.stdin.resume();`));
    await killed.says('added');
    expect(undeliveredIn(folder)).toEqual([]);
    killed.kill('SIGKILL');
    await killed.ended;
    expect(undeliveredIn(folder)).toEqual([onlyFile(folder)]);
    expect(readFileSync(onlyFile(folder), 'utf8').trimEnd()).toBe('a');
  });

  test('as it was killed before there was a secret: the room is cleared away', async () => {
    const folder = emptyFolder();
    const killed = child(inRoom(folder, `console.log('opened'); process.stdin.resume();`));
    await killed.says('opened');
    expect(undeliveredIn(folder)).toEqual([]);
    expect(existsSync(onlyFile(folder))).toBe(true);
    killed.kill('SIGKILL');
    await killed.ended;
    expect(undeliveredIn(folder)).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('what lies in the folder', () => {
  test('is looked for in vain where there is none', () => {
    expect(undeliveredIn(join(emptyFolder(), 'none'))).toEqual([]);
  });

  test('is no undelivered secret by another name', () => {
    const folder = emptyFolder();
    for (const name of ['history.jsonl', 'undelivered.key', 'undelivered-x.key', 'undelivered-0.1.1.0.key.bak']) {
      writeFileSync(join(folder, name), 'x');
    }
    mkdirSync(join(folder, 'undelivered-0.1.1.0.key'));
    expect(undeliveredIn(folder)).toEqual([]);
    expect(readdirSync(folder)).toHaveLength(5);
  });

  test('of another machine is told when it holds a secret, and cleared away after a day when it does not', () => {
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
