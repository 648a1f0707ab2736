import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Profiles } from '../../src/config/profiles.ts';
import { withLock } from '../../src/state/lock.ts';
import { emptyFolder, modeOf } from '../support/folder.ts';
import { profilesIn, realTime } from '../support/world.ts';

const work = { apiUrl: 'https://api.cheapestinference.com', managementKey: 'mk_work' };
const home = { apiUrl: 'http://127.0.0.1:8787', managementKey: 'mk_home' };

/** Creates profiles in a folder that doesn't exist yet. */
function profiles(): Profiles {
  return profilesIn(join(emptyFolder(), 'deep', 'config'));
}

describe('profiles', () => {
  test('contains none before the first is saved, and writes nothing to find out', () => {
    const saved = profiles();
    expect([saved.names(), saved.current, saved.get('default')]).toEqual([[], undefined, undefined]);
    expect(() => statSync(saved.folder)).toThrow('ENOENT');
  });

  test('keeps profiles, and makes the first the current one', async () => {
    const saved = profiles();
    await saved.save('work', work);
    await saved.save('home', home);
    const again = profilesIn(saved.folder);
    expect([again.names(), again.current]).toEqual([['work', 'home'], 'work']);
    expect([again.get('work'), again.get('home'), again.get('toString')]).toEqual([work, home, undefined]);
  });

  test('keeps them in a file and a folder that only their owner can read', async () => {
    const saved = profiles();
    await saved.save('work', work);
    expect([modeOf(saved.folder), modeOf(saved.file)]).toEqual(['700', '600']);
    expect(readdirSync(saved.folder)).toEqual(['config.json']);
  });

  test('closes a file and a folder that were open to others', async () => {
    const saved = profilesIn(emptyFolder());
    writeFileSync(saved.file, '{}', { mode: 0o644 });
    await saved.save('work', work);
    expect([modeOf(saved.folder), modeOf(saved.file)]).toEqual(['700', '600']);
  });

  test('replaces a profile by name', async () => {
    const saved = profiles();
    await saved.save('work', work);
    await saved.save('work', { ...work, managementKey: 'mk_new' });
    expect([saved.names(), saved.get('work')?.managementKey]).toEqual([['work'], 'mk_new']);
  });

  test('removes a profile without making another the current one', async () => {
    const saved = profiles();
    await saved.save('work', work);
    await saved.save('home', home);
    await saved.removeKey('work');
    expect([saved.names(), saved.current, saved.get('work')]).toEqual([['home'], 'work', undefined]);
    expect(readFileSync(saved.file, 'utf8')).not.toContain('mk_work');
    await saved.removeKey('home');
    expect([saved.names(), saved.current]).toEqual([[], 'work']);
  });

  test('keeps the current profile if another is removed', async () => {
    const saved = profiles();
    await saved.save('work', work);
    await saved.save('home', home);
    await saved.removeKey('home');
    await saved.removeKey('never saved');
    expect([saved.names(), saved.current]).toEqual([['work'], 'work']);
  });

  test('keeps the preferences of a profile whose key is removed', async () => {
    const saved = profiles();
    await saved.save('work', { ...work, output: 'json', timeout: '2m' });
    await saved.save('home', home);
    await saved.removeKey('work');
    expect([saved.get('work'), saved.current]).toEqual([{ output: 'json', timeout: '2m' }, 'work']);
    expect(readFileSync(saved.file, 'utf8')).not.toContain('mk_work');
  });

  test('switches between profiles', async () => {
    const saved = profiles();
    await saved.save('work', work);
    await saved.save('home', home);
    await saved.switchTo('home');
    expect([saved.current, saved.names(), saved.get('work')]).toEqual(['home', ['work', 'home'], work]);
  });

  test.each(['a.b', 'a.b.c', '', ' ', 'constructor', 'toString', 'größe', 'a/b', '"', '__proto'])(
    'accepts the name %j',
    async (name) => {
      const saved = profiles();
      await saved.save(name, work);
      await saved.save('other', home);
      expect([saved.names(), saved.current, saved.get(name)]).toEqual([[name, 'other'], name, work]);
      await saved.removeKey(name);
      expect([saved.names(), saved.get(name)]).toEqual([['other'], undefined]);
    },
  );

  test('refuses the name __proto__', async () => {
    const saved = profiles();
    await expect(saved.save('__proto__', work)).rejects.toMatchObject({ code: 'usage', exitCode: 2 });
    expect([saved.names(), saved.get('__proto__')]).toEqual([[], undefined]);
  });

  test('accepts any other name', async () => {
    const name = fc.string({ unit: 'grapheme' }).filter((text) => text !== '__proto__');
    await fc.assert(
      fc.asyncProperty(name, async (text) => {
        const saved = profiles();
        await saved.save(text, work);
        expect([saved.names(), saved.get(text)]).toEqual([[text], work]);
      }),
      { numRuns: 25 },
    );
  });

  test('keeps what another version wrote next to them', async () => {
    const saved = profilesIn(emptyFolder());
    writeFileSync(saved.file, JSON.stringify({ theme: 'dark', profiles: { home: { ...home, note: 'mine' } } }));
    await saved.save('work', work);
    await saved.removeKey('work');
    expect(JSON.parse(readFileSync(saved.file, 'utf8'))).toEqual({
      theme: 'dark',
      profiles: { home: { ...home, note: 'mine' } },
      currentProfile: 'work',
    });
  });

  test('keeps a link to the file', async () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'real.json'), '{}');
    symlinkSync(join(folder, 'real.json'), join(folder, 'config.json'));
    await profilesIn(folder).save('work', work);
    expect(readFileSync(join(folder, 'real.json'), 'utf8')).toContain('mk_work');
  });
});

describe('a damaged file', () => {
  test.each([
    ['cut short', '{"currentProfile":"work","profiles":{"work":{"apiUrl":"https://a'],
    ['empty', ''],
    ['a list', '[]'],
    ['of other types', '{"profiles":{"work":{"apiUrl":"https://a","managementKey":7}}}'],
    ['with an invalid format', '{"profiles":{"work":{"output":"xml"}}}'],
    ['with a timeout of another type', '{"profiles":{"work":{"timeout":30}}}'],
    ['with an invalid API URL', '{"profiles":{"work":{"apiUrl":"nowhere","managementKey":"mk_work"}}}'],
    ['binary', '\u0000\u0001'],
  ])('is named in the error and left unchanged: %s', async (_how, content) => {
    const saved = profilesIn(emptyFolder());
    writeFileSync(saved.file, content);
    const damaged = expect.objectContaining({
      code: 'file_error',
      exitCode: 1,
      message: `${saved.file} is damaged, and was left unchanged`,
      hint: 'Repair it, or run `ci auth login`, which keeps it under another name and creates a new one.',
    });
    expect(() => saved.current).toThrow(damaged);
    expect(() => saved.get('work')).toThrow(damaged);
    await expect(saved.save('work', work)).rejects.toEqual(damaged);
    await expect(saved.removeKey('work')).rejects.toEqual(damaged);
    expect(readFileSync(saved.file, 'utf8')).toBe(content);
    expect(readdirSync(saved.folder)).toEqual(['config.json']);
  });

  test('is an error if it is a directory', () => {
    const saved = profilesIn(emptyFolder());
    mkdirSync(saved.file);
    expect(() => saved.current).toThrow(
      expect.objectContaining({
        code: 'file_error',
        message: `Can't read ${saved.file}: it is a directory`,
      }),
    );
  });
});

test('is kept under another name if asked to, and a new one is created', async () => {
  const folder = emptyFolder();
  for (const content of ['{"profiles":', 'no JSON']) {
    const notes: string[] = [];
    const saved = profilesIn(folder, { tell: (message) => notes.push(message) });
    writeFileSync(saved.file, content);
    saved.replaceDamaged();
    expect([saved.names(), readFileSync(saved.file, 'utf8')]).toEqual([[], content]);
    await saved.save('work', work);
    const [, aside = ''] = / It was kept as (\S+), and a new file was created\.$/.exec(notes.join()) ?? [];
    expect([readFileSync(aside, 'utf8'), modeOf(aside)]).toEqual([content, '600']);
    expect([saved.names(), saved.get('work')]).toEqual([['work'], work]);
  }
  expect(readdirSync(folder)).toHaveLength(3);
});

describe('a change', () => {
  test('starts from what is saved at that moment, whatever was read before', async () => {
    const saved = profiles();
    await saved.save('work', work);
    const other = profilesIn(saved.folder);
    expect(other.get('work')).toEqual(work);
    await saved.save('work', (before) => ({ ...before, timeout: '2m' }));
    await other.save('work', (before) => ({ ...before, output: 'json' }));
    await other.save('home', home);
    expect(profilesIn(saved.folder).get('work')).toEqual({ ...work, timeout: '2m', output: 'json' });
    expect([saved.names(), other.names()]).toEqual([
      ['work', 'home'],
      ['work', 'home'],
    ]);
  });

  test('loses none of many at once', async () => {
    const { folder } = profiles();
    const names = Array.from({ length: 12 }, (_, at) => `p${at}`);
    await Promise.all(names.map((name) => profilesIn(folder).save(name, work)));
    expect(profilesIn(folder).names().toSorted()).toEqual(names.toSorted());
    expect(readdirSync(folder)).toEqual(['config.json']);
  });

  test('waits only as long as allowed', async () => {
    const saved = profiles();
    const other = { folder: saved.folder, name: 'config', env: {}, patience: 0, ...realTime };
    const impatient = profilesIn(saved.folder, {
      pause: async () => {
        throw new Error('enough');
      },
    });
    await withLock(other, async () => {
      await expect(impatient.save('work', work)).rejects.toThrow('enough');
    });
    expect(existsSync(saved.file)).toBe(false);
  });

  test('removes what a killed process left', async () => {
    const saved = profiles();
    await saved.save('work', work);
    writeFileSync(`${saved.file}.draft-4194304`, '{"profiles":{"home":{"managementKey":"mk_home');
    await saved.save('home', home);
    expect(readdirSync(saved.folder)).toEqual(['config.json']);
  });

  test('leaves everything unchanged if it fails before it is written', async () => {
    const saved = profiles();
    await saved.save('work', work);
    await expect(
      saved.save('work', () => {
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect([profilesIn(saved.folder).get('work'), readdirSync(saved.folder)]).toEqual([work, ['config.json']]);
  });
});

test("reports a folder that can't be created as a file error", async () => {
  const file = join(emptyFolder(), 'file');
  writeFileSync(file, '');
  await expect(profilesIn(join(file, 'config')).save('work', work)).rejects.toMatchObject({ code: 'file_error' });
});
