import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  applyFile,
  changesAnything,
  checkFiles,
  diffOf,
  isIntact,
  type PlannedFile,
  planSettings,
  planUndo,
} from '../../src/tools/changes.ts';
import { digestOf, type RecordedFile } from '../../src/tools/records.ts';
import { emptyFolder, modeOf } from '../support/folder.ts';

/** Returns a file in an empty directory, with a text if one is given, and the settings for it. */
function newFile(text?: string, name = 'settings.json') {
  const folder = emptyFolder();
  const file = path.join(folder, name);
  if (text !== undefined) writeFileSync(file, text);
  const settings = [
    { path: ['provider', 'x'], value: { a: 1 } },
    { path: ['model'], value: 'x/y' },
  ];
  return { folder, file, settings: { file, format: 'jsonc' as const, settings } };
}

/** Returns what the record of a connection keeps of a change. */
function recordOf({
  file,
  format,
  originalMode,
  after = '',
  changes,
  digests,
  folders,
  holdsSecret,
}: PlannedFile): RecordedFile {
  return {
    ...{ file, format, mode: originalMode, holdsSecret, folders: [...folders] },
    digests: [digestOf(after), ...digests],
    changes: changes.map((change) => ({
      ...change,
      path: change.path.map((step) => (typeof step === 'string' ? step : { ...step })),
      earlier: change.earlier && [...change.earlier],
      ignored: change.ignored && [...change.ignored],
    })),
  };
}

describe('the change that writes settings', () => {
  test('creates a file, with its directories', () => {
    const { folder } = newFile();
    const file = path.join(folder, 'a', 'b', 'settings.json');
    const planned = planSettings({ ...newFile().settings, file });
    expect(planned).toMatchObject({
      ...{ before: undefined, original: undefined, originalMode: undefined },
      folders: [path.join(folder, 'a'), path.join(folder, 'a', 'b')],
    });
    applyFile(planned);
    expect(readFileSync(file, 'utf8')).toBe(
      '{\n  "provider": {\n    "x": {\n      "a": 1\n    }\n  },\n  "model": "x/y"\n}\n',
    );
    expect([modeOf(path.join(folder, 'a')), modeOf(file)]).toEqual(['755', '644']);
    applyFile(planUndo(recordOf(planned), undefined));
    expect(readdirSync(folder)).toEqual([]);
  });

  test('changes nothing if the settings are there, but records them', () => {
    const { file, settings } = newFile('{"model": "x/y", "provider": {"x": {"a": 1}}}');
    const planned = planSettings(settings);
    expect([changesAnything(planned), diffOf(planned), planned.original]).toEqual([false, '', '{}']);
    expect(planned.changes.map(({ path: each }) => each)).toEqual(settings.settings.map(({ path: each }) => each));
    expect(readFileSync(file, 'utf8')).toBe('{"model": "x/y", "provider": {"x": {"a": 1}}}');
  });

  test('counts as a change if only the permissions differ', () => {
    const { file, settings } = newFile();
    const secret = { ...settings, holdsSecret: true };
    applyFile(planSettings(secret));
    expect([modeOf(file), changesAnything(planSettings(secret))]).toEqual(['600', false]);
    chmodSync(file, 0o644);
    expect(changesAnything(planSettings(secret))).toBe(true);
  });

  test('takes back what an earlier one wrote and this one does not', () => {
    const { file, settings } = newFile('{\n  "mine": 1\n}\n');
    const first = planSettings(settings);
    applyFile(first);
    const other = { ...settings, settings: [{ path: ['provider', 'z'], value: 1 }] };
    const second = planSettings(other, recordOf(first), '{\n  "mine": 1\n}\n');
    applyFile(second);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ mine: 1, provider: { z: 1 } });
    applyFile(planUndo(recordOf(second), second.original));
    expect(readFileSync(file, 'utf8')).toBe('{\n  "mine": 1\n}\n');
  });

  test('is refused if the file changes after it was planned', () => {
    const { file, settings } = newFile('{}');
    const planned = planSettings(settings);
    writeFileSync(file, '{"mine": 1}');
    expect(() => applyFile(planned)).toThrow(
      expect.objectContaining({
        code: 'file_error',
        message: `Another program has just changed ${file}`,
        hint: 'Run the command again.',
      }),
    );
    expect(readFileSync(file, 'utf8')).toBe('{"mine": 1}');
  });

  test('is refused before anything is written if a file cannot be replaced', () => {
    const { file, folder, settings } = newFile();
    const good = planSettings(settings);
    const bad = planSettings({ ...settings, file: path.join('/proc/nobody', 'settings.json') });
    expect(() => checkFiles([good, bad])).toThrow(expect.objectContaining({ code: 'file_error' }));
    expect([existsSync(file), readdirSync(folder)]).toEqual([false, []]);
  });
});

describe('undoing', () => {
  test('gives back the whole text if nothing else has changed', () => {
    const original = '{ "model" : "mine" /* keep */ }';
    const { file, settings } = newFile(original);
    const planned = planSettings(settings);
    applyFile(planned);
    applyFile(planUndo(recordOf(planned), original));
    expect(readFileSync(file, 'utf8')).toBe(original);
  });

  test('gives back the permissions', () => {
    const { file, settings } = newFile('{}');
    chmodSync(file, 0o640);
    const planned = planSettings({ ...settings, holdsSecret: true });
    applyFile(planned);
    expect(modeOf(file)).toBe('600');
    applyFile(planUndo(recordOf(planned), '{}'));
    expect([readFileSync(file, 'utf8'), modeOf(file)]).toEqual(['{}', '640']);
  });

  test('keeps permissions that were 0600 before, and that the user has changed since', () => {
    const { file, settings } = newFile('{}');
    chmodSync(file, 0o600);
    const planned = planSettings({ ...settings, holdsSecret: true });
    applyFile(planned);
    chmodSync(file, 0o644);
    applyFile(planUndo(recordOf(planned), '{}'));
    expect([readFileSync(file, 'utf8'), modeOf(file)]).toEqual(['{}', '644']);
  });

  test('keeps permissions that the user has changed after they were 0600', () => {
    const { file, settings } = newFile('{}');
    chmodSync(file, 0o664);
    const planned = planSettings({ ...settings, holdsSecret: true });
    applyFile(planned);
    chmodSync(file, 0o640);
    applyFile(planUndo(recordOf(planned), '{}'));
    expect([readFileSync(file, 'utf8'), modeOf(file)]).toEqual(['{}', '640']);
  });

  test('keeps a link to a file that it creates', () => {
    const { folder, settings } = newFile();
    const link = path.join(folder, 'link.json');
    symlinkSync(path.join('dotfiles', 'settings.json'), link);
    const planned = planSettings({ ...settings, file: link });
    applyFile(planned);
    expect([readlinkSync(link), readFileSync(path.join(folder, 'dotfiles', 'settings.json'), 'utf8')]).toEqual([
      path.join('dotfiles', 'settings.json'),
      planned.after,
    ]);
    applyFile(planUndo(recordOf(planned), undefined));
    expect(readdirSync(folder)).toEqual(['link.json']);
  });

  test.each([
    ['{\n  "model": "mine"\n}\n', '{\n  "model": "later"\n}\n'],
    ['{}\n', '{\n  "model": "later"\n}\n'],
  ])('gives back the value that the user chose between two connections (%j)', (original, expected) => {
    const { file, settings } = newFile(original);
    const first = planSettings(settings);
    applyFile(first);
    writeFileSync(file, readFileSync(file, 'utf8').replace('"x/y"', '"later"'));
    const second = planSettings(settings, recordOf(first), original);
    applyFile(second);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ model: 'x/y' });
    // An edit elsewhere rules out the backup.
    writeFileSync(file, `${readFileSync(file, 'utf8')}\n`);
    applyFile(planUndo(recordOf(second), second.original));
    expect(readFileSync(file, 'utf8')).toBe(`${expected}\n`);
  });

  test('takes values of an earlier connection for its own', () => {
    const original = '{\n  "model": "mine"\n}\n';
    const { file, settings } = newFile(original);
    const first = planSettings(settings);
    applyFile(first);
    const other = { ...settings, settings: [{ path: ['model'], value: 'x/z' }] };
    const second = planSettings(other, recordOf(first), original);
    // The process is killed after it has written the record, and the user edits the file.
    const edited = readFileSync(file, 'utf8').replace('{', '{ // added');
    writeFileSync(file, edited);
    expect(edited).toContain('"x/y"');
    applyFile(planUndo(recordOf(second), second.original));
    expect(readFileSync(file, 'utf8')).toContain('"model": "mine"');
  });

  test('keeps a value that the file requires while there is anything else', () => {
    const { file, settings } = newFile();
    const required = {
      ...settings,
      settings: [{ path: ['version'], value: 1, isRequired: true }, ...settings.settings],
    };
    const planned = planSettings(required);
    applyFile(planned);
    writeFileSync(file, readFileSync(file, 'utf8').replace('"version": 1', '"version": 1,\n  "mine": true'));
    applyFile(planUndo(recordOf(planned), undefined));
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ version: 1, mine: true });
  });

  test.each([
    ['{"mine": 1}', '{"mine": 1}'],
    [
      '{"mine": 1, "provider": {"x": {"a": 1}, "mine": {}}, "model": "mine"}',
      '{"mine": 1, "provider": { "mine": {}}, "model": "mine"}',
    ],
    ['{"provider": {"x": {"a": 2}}, "model": "x/y"}', undefined],
    ['// only a comment\n', '// only a comment\n'],
  ])('removes from %j only what was written', (edited, rest) => {
    const { file, settings } = newFile();
    const planned = planSettings(settings);
    applyFile(planned);
    writeFileSync(file, edited);
    applyFile(planUndo(recordOf(planned), undefined));
    expect(existsSync(file) ? readFileSync(file, 'utf8') : undefined).toBe(rest);
  });

  test('keeps the directories that have other files', () => {
    const { folder, settings } = newFile();
    const file = path.join(folder, 'a', 'b', 'settings.json');
    const planned = planSettings({ ...settings, file });
    applyFile(planned);
    writeFileSync(path.join(folder, 'a', 'mine'), '');
    applyFile(planUndo(recordOf(planned), undefined));
    expect(readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()).toEqual(['a', 'a/mine']);
  });
});

test.each([
  ['as it was written', (text: string) => text, true],
  ['with more in it', (text: string) => text.replace('{', '{"mine": 1,'), true],
  ['written anew by another program', (text: string) => JSON.stringify(JSON.parse(text)), true],
  ['with another value', (text: string) => text.replace('x/y', 'mine'), false],
  ['without one of the settings', () => '{"model": "x/y"}', false],
])('a file %s is intact or not', (_how, edit, intact) => {
  const { file, settings } = newFile('{}');
  const planned = planSettings(settings);
  applyFile(planned);
  writeFileSync(file, edit(readFileSync(file, 'utf8')));
  expect(isIntact(recordOf(planned))).toBe(intact);
});

describe('the diff', () => {
  test('names the file, and has two lines of context', () => {
    const { file, settings } = newFile('{\n  "a": 1,\n  "b": 2,\n  "c": 3,\n  "model": "mine"\n}\n');
    const planned = planSettings({ ...settings, settings: [{ path: ['model'], value: 'x' }] });
    expect(diffOf(planned)).toBe(
      `--- ${file}\n+++ ${file}\n@@ -3,4 +3,4 @@\n   "b": 2,\n   "c": 3,\n-  "model": "mine"\n+  "model": "x"\n }\n`,
    );
  });

  test('has /dev/null for a file that is new or removed', () => {
    const { file, settings } = newFile();
    const planned = planSettings({ ...settings, settings: [{ path: ['a'], value: 1 }] });
    expect(diffOf(planned)).toBe(`--- /dev/null\n+++ ${file}\n@@ -0,0 +1,3 @@\n+{\n+  "a": 1\n+}\n`);
    applyFile(planned);
    expect(diffOf(planUndo(recordOf(planned), undefined))).toBe(
      `--- ${file}\n+++ /dev/null\n@@ -1,3 +0,0 @@\n-{\n-  "a": 1\n-}\n`,
    );
  });

  test('of a file with secrets has no context, and masks all strings but those that were written', () => {
    const text =
      '{\n  "openai": "hunter2",\n  "other": ["a secret", 12],\n  "model": "old secret",\n  "z": "last"\n}\n';
    const { file, settings } = newFile(text);
    const planned = planSettings({
      ...settings,
      holdsSecret: true,
      settings: [
        { path: ['model'], value: 'x' },
        { path: ['a'], value: 'y' },
      ],
    });
    expect(diffOf(planned)).toBe(
      [
        ...[`${file}: mode 0644 → 0600`, `--- ${file}`, `+++ ${file}`, '@@ -4,2 +4,3 @@'],
        ...['-  "model": "…",', '-  "z": "…"', '+  "model": "x",', '+  "z": "…",', '+  "a": "y"', ''],
      ].join('\n'),
    );
    applyFile(planned);
    expect(diffOf(planUndo(recordOf(planned), text))).not.toMatch(/secret|last|hunter2/);
  });

  test('masks secrets above the mark of a missing line end, too', () => {
    const { file, settings } = newFile('{"OPENAI_API_KEY": "", "password": "hunter2", "z": 1}');
    const planned = planSettings({ ...settings, settings: [{ path: ['a'], value: 1 }] });
    expect(diffOf(planned)).toBe(
      [
        ...[`--- ${file}`, `+++ ${file}`, '@@ -1,1 +1,1 @@'],
        ...['-{"OPENAI_API_KEY": "", "password": "…", "z": 1}', '\\ No newline at end of file'],
        ...['+{"OPENAI_API_KEY": "", "password": "…", "z": 1, "a": 1}', '\\ No newline at end of file', ''],
      ].join('\n'),
    );
  });
});

test.each([
  ['{"a": 1', 'line 1, column 8: a closing brace is missing'],
  ['{"model": {', /line 1, column 12: /],
  ['{"provider": 1}', "provider isn't an object"],
])('refuses the damaged file %j, and names it', (text, problem) => {
  const { file, settings } = newFile(text);
  const expected = typeof problem === 'string' ? `Can't change ${file}: ${problem}` : expect.stringMatching(problem);
  expect(() => planSettings(settings)).toThrow(
    expect.objectContaining({
      ...{ code: 'file_error', message: expected, outcome: 'not_applied' },
      hint: 'The file was left unchanged. Correct it, and run the command again.',
    }),
  );
  expect(readFileSync(file, 'utf8')).toBe(text);
});

test.each([
  ['a comment', '{\n  // mine\n  "a": 1\n}\n'],
  ['a trailing comma', '{\n  "a": 1,\n}\n'],
])('refuses %s where the program ignores such a file', (_what, text) => {
  const { file, settings } = newFile(text);
  expect(() => planSettings({ ...settings, strictFor: 'Claude Code' })).toThrow(
    expect.objectContaining({
      code: 'file_error',
      message: `Can't change ${file}: it has comments or trailing commas, which Claude Code doesn't accept there`,
    }),
  );
  expect(() => planSettings(settings)).not.toThrow();
});

test.each([undefined, '', '\n', '\ufeff{}', '\ufeff{"a": 1}\n'])('accepts %j where comments are refused', (text) => {
  const { settings } = newFile(text);
  expect(() => planSettings({ ...settings, strictFor: 'Claude Code' })).not.toThrow();
});

test('reads a directory in the place of the file as an error', () => {
  const { file, settings } = newFile();
  mkdirSync(file);
  expect(() => planSettings(settings)).toThrow(
    expect.objectContaining({ code: 'file_error', message: expect.stringContaining(`Can't read ${file}: `) }),
  );
});
