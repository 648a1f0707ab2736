import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { thirdPartyLicenses } from './archive.mjs';
import { name, releaseTime, repository, root, summary, title, version } from './project.mjs';

/** The oldest version of the C library that the program runs with. */
const libc = '2.17';

/** Debian's names of the architectures that have a package. */
export const debArchitectures = { 'linux-x64': 'amd64', 'linux-arm64': 'arm64' };

/** Returns the name of a platform's Debian package. */
function debName(platform) {
  return `${name}_${version}_${debArchitectures[platform]}.deb`;
}

/**
 * Writes the Debian package of a platform's program to a directory. The package must not contain /usr/bin/ci, which belongs to
 * the package rcs, nor bash-completion's completion of it. So the program has its long name, and `ci` is an alternative for it.
 */
export function writeDeb(platform, program, folder) {
  const stage = mkdtempSync(path.join(tmpdir(), 'ci-deb-'));
  chmodSync(stage, 0o755);
  try {
    writeFiles(stage, program);
    writeControl(stage, debArchitectures[platform]);
    const env = { ...process.env, SOURCE_DATE_EPOCH: String(releaseTime()) };
    // Older versions of Debian and Ubuntu can't read the default compression of newer ones.
    const build = ['--root-owner-group', '-Zgzip', '--build', stage, path.join(folder, debName(platform))];
    execFileSync('dpkg-deb', build, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  } finally {
    rmSync(stage, { recursive: true });
  }
}

/** Writes the installed files. */
function writeFiles(stage, program) {
  const put = (target, content, mode) => write(path.join(stage, 'usr', target), content, mode);
  const read = (file) => readFileSync(path.join(root, file));
  put(`bin/${name}`, readFileSync(program), 0o755);
  put(`share/man/man1/${name}.1.gz`, gzip(read('dist/ci.1')));
  put(`share/bash-completion/completions/${name}`, read('completions/ci.bash'));
  put('share/zsh/vendor-completions/_ci', read('completions/_ci'));
  put('share/fish/vendor_completions.d/ci.fish', read('completions/ci.fish'));
  symlinkSync('ci.fish', path.join(stage, `usr/share/fish/vendor_completions.d/${name}.fish`));
  put(`share/doc/${name}/changelog.gz`, gzip(read('CHANGELOG.md')));
  const licenses = [`Source: ${repository}`, read('LICENSE'), thirdPartyLicenses()];
  put(`share/doc/${name}/copyright`, licenses.join('\n\n'));
}

/** Writes the description of the package and the scripts that create and remove the alternative. */
function writeControl(stage, architecture) {
  const put = (target, content, mode) => write(path.join(stage, 'DEBIAN', target), content, mode);
  const installedSize = Math.ceil(sizeOf(path.join(stage, 'usr')) / 1024);
  put(
    'control',
    `Package: ${name}
Version: ${version.replace('-', '~')}
Architecture: ${architecture}
Maintainer: CheapestInference <${repository}/issues>
Installed-Size: ${installedSize}
Depends: libc6 (>= ${libc})
Section: utils
Priority: optional
Homepage: ${repository}
Description: ${summary}
 This is the ${title}. The program is called
 ${name}. The command ci runs it too, unless another package
 has a program with that name.
`,
  );
  put(
    'postinst',
    `#!/bin/sh
set -e
if [ "$1" = configure ]; then
  update-alternatives --install /usr/bin/ci ci /usr/bin/${name} 50 \\
    --slave /usr/share/man/man1/ci.1.gz ci.1.gz /usr/share/man/man1/${name}.1.gz
fi
`,
    0o755,
  );
  put(
    'prerm',
    `#!/bin/sh
set -e
if [ "$1" = remove ]; then
  update-alternatives --remove ci /usr/bin/${name}
fi
`,
    0o755,
  );
}

/** Compresses a file as Debian requires. */
function gzip(content) {
  return gzipSync(content, { level: 9 });
}

/** Writes a file, and creates its directories. The umask has no effect on their permissions. */
function write(file, content, mode = 0o644) {
  createFolder(path.dirname(file));
  writeFileSync(file, content);
  chmodSync(file, mode);
}

function createFolder(folder) {
  if (existsSync(folder)) return;
  createFolder(path.dirname(folder));
  mkdirSync(folder);
  chmodSync(folder, 0o755);
}

function sizeOf(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + statSync(path.join(parentPath, name)).size, 0);
}
