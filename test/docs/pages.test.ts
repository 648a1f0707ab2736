import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { meanings, variables } from '../../src/cli/help/topics.ts';
import { at } from '../support/sandbox.ts';
import { blockLines, codeIn, pages, section, tableRows, textOf } from './pages.ts';

describe.each(pages)('$file', ({ file, text }) => {
  test('links only to files and headings that exist', () => {
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    const broken = links.filter((link) => {
      if (/^https?:/.test(link)) return false;
      const [name = '', anchor] = link.split('#');
      const target = name === '' ? file : path.join(path.dirname(file), name);
      return !existsSync(target) || (anchor !== undefined && !anchorsIn(textOf(target)).includes(anchor));
    });
    expect(broken).toEqual([]);
  });

  test('names only files that exist', () => {
    const paths = /(?<![\w./<>-])(?:src|test|docs|bin|completions|\.ci)\/[\w./-]*[\w/]/g;
    const names = [...text.matchAll(paths)].map(([name]) => name);
    expect(names.filter((name) => !existsSync(name))).toEqual([]);
  });

  test('names only functions that exist, in the files of the same line', () => {
    const missing = text.split('\n').flatMap((line) => {
      const code = codeIn(line);
      const files = code.filter((name) => /^src\/.*\.ts$/.test(name));
      const sources = files.map((name) => readFileSync(name, 'utf8')).join('\n');
      const called = code.flatMap((each) => /^(\w+)\(\)$/.exec(each)?.[1] ?? []);
      return called.filter((name) => !new RegExp(`\\b${name}[<(]`).test(sources));
    });
    expect(missing).toEqual([]);
  });

  test('names only npm scripts that exist', () => {
    const manifest: unknown = JSON.parse(readFileSync('package.json', 'utf8'));
    const names = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name);
    expect(names.filter((name) => typeof at(manifest, 'scripts', name) !== 'string')).toEqual([]);
  });
});

test('finds the commands that run the demo and the tests in README.md', () => {
  const lines = blockLines(textOf('README.md'), 'sh').map((line) => line.replace(/ *#.*/, ''));
  expect(lines).toEqual(expect.arrayContaining(['npm ci && npm run demo', 'npm ci && npm test']));
});

test('finds every exit code in docs/scripting.md', () => {
  const codes = tableRows(section('docs/scripting.md', 'Exit codes')).map(([exitCode]) => exitCode);
  expect(codes).toEqual(Object.keys(meanings));
});

test('finds every variable in docs/environment.md', () => {
  const names = tableRows(section('docs/environment.md', 'Variables')).flatMap(([cell = '']) => codeIn(cell));
  expect(names.sort()).toEqual(variables.flatMap(([each]) => each.split(', ')).sort());
});

test('finds every directory of src in docs/architecture.md', () => {
  const documented = tableRows(section('docs/architecture.md', 'Layers')).flatMap(([folder = '']) => codeIn(folder));
  const folders = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(documented.sort()).toEqual(folders.map(({ name }) => `src/${name}/`).sort());
});

/** Returns the anchors that GitHub creates for the headings of a page. */
function anchorsIn(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
