import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { savedProfiles } from '../../src/config/saved-profiles.ts';
import { emptyFolder } from '../support/folder.ts';

/** Reads the profiles from a `config.json` with a value as JSON. */
function saved(content: unknown) {
  const folder = emptyFolder();
  writeFileSync(join(folder, 'config.json'), JSON.stringify(content));
  return () => savedProfiles(folder);
}

test('finds no profiles in a missing file', () => {
  for (const folder of [emptyFolder(), '/dev/null']) {
    const profiles = savedProfiles(folder);
    expect([profiles.current, profiles.names(), profiles.get('default')]).toEqual([undefined, [], undefined]);
  }
});

test.each([{}, { currentProfile: '' }, { profiles: {} }, { theme: { dark: true }, profiles: { work: { note: 1 } } }])(
  'reads a file with %j',
  (content) => {
    expect(saved(content)).not.toThrow();
  },
);

describe('a profile', () => {
  const work = {
    apiUrl: 'https://work.test/base',
    managementKey: 'mk_work',
    keychain: false,
    maskedKey: 'mk_…work',
    output: 'csv',
    timeout: '30s',
    maxMonthlySpend: '200',
    settlingTime: '120s',
    maxKeyAge: '90d',
    note: ['of another version'],
  };

  test('is read as it was saved', () => {
    const profiles = saved({ currentProfile: 'work', profiles: { work, other: {} } })();
    expect([profiles.current, profiles.names(), profiles.get('work'), profiles.get('toString')]).toEqual([
      'work',
      ['work', 'other'],
      work,
      undefined,
    ]);
  });

  test.each(Object.keys(work).filter((name) => name !== 'note'))(
    'makes the file damaged with an invalid %s',
    (name) => {
      for (const value of [null, 7, name === 'keychain' ? 'true' : true, [], {}]) {
        expect(saved({ profiles: { other: {}, work: { ...work, [name]: value } } })).toThrow('is damaged');
      }
    },
  );

  test.each([
    ['apiUrl', ''],
    ['apiUrl', 'work.test'],
    ['output', 'xml'],
  ])('makes the file damaged with %s %j', (name, value) => {
    expect(saved({ profiles: { work: { [name]: value } } })).toThrow('is damaged');
  });
});

test.each([
  null,
  7,
  'work',
  [],
  { currentProfile: null },
  { currentProfile: ['work'] },
  { profiles: null },
  { profiles: [] },
  { profiles: 'work' },
  { profiles: { work: null } },
  { profiles: { work: [] } },
  { profiles: { work: 'mk_work' } },
])('refuses a file with %j as damaged', (content) => {
  expect(saved(content)).toThrow(expect.objectContaining({ code: 'file_error', content: expect.any(Buffer) }));
});
