import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { json, oneLine, user, userOf } from '../../support/cli.ts';
import { at, listAt, textAt } from '../../support/sandbox.ts';
import { answer, server } from '../../support/servers.ts';

const scripts = [
  ['bash', 'ci.bash'],
  ['zsh', '_ci'],
  ['fish', 'ci.fish'],
  ['powershell', 'ci.ps1'],
] as const;

const checkedIn = (file: string) => readFileSync(path.join('completions', file), 'utf8');

/** Something that a value is typed for: an option, or an argument. */
interface Slot {
  /** `pools list`; empty for what goes anywhere. */
  readonly path: string;
  /** `--blocks`; empty for an argument. */
  readonly flag: string;
  readonly words: readonly string[];
  readonly source: unknown;
}

/** All commands of a tree, with the words that lead to each. */
function commandsOf(tree: unknown, above = ''): { path: string; command: unknown }[] {
  const below = listAt(tree, 'commands').flatMap((command) =>
    commandsOf(command, `${above} ${textAt(command, 'name')}`.trim()),
  );
  return [{ path: above, command: tree }, ...below];
}

const tree = async () => json(await user().ci('help --json'));

const longOf = (option: unknown) => /--[\w-]+/.exec(textAt(option, 'flags'))?.[0] ?? '';

function slotsOf(whole: unknown): Slot[] {
  return commandsOf(whole).flatMap(({ path: where, command }) =>
    [
      ...listAt(command, 'options').map((option) => ({ flag: longOf(option), values: at(option, 'values') })),
      ...listAt(command, 'arguments').map((argument) => ({ flag: '', values: at(argument, 'values') })),
    ].flatMap(({ flag, values }) => {
      if (values === null) return [];
      const words = [...listAt(values, 'words'), ...listAt(values, 'alone')].map((word) => textAt(word, 'name'));
      return [{ path: where, flag, words, source: at(values, 'source') }];
    }),
  );
}

describe.each(scripts)('the script for %s', (shell, file) => {
  test('is up to date in completions/ (`npm run completions`)', async () => {
    const { code, stdout, stderr } = await user().ci(`completion ${shell}`);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe(checkedIn(file));
  });

  test('is printed in any output format, and has no fields', async () => {
    const me = user({ CHEAPESTINFERENCE_OUTPUT: 'json' });
    expect((await me.ci(`completion ${shell}`)).stdout).toBe(checkedIn(file));
    const { code, stdout, stderr } = await me.ci(`completion ${shell} --fields x -o csv`);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(oneLine);
  });

  test('knows every command, every option and every word', async () => {
    const script = checkedIn(file);
    const whole = await tree();
    const has = (word: string) =>
      expect([word, new RegExp(`(?<![\\w-])${word}(?![\\w-])`).test(script)]).toEqual([word, true]);
    for (const { path: where, command } of commandsOf(whole)) {
      if (where !== '') has(textAt(command, 'name'));
      for (const alias of listAt(command, 'aliases')) has(String(alias));
      for (const option of listAt(command, 'options')) has(longOf(option));
      for (const field of listAt(command, 'fields')) has(String(field));
    }
    for (const { words } of slotsOf(whole)) for (const word of words) has(word);
    for (const topic of ['help', 'exit-codes', 'environment', 'output', 'man']) has(topic);
  });

  test('is in the package', () => {
    const manifest: unknown = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(listAt(manifest, 'files')).toContain('completions');
  });
});

test('every word that completion offers is accepted by its command', async () => {
  const api = await server(answer(404, { success: false, error: 'nothing here' }));
  const me = userOf(api);
  // The other arguments that a command needs before it checks a word.
  const others: Readonly<Record<string, string>> = {
    'pools quote': 'kimi26 --blocks asia',
    'pools subscribe': 'kimi26 --blocks asia --dry-run',
    'billing topup': '25',
    'config set': '10s',
    api: '/x',
    open: '--json',
  };
  const lines = slotsOf(await tree()).flatMap(({ path: where, flag, words }) =>
    words.map((word) => ({
      word,
      // What goes anywhere is asked of a command that has it.
      line: `${where || 'config list'} ${flag} ${word} ${flag === '--blocks' && where !== 'pools list' ? 'x' : (others[where] ?? '')}`,
    })),
  );
  expect(lines.length).toBeGreaterThan(40);
  for (const { word, line } of lines) {
    const { stderr } = await me.ci(`${line} --no-input`);
    const refused = stderr.includes(`"${word}"`) || stderr.includes('unknown') || stderr.includes('too many');
    expect([line, stderr, refused]).toEqual([line, stderr, false]);
  }
}, 120_000);

test('completion knows which values are pools, keys, profiles, subscriptions or files', async () => {
  const known = slotsOf(await tree())
    .filter(({ source }) => source !== null)
    .map(({ path: where, flag, source }) => `${where} ${flag}: ${source}`);
  expect(known).toEqual(
    expect.arrayContaining([
      ' --profile: profiles',
      ' --fields: fields',
      ...['view', 'quote', 'subscribe', 'subscriptions', 'keys', 'cancel'].map((verb) => `pools ${verb} : pools`),
      'keys delete : keys',
      'keys rotate : keys',
      'keys rotate --pool: pools',
      'usage : keys',
      'keys create --pool: pools',
      'keys create --subscription: subscriptions',
      'keys create --save: files',
      'api --input: files',
      'auth switch : profiles',
    ]),
  );
});

describe('the script for PowerShell, which no test runs,', () => {
  const script = checkedIn('ci.ps1');

  test('is ASCII, because Windows PowerShell misreads other characters', () => {
    expect(script).toMatch(/^[\n\x20-\x7e]*$/);
  });

  test('has balanced brackets', () => {
    const open: string[] = [];
    const closing: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };
    // Texts in quotes, in which a quote is doubled or, in double ones, escaped; comments; brackets.
    for (const [part] of script.matchAll(/'(?:[^'\n]|'')*'|"(?:[^"`\n]|`.)*"|#.*|[()[\]{}'"]/g)) {
      if (/^['"]$/.test(part)) throw new Error(`a quote is left open before: ${script.slice(script.indexOf(part))}`);
      if ('([{'.includes(part)) open.push(part);
      else if (closing[part] !== undefined) expect(open.pop()).toBe(closing[part]);
    }
    expect(open).toEqual([]);
  });

  test('has no key twice in a table, ignoring case', () => {
    const tables = [...script.matchAll(/^ {2}\$(\w+) = @\{\n([\s\S]*?)^ {2}\}/gm)];
    expect(tables.map(([, name]) => name)).toEqual(['names', 'commands', 'aliases', 'options', 'values']);
    for (const [, name, lines = ''] of tables) {
      const keys = [...lines.matchAll(/^ {4}'(.+?)' = /gm)].map(([, key = '']) => key.toLowerCase());
      expect([name, keys.length > 0, keys.filter((key, index) => keys.indexOf(key) !== index)]).toEqual([
        name,
        true,
        [],
      ]);
    }
  });
});
