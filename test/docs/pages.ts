import { readdirSync, readFileSync } from 'node:fs';

/** A page of the documentation; its file is relative to the root of the project. */
interface Page {
  readonly file: string;
  readonly text: string;
}

/** The README, the other pages beside it, and the guides. */
export const pages: readonly Page[] = [
  ...readdirSync('.').filter((name) => name.endsWith('.md')),
  ...readdirSync('docs').map((name) => `docs/${name}`),
].map((file) => ({ file, text: readFileSync(file, 'utf8') }));

/** Returns the text of a page. */
export function textOf(file: string): string {
  const page = pages.find((each) => each.file === file);
  if (!page) throw new Error(`there is no ${file}`);
  return page.text;
}

/** Returns what follows a heading of the second level, up to the next one. */
export function section(file: string, heading: string): string {
  const found = textOf(file)
    .split(/^## /m)
    .find((each) => each.startsWith(`${heading}\n`));
  if (found === undefined) throw new Error(`${file} has no section "${heading}"`);
  return found;
}

/** Returns the cells of all tables in a text, without the header rows. */
export function tableRows(text: string): string[][] {
  const isRule = (line: string | undefined) => line?.startsWith('| ---') ?? false;
  return text
    .split('\n')
    .filter((line, at, lines) => line.startsWith('| ') && !isRule(line) && !isRule(lines[at + 1]))
    .map((line) =>
      line
        .slice(2, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    );
}

/** Returns what stands in backquotes. */
export function codeIn(text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
}

/** Returns the lines of all code blocks in a language; a line that is continued is one line. */
export function blockLines(text: string, language: string): string[] {
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)\n```$/gm)].flatMap(([, named, block = '']) =>
    named === language ? block.replace(/\\\n\s*/g, '').split('\n') : [],
  );
}
