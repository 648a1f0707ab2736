import { readdirSync, readFileSync } from 'node:fs';

/** A page of the documentation. */
interface Page {
  /** The path, relative to the root of the project. */
  readonly file: string;
  readonly text: string;
}

/** The README, the pages next to it, and the guides. */
export const pages: readonly Page[] = [
  ...readdirSync('.').filter((name) => name.endsWith('.md')),
  ...readdirSync('docs').map((name) => `docs/${name}`),
].map((file) => ({ file, text: readFileSync(file, 'utf8') }));

/** Returns the text of a page. */
export function textOf(file: string): string {
  const page = pages.find((each) => each.file === file);
  if (!page) throw new Error(`${file} not found`);
  return page.text;
}

/** Returns the section of a page under a second-level heading. */
export function section(file: string, heading: string): string {
  const found = textOf(file)
    .split(/^## /m)
    .find((each) => each.startsWith(`${heading}\n`));
  if (found === undefined) throw new Error(`${file} has no section "${heading}"`);
  return found;
}

/** Returns the cells of all tables in a text, without the header rows. */
export function tableRows(text: string): string[][] {
  const isSeparator = (line: string | undefined) => line?.startsWith('| ---') ?? false;
  return text
    .split('\n')
    .filter((line, index, lines) => line.startsWith('| ') && !isSeparator(line) && !isSeparator(lines[index + 1]))
    .map((line) =>
      line
        .slice(2, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    );
}

/** Returns the code spans of a text, without their backquotes. */
export function codeIn(text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
}

/** Returns the lines of all code blocks in a language. Lines that a backslash continues are joined. */
export function blockLines(text: string, language: string): string[] {
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)\n```$/gm)].flatMap(([, tag, block = '']) =>
    tag === language ? block.replace(/\\\n\s*/g, '').split('\n') : [],
  );
}
