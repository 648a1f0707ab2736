import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parsePrices } from '../../src/domain/usage-prices.ts';
import { json, lines, sandboxUser, user } from '../support/cli.ts';
import { reservedPort } from '../support/ports.ts';
import { needs } from '../support/programs.ts';
import { at, listAt, textAt } from '../support/sandbox.ts';
import { blockLines, codeIn, pages, section, tableRows, textOf } from './pages.ts';

const commandTree = async (): Promise<unknown> => json(await user().ci('help --json'));

test('runs the quick start of README.md as written', async (context) => {
  needs(context, 'bash', 'curl', 'jq');
  const example = blockLines(section('README.md', 'Quick start'), 'console');
  const typed = example.filter((line) => line.startsWith('$ ')).map((line) => line.slice(2));
  const shown = example.filter((line) => !line.startsWith('$ '));
  expect([typed.length, shown.length]).toEqual([10, 2]);
  const me = user();
  const port = String(await reservedPort());
  const listening = 'for _ in {1..300}; do curl -so /dev/null 127.0.0.1:8787 && break; sleep 0.1; done';
  const script = typed.map((line) => {
    // Without a terminal, the charge needs --yes.
    if (line.startsWith('ci pools subscribe')) return `${line} --yes`;
    // The server may not be listening yet.
    if (line.startsWith('ci sandbox serve')) return `${line}\n${listening}`;
    return line;
  });
  const cleanup = "trap 'kill $(jobs -p)' EXIT";
  writeFileSync(
    path.join(me.home, 'quick-start'),
    ['set -e', cleanup, ...script, ''].join('\n').replaceAll('8787', port),
  );
  const { code, stdout } = await me.sh('exec bash quick-start');
  expect([code, stdout.split('\n').filter((line) => shown.includes(line))]).toEqual([0, shown]);
});

test('runs the examples of docs/scripting.md, and prints the output shown there', async (context) => {
  needs(context, 'bash', 'jq');
  const text = textOf('docs/scripting.md');
  const me = sandboxUser();
  const [typed = '', ...shown] = blockLines(text, 'console');
  const { stderr } = await me.sh(typed.slice(2));
  expect(lines(stderr)).toEqual(shown);
  writeFileSync(path.join(me.home, 'examples'), blockLines(text, 'sh').join('\n'));
  expect(await me.sh('exec bash -e examples')).toMatchObject({ code: 0 });
});

test('runs the examples in the sandbox of docs/platforms.md, and has the usage', async (context) => {
  needs(context, 'bash');
  const text = textOf('docs/platforms.md');
  const example = blockLines(text.slice(text.indexOf('### Try it in the sandbox')), 'sh');
  const me = user();
  writeFileSync(path.join(me.home, 'example'), example.join('\n'));
  const { code, stdout } = await me.sh('exec bash -e example');
  expect(code).toBe(0);
  const [name, , requests, tokens] = lines(stdout).at(-1)?.split('\t') ?? [];
  expect([name, requests, Number(tokens) > 0]).toEqual(['acme-prod', '1', true]);
});

test('reads the price list of docs/platforms.md', () => {
  const lines = blockLines(textOf('docs/platforms.md'), 'csv');
  const first = lines.findIndex((line) => line.includes('promptPerMillion'));
  const prices = parsePrices(lines.slice(first).join('\n'), 'prices.csv');
  expect([...prices.keys()]).toEqual(['globex-prod', 'acme', '*']);
});

test('finds every command and option that the pages use', async () => {
  const tree = await commandTree();
  for (const { file, text } of pages) {
    const code = [...blockLines(text, 'sh'), ...blockLines(text, 'console'), ...codeIn(text)];
    expect([file, code.flatMap((line) => unknownIn(line, tree))]).toEqual([file, []]);
  }
});

test('finds every command, with its arguments and options, in docs/commands.md', async () => {
  const documented = tableRows(textOf('docs/commands.md'))
    .filter(([command]) => command?.startsWith('`ci '))
    .map(([command = '', , options = '']) => [codeIn(command)[0], codeIn(options).sort()]);
  const expected = leaves(await commandTree()).map(({ words, command }) => [
    ['ci', ...words, ...listAt(command, 'arguments').map(argumentTerm)].join(' '),
    optionNames(command).sort(),
  ]);
  expect(documented.sort()).toEqual(expected.sort());
});

test('finds every global option in docs/commands.md', async () => {
  const documented = tableRows(section('docs/commands.md', 'Global options')).map(([flags = '']) =>
    codeIn(flags).at(-1),
  );
  expect(documented.sort()).toEqual([...optionNames(await commandTree()), '--help'].sort());
});

test('finds every setting and its default in docs/environment.md', async () => {
  const settings = listAt(json(await user().ci('config list --json')));
  const documented = tableRows(section('docs/environment.md', 'Settings')).map(([key = '', , value = '']) => [
    codeIn(key)[0],
    value.replaceAll('`', ''),
  ]);
  expect(documented).toEqual(settings.map((setting) => [textAt(setting, 'key'), textAt(setting, 'value')]));
});

/** A command that runs something, and doesn't only group other commands. */
interface Leaf {
  readonly words: readonly string[];
  readonly command: unknown;
}

function leaves(command: unknown, parents: readonly string[] = []): Leaf[] {
  return listAt(command, 'commands').flatMap((each) => {
    const words = [...parents, textAt(each, 'name')];
    const children = leaves(each, words);
    return listAt(each, 'exitCodes').length > 0 ? [{ words, command: each }, ...children] : children;
  });
}

function argumentTerm(argument: unknown): string {
  const name = textAt(argument, 'name');
  const term = at(argument, 'required') === true ? `<${name}>` : `[${name}]`;
  return at(argument, 'variadic') === true ? `${term}…` : term;
}

/** Returns the long names of a command's options. */
function optionNames(command: unknown): string[] {
  return listAt(command, 'options').map((option) => {
    const flags = textAt(option, 'flags');
    return /--[\w-]+/.exec(flags)?.[0] ?? flags;
  });
}

/** Returns the commands and options in a line of shell that don't exist. */
function unknownIn(line: string, tree: unknown): string[] {
  return [...line.matchAll(/(?:^|[$|&] |\$\()ci ([^|)&#]*)/g)].flatMap(([found, typed = '']) => {
    const all = typed.split(' ').filter((word) => word !== '');
    // The words after -- are another command.
    const words = all.slice(0, all.includes('--') ? all.indexOf('--') : undefined);
    if (words[0] === 'help' || words[0]?.startsWith('<')) return [];
    let command = tree;
    for (const word of words.filter((each) => !each.startsWith('-'))) {
      const next = listAt(command, 'commands').find(
        (each) => textAt(each, 'name') === word || listAt(each, 'aliases').includes(word),
      );
      if (next === undefined) break;
      command = next;
    }
    const flags = [...listAt(tree, 'options'), ...listAt(command, 'options')].map((option) => textAt(option, 'flags'));
    const known = ['--help', '-h', ...flags.flatMap((each) => each.split(/[ ,]+/))];
    const unknown = words.filter((word) => /^--?[a-z]/i.test(word) && !known.includes(word));
    const isCommand = command !== tree || words.every((word) => word.startsWith('-'));
    return isCommand ? unknown.map((word) => `${word} in ${found}`) : [found];
  });
}
