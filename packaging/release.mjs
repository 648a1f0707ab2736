// Writes the files of a release to dist/release: `npm run build:binaries`.
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { writeArchive } from './archive.mjs';
import { compile, platforms } from './compile.mjs';
import { debArchitectures, writeDeb } from './deb.mjs';
import { formula } from './homebrew.mjs';
import { name, programName, root } from './project.mjs';
import { scoopManifest } from './scoop.mjs';
import { writeSums } from './sums.mjs';

/**
 * Writes the files of a release to a directory, which must be empty.
 *
 * @param programs - the path of each platform's program
 */
export function writeRelease(programs, folder) {
  for (const [platform, program] of Object.entries(programs)) {
    writeArchive(platform, program, folder);
    if (platform in debArchitectures) writeDeb(platform, program, folder);
  }
  for (const installer of ['install.sh', 'install.ps1']) {
    copyFileSync(path.join(root, installer), path.join(folder, installer));
  }
  const sums = writeSums(folder);
  writeFileSync(path.join(folder, `${name}.rb`), formula(sums));
  writeFileSync(path.join(folder, `${name}.json`), scoopManifest(sums));
}

/** Compiles the program for every platform, and writes the release to dist/release. */
async function main() {
  const programs = {};
  for (const platform of platforms) {
    const program = path.join(root, 'dist/bin', platform, programName(platform));
    await compile(platform, program);
    programs[platform] = program;
  }
  const folder = path.join(root, 'dist/release');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeRelease(programs, folder);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main();
