import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { unzipSync } from 'fflate';
import { parseTar } from 'nanotar';
import { expect, test, vi } from 'vitest';
import { repository } from '../../package.json';
import { thirdPartyLicenses } from '../../packaging/archive.mjs';
import bun from '../../packaging/bun/package.json';
import { platforms } from '../../packaging/compile.mjs';
import { writeRelease } from '../../packaging/release.mjs';
import { emptyFolder } from '../support/folder.ts';
import { needs } from '../support/programs.ts';
import { archivesOf, filesIn, runProgram, serveReleases, standIn, version } from '../support/releases.ts';
import { at, listAt, textAt } from '../support/sandbox.ts';

const downloads = `https://github.com/cheapestinference/cli/releases/download/v${version}`;

/** Writes a release with stand-ins for the programs. @returns its directory */
function release(): string {
  const folder = emptyFolder();
  const program = standIn();
  writeRelease(Object.fromEntries(platforms.map((platform) => [platform, program])), folder);
  return folder;
}

const sumIn = (folder: string, name: string) =>
  readFileSync(path.join(folder, 'SHA256SUMS'), 'utf8')
    .split('\n')
    .find((line) => line.endsWith(`  ${name}`))
    ?.split(' ')[0];

/** The files of an archive, and where they come from. */
const sources = {
  LICENSE: 'LICENSE',
  'THIRD-PARTY-LICENSES.txt': 'dist/THIRD-PARTY-LICENSES.txt',
  ci: '',
  'ci.1': 'dist/ci.1',
  'completions/_ci': 'completions/_ci',
  'completions/ci.bash': 'completions/ci.bash',
  'completions/ci.fish': 'completions/ci.fish',
  'completions/ci.ps1': 'completions/ci.ps1',
};

test('has an archive for each platform, Debian packages, installers, and their sums', (context) => {
  needs(context, 'dpkg-deb', 'sha256sum');
  const folder = release();
  const files = [
    ...['amd64', 'arm64'].map((architecture) => `cheapestinference_${version}_${architecture}.deb`),
    ...['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64-musl', 'linux-x64'].map(
      (platform) => `ci-${version}-${platform}.tar.gz`,
    ),
    `ci-${version}-windows-x64.zip`,
    ...['install.ps1', 'install.sh'],
  ];
  const others = ['SHA256SUMS', 'cheapestinference.json', 'cheapestinference.rb'];
  expect(readdirSync(folder).sort()).toEqual([...files, ...others].sort());
  const checked = execFileSync('sha256sum', ['-c', 'SHA256SUMS'], { cwd: folder, encoding: 'utf8' });
  expect(checked).toBe(files.map((name) => `${name}: OK\n`).join(''));
});

test('has files owned by root in an archive, with the time of the release', () => {
  vi.stubEnv('SOURCE_DATE_EPOCH', '1000000000');
  const program = standIn();
  const top = `ci-${version}-linux-x64`;
  const entries = parseTar(gunzipSync(readFileSync(path.join(archivesOf(program), `${top}.tar.gz`))));
  const attributes = { uid: 0, gid: 0, mtime: 1_000_000_000, user: '', group: '' };
  expect(entries.map(({ name, attrs, data = [] }) => [name, attrs, Buffer.from(data)])).toEqual(
    Object.entries(sources).map(([name, source]) => [
      `${top}/${name}`,
      { ...attributes, mode: name === 'ci' ? '0000755' : '0000644' },
      name === 'THIRD-PARTY-LICENSES.txt' ? Buffer.from(thirdPartyLicenses()) : readFileSync(source || program),
    ]),
  );
});

test('names the runtime among the licenses', () => {
  expect(thirdPartyLicenses()).toContain(`\n${'-'.repeat(80)}\n\nBun ${bun.version} (MIT)\n`);
});

test('has the same files in the archive for Windows', (context) => {
  needs(context, 'unzip');
  const folder = archivesOf(standIn(), ['windows-x64']);
  const top = `ci-${version}-windows-x64`;
  const file = path.join(folder, `${top}.zip`);
  const names = Object.keys(sources)
    .map((name) => `${top}/${name === 'ci' ? 'ci.exe' : name}`)
    .sort();
  expect(Object.keys(unzipSync(readFileSync(file)))).toEqual(names);
  const to = emptyFolder();
  execFileSync('unzip', ['-q', file, '-d', to]);
  expect(filesIn(to)).toEqual(names);
  expect(spawnSync(path.join(to, top, 'ci.exe'), { encoding: 'utf8' }).stdout).toBe(`${version}\n`);
});

test('has the same bytes for the same program, wherever and whenever it is built', () => {
  vi.stubEnv('SOURCE_DATE_EPOCH', '1000000000');
  const sums = (zone: string) => {
    vi.stubEnv('TZ', zone);
    return readFileSync(path.join(archivesOf(standIn(), platforms), 'SHA256SUMS'), 'utf8');
  };
  expect(sums('Asia/Tokyo')).toBe(sums('America/Los_Angeles'));
});

test('has a Homebrew formula with the addresses and sums of the archives', (context) => {
  needs(context, 'dpkg-deb');
  const folder = release();
  const formula = readFileSync(path.join(folder, 'cheapestinference.rb'), 'utf8');
  const found = [...formula.matchAll(/on_(\w+) do\n +url "(.+)"\n +sha256 "(.+)"/g)].map(([, ...cells]) => cells);
  const expected = [
    ['arm', 'darwin-arm64'],
    ['intel', 'darwin-x64'],
    ['arm', 'linux-arm64'],
    ['intel', 'linux-x64'],
  ].map(([processor, platform]) => {
    const file = `ci-${version}-${platform}.tar.gz`;
    return [processor, `${downloads}/${file}`, sumIn(folder, file)];
  });
  expect(found).toEqual(expected);
});

test('has a Scoop manifest with the address and the sum of the archive', (context) => {
  needs(context, 'dpkg-deb');
  const folder = release();
  const manifest: unknown = JSON.parse(readFileSync(path.join(folder, 'cheapestinference.json'), 'utf8'));
  const top = `ci-${version}-windows-x64`;
  expect(at(manifest, 'architecture', '64bit')).toEqual({
    url: `${downloads}/${top}.zip`,
    hash: sumIn(folder, `${top}.zip`),
    extract_dir: top,
  });
  const update = textAt(manifest, 'autoupdate', 'architecture', '64bit', 'url');
  expect(update.replaceAll('$version', version)).toBe(`${downloads}/${top}.zip`);
  expect(listAt(manifest, 'bin')).toEqual(['ci.exe', ['ci.exe', 'cheapestinference']]);
});

test('names the repository of package.json in the installers and their documentation', () => {
  const address = repository.url.replace(/^git\+|\.git$/g, '');
  expect(`${address}/releases/download/v${version}`).toBe(downloads);
  for (const file of ['install.sh', 'install.ps1', 'README.md', 'docs/installation.md']) {
    const found = [...readFileSync(file, 'utf8').matchAll(/https:\/\/github\.com\/[\w-]+\/[\w-]+/g)].map(String);
    expect([file, ...new Set(found)]).toEqual([file, address]);
  }
});

test.each(['README.md', 'docs/installation.md'])('names the version of package.json in %s', (file) => {
  const found = [...readFileSync(file, 'utf8').matchAll(/(?:[_@-]|version:? |download\/)v?(\d+\.\d+\.\d+)/gi)];
  expect(new Set(found.map(([, each]) => each))).toEqual(new Set([version]));
});

/** Creates a Debian system without any package. @returns a function that runs dpkg in it, and its directory */
function debian() {
  const root = emptyFolder();
  for (const name of ['info', 'updates', 'triggers']) {
    mkdirSync(path.join(root, 'var/lib/dpkg', name), { recursive: true });
  }
  for (const name of ['status', 'available']) writeFileSync(path.join(root, 'var/lib/dpkg', name), '');
  const force = ['not-root', 'script-chrootless', 'depends', 'bad-path', 'architecture'].map(
    (name) => `--force-${name}`,
  );
  const dpkg = (...args: string[]) => {
    const { status, stderr } = spawnSync('dpkg', [`--root=${root}`, '--log=/dev/null', ...force, ...args], {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    });
    expect([status, stderr]).toEqual([0, expect.not.stringContaining('dpkg: error')]);
  };
  /** Returns the content of what a link leads to in this system. */
  const read = (file: string): string | undefined => {
    const here = path.join(root, file);
    try {
      return read(path.resolve(path.dirname(file), readlinkSync(here)));
    } catch {
      return existsSync(here) ? readFileSync(here, 'latin1') : undefined;
    }
  };
  return { root, dpkg, read };
}

/** Writes a package with RCS's /usr/bin/ci. @returns its path */
function rcs(): string {
  const folder = emptyFolder();
  for (const name of ['DEBIAN', 'usr/bin']) mkdirSync(path.join(folder, 'rcs', name), { recursive: true });
  writeFileSync(
    path.join(folder, 'rcs/DEBIAN/control'),
    'Package: rcs\nVersion: 5\nArchitecture: all\nMaintainer: nobody\nDescription: RCS\n',
  );
  writeFileSync(path.join(folder, 'rcs/usr/bin/ci'), 'RCS');
  execFileSync('chmod', ['-R', 'go=u,go-w', path.join(folder, 'rcs')]);
  execFileSync('dpkg-deb', ['--root-owner-group', '--build', 'rcs'], { cwd: folder });
  return path.join(folder, 'rcs.deb');
}

test('has a Debian package that can be installed and removed', (context) => {
  needs(context, 'dpkg-deb', 'update-alternatives');
  const file = path.join(release(), `cheapestinference_${version}_amd64.deb`);
  const field = (name: string) => execFileSync('dpkg-deb', ['--field', file, name], { encoding: 'utf8' }).trim();
  expect(['Package', 'Version', 'Architecture', 'Depends'].map(field)).toEqual([
    'cheapestinference',
    version,
    'amd64',
    'libc6 (>= 2.17)',
  ]);
  const { root, dpkg, read } = debian();
  dpkg('--install', file);
  const page = readFileSync('dist/ci.1', 'utf8');
  const unpacked = (name: string) => gunzipSync(Buffer.from(read(name) ?? '', 'latin1')).toString('utf8');
  for (const name of ['ci', 'cheapestinference']) {
    expect(read(`/usr/bin/${name}`)).toBe(`#!/bin/sh\necho ${version}\n`);
    expect(unpacked(`/usr/share/man/man1/${name}.1.gz`)).toBe(page);
    expect(read(`/usr/share/fish/vendor_completions.d/${name}.fish`)).toContain('complete -c ci');
  }
  expect(filesIn(path.join(root, 'usr')).filter((name) => !/man1|fish|bin/.test(name))).toEqual([
    'share/bash-completion/completions/cheapestinference',
    'share/doc/cheapestinference/changelog.gz',
    'share/doc/cheapestinference/copyright',
    'share/zsh/vendor-completions/_ci',
  ]);
  expect(unpacked('/usr/share/doc/cheapestinference/changelog.gz')).toBe(readFileSync('CHANGELOG.md', 'utf8'));
  dpkg('--remove', 'cheapestinference');
  expect([existsSync(path.join(root, 'usr')), filesIn(path.join(root, 'etc'))]).toEqual([false, []]);
});

test('has a Debian package that leaves ci of the package rcs alone', (context) => {
  needs(context, 'dpkg-deb', 'update-alternatives');
  const file = path.join(release(), `cheapestinference_${version}_amd64.deb`);
  for (const packages of [
    [file, rcs()],
    [rcs(), file],
  ]) {
    const { dpkg, read } = debian();
    for (const each of packages) dpkg('--install', each);
    expect([read('/usr/bin/ci'), read('/usr/bin/cheapestinference')]).toEqual([
      'RCS',
      expect.stringContaining(version),
    ]);
    dpkg('--remove', 'cheapestinference');
    expect([read('/usr/bin/ci'), read('/usr/bin/cheapestinference')]).toEqual(['RCS', undefined]);
  }
});

test('prints the section of a version in CHANGELOG.md', async () => {
  const notes = (of: string) => runProgram([process.execPath, 'packaging/release-notes.mjs', of], process.env);
  const [, unreleased = '', first = ''] = readFileSync('CHANGELOG.md', 'utf8').split(/^## .+\n/m);
  const links = /^\[.+\]: .+\n/gm;
  expect(await notes('0.1.0')).toEqual({ code: 0, stdout: `${first.replace(links, '').trim()}\n`, stderr: '' });
  const page = 'https://github.com/cheapestinference/cli/blob/vUnreleased/docs/';
  expect(await notes('Unreleased')).toEqual({
    code: 0,
    stdout: `${unreleased.trim().replaceAll('](docs/', `](${page}`)}\n`,
    stderr: '',
  });
  expect(await notes('9.9.9')).toEqual({
    code: 1,
    stdout: '',
    stderr: 'CHANGELOG.md has no section for 9.9.9. Add the heading "## [9.9.9] - YYYY-MM-DD".\n',
  });
});

/** The program compiled for this machine. */
const compiled = path.resolve('dist/bin/ci');

test('installs the compiled program, which works in the sandbox', async () => {
  const platform = `${process.platform}-${process.arch}`;
  const server = await serveReleases({ [version]: archivesOf(compiled, [platform]) });
  const home = emptyFolder();
  const to = path.join(home, 'bin');
  const env = { HOME: home, PATH: process.env.PATH, CHEAPESTINFERENCE_DOWNLOAD_URL: server.url.href };
  expect(await runProgram(['sh', 'install.sh', '--to', to], env)).toMatchObject({ code: 0, stderr: '' });
  const list = await runProgram([path.join(to, 'ci'), '--sandbox', 'pools', 'list'], env);
  expect([list.code, list.stdout]).toEqual([0, expect.stringContaining('kimi26')]);
});
