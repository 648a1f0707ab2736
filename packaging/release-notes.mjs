// Prints the section of a version in CHANGELOG.md, for the notes of its release: `node packaging/release-notes.mjs 1.2.0`.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { repository, root } from './project.mjs';

const [, , version] = process.argv;
const sections = readFileSync(path.join(root, 'CHANGELOG.md'), 'utf8').split(/^## /m);
const section = sections.find((each) => each.startsWith(`[${version}]`));
if (section === undefined) {
  console.error(`CHANGELOG.md has no section for ${version}. Add the heading "## [${version}] - YYYY-MM-DD".`);
  process.exit(1);
}
// The last section ends with the addresses of links.
const [, ...lines] = section.split('\n').filter((line) => !/^\[.+\]: /.test(line));
const notes = lines.join('\n').trim();
// A release has no directory that links could be relative to.
console.log(notes.replaceAll('](docs/', `](${repository}/blob/v${version}/docs/`));
