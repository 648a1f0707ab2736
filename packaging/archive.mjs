import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { createTar } from 'nanotar';
import { programName, releaseTime, root, version } from './project.mjs';

/** Two empty blocks mark the end of a tar archive. nanotar leaves them out if the last block is full. */
const endOfTar = Buffer.alloc(1024);

/** The number of Unix in a zip archive, so that its permissions count. */
const unix = 3;

/** Returns the name of a platform's archive, which is also the name of its only directory, with an extension. */
export function archiveName(platform) {
  return `ci-${version}-${platform}.${platform.startsWith('windows') ? 'zip' : 'tar.gz'}`;
}

/** Writes the archive of a platform's program to a directory. The same program always results in the same bytes. */
export function writeArchive(platform, program, folder) {
  const name = archiveName(platform);
  const top = name.replace(/\.(?:zip|tar\.gz)$/, '');
  const files = contents(platform, program).map((file) => ({ ...file, name: `${top}/${file.name}` }));
  writeFileSync(path.join(folder, name), name.endsWith('.zip') ? zip(files) : tarGzip(files));
}

/** Returns the files of an archive, sorted by name. */
function contents(platform, program) {
  const completions = readdirSync(path.join(root, 'completions')).map((name) => `completions/${name}`);
  const files = [
    [programName(platform), program, 0o755],
    ...['LICENSE', ...completions].map((name) => [name, path.join(root, name), 0o644]),
    ['ci.1', path.join(root, 'dist/ci.1'), 0o644],
  ];
  return [
    ...files.map(([name, file, mode]) => ({ name, data: readFileSync(file), mode })),
    { name: 'THIRD-PARTY-LICENSES.txt', data: Buffer.from(thirdPartyLicenses()), mode: 0o644 },
  ].sort(({ name: one }, { name: other }) => (one < other ? -1 : 1));
}

/** Returns the licenses of the bundled packages and of the runtime. */
export function thirdPartyLicenses() {
  const files = ['dist/THIRD-PARTY-LICENSES.txt', 'packaging/bun/NOTICE.txt'];
  const texts = files.map((file) => readFileSync(path.join(root, file), 'utf8').trim());
  return `${texts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

function tarGzip(files) {
  const entries = files.map(({ name, data, mode }) => ({ name, data, attrs: { mode: mode.toString(8) } }));
  const tar = createTar(entries, { attrs: { uid: 0, gid: 0, mtime: releaseTime() * 1000 } });
  return gzipSync(Buffer.concat([tar, endOfTar]));
}

function zip(files) {
  const entries = files.map(({ name, data, mode }) => [name, [data, { attrs: (0o100000 | mode) << 16 }]]);
  return zipSync(Object.fromEntries(entries), { os: unix, mtime: localTime(releaseTime()) });
}

/** Returns a date whose local time is the UTC time of these seconds. A zip archive has local times without a time zone. */
function localTime(seconds) {
  const time = new Date(seconds * 1000);
  return new Date(time.getTime() + time.getTimezoneOffset() * 60_000);
}
