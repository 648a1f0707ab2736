import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { json, user } from '../../support/cli.ts';
import { needs } from '../../support/programs.ts';
import { at, listAt, textAt } from '../../support/sandbox.ts';

const file = 'dist/ci.1';

test('the manual page is in the package, for a global installation', () => {
  const manifest: unknown = JSON.parse(readFileSync('package.json', 'utf8'));
  // npm takes a list and nothing else.
  expect(at(manifest, 'man')).toEqual([file]);
  expect(existsSync(file)).toBe(true);
});

test('prints it with `ci help man`', async () => {
  const { code, stdout, stderr } = await user().ci('help man');
  expect([code, stderr, stdout]).toEqual([0, '', readFileSync(file, 'utf8')]);
});

test('the manual page has every command with its options and examples, the environment, exit codes and files', async (context) => {
  needs(context, 'mandoc');
  // The page in a width that fits every line.
  const { status, stdout } = spawnSync('mandoc', ['-Tutf8', '-O', 'width=300', file], { encoding: 'utf8' });
  expect(status).toBe(0);
  const page = stdout.replace(/.\x08/g, '');
  for (const title of [
    'NAME',
    'SYNOPSIS',
    'DESCRIPTION',
    'OPTIONS',
    'COMMANDS',
    'ENVIRONMENT',
    'FILES',
    'EXIT STATUS',
    'EXAMPLES',
  ]) {
    expect(page.split('\n')).toContain(title);
  }
  const flat = page.replace(/\s+/g, ' ');
  const has = (text: string) => expect([text, flat.includes(text.replace(/\s+/g, ' '))]).toEqual([text, true]);
  const look = (command: unknown, path: string) => {
    if (listAt(command, 'commands').length === 0) has(path);
    if (path !== 'ci') has(textAt(command, 'description').slice(1));
    for (const option of listAt(command, 'options')) {
      has(textAt(option, 'flags'));
      has(textAt(option, 'description'));
    }
    for (const argument of listAt(command, 'arguments')) has(textAt(argument, 'description'));
    for (const example of listAt(command, 'examples')) has(String(example));
    if (listAt(command, 'aliases').length > 0) has(`Aliases: ${listAt(command, 'aliases').join(', ')}.`);
    if (listAt(command, 'exitCodes').length > 0) has(`Exit codes: ${listAt(command, 'exitCodes').join(', ')}.`);
    if (listAt(command, 'fields').length > 0) has(`JSON fields: ${listAt(command, 'fields').join(', ')}.`);
    lookBelow(command, path);
  };
  const lookBelow = (command: unknown, path: string) => {
    for (const each of listAt(command, 'commands')) {
      const isRunnable = listAt(each, 'commands').length === 0 || listAt(each, 'exitCodes').length > 0;
      (isRunnable ? look : lookBelow)(each, `${path} ${textAt(each, 'name')}`);
    }
  };
  look(json(await user().ci('help --json')), 'ci');
  for (const topic of ['environment', 'exit-codes']) {
    const { stdout: told } = await user().ci(`help ${topic}`);
    for (const [, name = '', meaning = ''] of told.matchAll(/^ {2,4}(\d+|[A-Z][A-Z_, ]*[A-Z]) +(\S.*)$/gm)) {
      has(name);
      has(meaning);
    }
  }
  for (const each of ['~/.config/cheapestinference/config.json', 'ci config path', '~/.cache/cheapestinference'])
    has(each);
});

test('the manual page is valid', (context) => {
  needs(context, 'mandoc');
  const { stdout, stderr } = spawnSync('mandoc', ['-Tlint', file], { encoding: 'utf8' });
  // A page that is made at each build has no date.
  expect([stdout, stderr]).toEqual([`mandoc: ${file}:1:10: WARNING: missing date, using "": TH\n`, '']);
});
