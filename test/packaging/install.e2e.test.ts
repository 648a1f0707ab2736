import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:https';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { platforms } from '../../packaging/compile.mjs';
import { selfSigned } from '../support/certificate.ts';
import { emptyFolder, modeOf } from '../support/folder.ts';
import { listening, type TestServer } from '../support/http-server.ts';
import { needs } from '../support/programs.ts';
import {
  archiveOfVersion,
  archivesOf,
  filesIn,
  runProgram,
  serveReleases,
  standIn,
  toolbox,
  version,
  writeProgram,
} from '../support/releases.ts';

const script = path.resolve('install.sh');

/** What the script runs, apart from programs that download and check sums. */
const tools = 'sh uname id mktemp rm rmdir mkdir mv ln chmod readlink cat grep head tail tar gzip ldd'.split(' ');

/** A machine and its user: by default, Linux with glibc on x64. */
interface Machine {
  readonly system?: string;
  readonly processor?: string;
  readonly libc?: string;
  readonly userId?: number;
  /** A directory with the only programs that it has, apart from those that identify it. */
  readonly programs?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly shell?: string;
}

function userOf(server: Pick<TestServer, 'url'>, machine: Machine = {}) {
  const { system = 'Linux', processor = 'x86_64', libc = 'GNU libc', userId = 1000 } = machine;
  const home = emptyFolder();
  const bin = path.join(home, '.local/bin');
  const fakes = emptyFolder();
  writeProgram(path.join(fakes, 'uname'), `case $1 in -s) echo ${system} ;; -m) echo ${processor} ;; esac`);
  writeProgram(path.join(fakes, 'ldd'), `echo 'ldd (${libc})' >&2; exit 1`);
  writeProgram(path.join(fakes, 'id'), `echo ${userId}`);
  const env = {
    HOME: home,
    PATH: [fakes, machine.programs ?? process.env.PATH].join(path.delimiter),
    SHELL: '/bin/bash',
    CHEAPESTINFERENCE_DOWNLOAD_URL: server.url.href,
    ...machine.env,
  };
  const shell = (machine.shell ?? 'sh').split(' ');
  return {
    home,
    bin,
    env,
    program: path.join(bin, 'ci'),
    install: (...args: string[]) => runProgram([...shell, script, ...args], env),
  };
}

const goodRelease = () => serveReleases({ [version]: archivesOf(standIn()) });

/** A server that no request reaches. */
const nowhere = { url: new URL('http://127.0.0.1:9') };

const outputOf = (program: string) => spawnSync(program, { encoding: 'utf8' }).stdout;

const failure = (message: string, code = 1) => ({ code, stdout: '', stderr: `install.sh: ${message}\n` });

const downloading = `Downloading ci ${version} for linux-x64.\n`;

const installWithNpm = 'Install Node.js, and run: npm install --global cheapestinference';
const nextStep = 'To set up tab completion, run: ci completion install\n';

test.for(['dash', 'bash --posix', 'busybox sh'])('installs the latest version with %s', async (shell, context) => {
  needs(context, shell.split(' ')[0] ?? '');
  const { bin, home, program, install } = userOf(await goodRelease(), { shell });
  expect(await install()).toEqual({
    code: 0,
    stdout: `${downloading}Installed ci ${version} to ${bin}.
${bin} is not on your PATH. To add it, run this and open a new terminal:

  echo 'export PATH="${bin}:$PATH"' >> ~/.bashrc

${nextStep}`,
    stderr: '',
  });
  expect(outputOf(program)).toBe(`${version}\n`);
  expect(filesIn(home)).toEqual(['.local/bin/cheapestinference', '.local/bin/ci', '.local/share/man/man1/ci.1']);
  expect(readlinkSync(path.join(bin, 'cheapestinference'))).toBe('ci');
  expect(modeOf(program)).toBe('755');
  expect(readFileSync(path.join(home, '.local/share/man/man1/ci.1'))).toEqual(readFileSync('dist/ci.1'));
});

test('installs from a pipe, with options', async () => {
  const to = path.join(emptyFolder(), 'programs');
  const { env, home } = userOf(await goodRelease());
  const piped = await runProgram(['sh', '-c', `cat '${script}' | sh -s -- --version v${version} --to=${to}`], env);
  expect(piped).toMatchObject({ code: 0, stderr: '' });
  // A directory that isn't called bin has no directory for man pages next to it.
  expect([filesIn(path.dirname(to)), filesIn(home)]).toEqual([['programs/cheapestinference', 'programs/ci'], []]);
});

test('installs as root to the directory of --to', async () => {
  const to = path.join(emptyFolder(), 'bin');
  const { install } = userOf(await goodRelease(), { userId: 0 });
  expect(await install('--to', to)).toMatchObject({ code: 0 });
  expect(outputOf(path.join(to, 'ci'))).toBe(`${version}\n`);
});

test('updates to the latest version, and goes back to another', async () => {
  const other = '0.0.9-rc.1';
  const releases = { [other]: archiveOfVersion(other, standIn(other)), [version]: archivesOf(standIn()) };
  const { install, program, bin } = userOf(await serveReleases(releases));
  expect(await install('--version', other)).toMatchObject({ code: 0 });
  expect(outputOf(program)).toBe(`${other}\n`);
  expect(await install()).toMatchObject({ code: 0 });
  expect(outputOf(program)).toBe(`${version}\n`);
  expect(await install('--version', other)).toMatchObject({ code: 0 });
  expect(outputOf(program)).toBe(`${other}\n`);
  expect(readdirSync(bin).sort()).toEqual(['cheapestinference', 'ci']);
});

describe.each(['curl', 'wget', 'busybox'])('with %s', (downloader) => {
  /** Returns a directory with this program to download, and no other. */
  function programs(): string {
    const folder = toolbox(...tools, 'cut', 'sha256sum', downloader);
    if (downloader === 'busybox') writeProgram(path.join(folder, 'wget'), 'exec busybox wget "$@"');
    return folder;
  }

  test('installs', async (context) => {
    needs(context, downloader);
    const { install, program } = userOf(await goodRelease(), { programs: programs() });
    expect(await install()).toMatchObject({ code: 0, stderr: '' });
    expect(outputOf(program)).toBe(`${version}\n`);
  });

  test('says that a version does not exist', async (context) => {
    needs(context, downloader);
    const server = await goodRelease();
    const { install, home } = userOf(server, { programs: programs() });
    const seeVersions = `See the versions at ${server.url.origin}`;
    expect(await install('--version', '9.9.9')).toEqual(failure(`There is no version 9.9.9. ${seeVersions}`));
    expect(filesIn(home)).toEqual([]);
  });

  test('says that the download was cut off, and leaves nothing behind', async (context) => {
    needs(context, downloader);
    const server = await serveReleases({ [version]: archivesOf(standIn()) }, (response, name) => {
      if (!name.endsWith('.gz')) return false;
      response.writeHead(200, { 'content-length': 100_000 });
      response.write('x'.repeat(50_000), () => response.destroy());
      return true;
    });
    const { install, home } = userOf(server, { programs: programs() });
    const url = `${server.url.origin}/download/v${version}/ci-${version}-linux-x64.tar.gz`;
    expect(await install()).toEqual({
      ...failure(`The download of ${url} was cut off. Check your connection, and run this script again.`),
      stdout: downloading,
    });
    expect(readdirSync(home)).toEqual([]);
  });

  test('says that the disk is full, and keeps the program', async (context) => {
    needs(context, downloader, 'unshare');
    const server = await serveReleases({ [version]: archivesOf(standIn()) }, (response, name) => {
      if (!name.endsWith('.gz')) return false;
      response.end('x'.repeat(1_000_000));
      return true;
    });
    const { bin, env, home } = userOf(server, { programs: programs() });
    // Only as root, or with namespaces for users, which some systems forbid.
    const namespace = ['unshare', '--mount', ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'])];
    if (spawnSync('unshare', [...namespace.slice(1), 'true']).status !== 0) context.skip('cannot mount a small disk');
    const disk = `mount -t tmpfs -o size=200k,mode=777 none '${home}' && mkdir -p '${bin}' && ln -s ci '${bin}/cheapestinference' &&
      echo old > '${bin}/ci' && PATH='${env.PATH}' sh '${script}'; echo "exit $?"; cat '${bin}/ci'; ls -A '${bin}'`;
    const { stdout, stderr } = await runProgram([...namespace, 'sh', '-c', disk], { ...env, PATH: process.env.PATH });
    expect(stderr).toBe(`install.sh: Could not write to ${bin}. Check the free space.\n`);
    expect(stdout).toBe(`${downloading}exit 1\nold\ncheapestinference\nci\n`);
  });
});

test.for(['sha256sum', 'shasum', 'openssl'])('checks the download with %s', async (checker, context) => {
  needs(context, checker);
  const folder = archivesOf(standIn());
  const server = await serveReleases({ [version]: folder });
  const { install, program } = userOf(server, { programs: toolbox(...tools, 'curl', 'perl', checker) });
  expect(await install()).toMatchObject({ code: 0 });
  writeFileSync(path.join(folder, `ci-${version}-linux-x64.tar.gz`), readFileSync(program));
  expect(await install()).toEqual({
    ...failure(
      `The SHA-256 sum of ci-${version}-linux-x64.tar.gz is wrong. Nothing was installed. Run this script again.`,
    ),
    stdout: downloading,
  });
  expect(outputOf(program)).toBe(`${version}\n`);
});

describe('the platform', () => {
  test.each([
    ['Linux', 'x86_64', 'GNU libc', 'linux-x64'],
    ['Linux', 'x86_64', 'musl libc', 'linux-x64-musl'],
    ['Linux', 'aarch64', 'GNU libc', 'linux-arm64'],
    ['Darwin', 'x86_64', '', 'darwin-x64'],
    ['Darwin', 'arm64', '', 'darwin-arm64'],
  ])('of %s on %s with %s is %s', async (system, processor, libc, platform) => {
    const server = await serveReleases({ [version]: archivesOf(standIn(), platforms) });
    const { install } = userOf(server, { system, processor, libc });
    expect(await install()).toMatchObject({ code: 0 });
    expect(server.received.map((request) => request.path)).toEqual([
      '/latest/download/SHA256SUMS',
      `/download/v${version}/ci-${version}-${platform}.tar.gz`,
    ]);
  });

  const useNode = installWithNpm;

  test.each([
    ['Linux', 'aarch64', 'musl libc', `There is no program for Linux on aarch64 with musl. ${useNode}`],
    ['Linux', 'riscv64', 'GNU libc', `There is no program for Linux on riscv64. ${useNode}`],
    ['FreeBSD', 'amd64', '', `There is no program for FreeBSD on amd64. ${useNode}`],
    ['MINGW64_NT-10.0', 'x86_64', '', "This script doesn't support Windows. Use install.ps1 in PowerShell."],
  ])('of %s on %s with %s is refused', async (system, processor, libc, message) => {
    const { install, home } = userOf(nowhere, { system, processor, libc });
    expect(await install()).toEqual(failure(message));
    expect(readdirSync(home)).toEqual([]);
  });
});

describe('refuses', () => {
  const help = 'Run install.sh --help.';

  test.each<[string, string[], Machine, ReturnType<typeof failure>]>([
    ['an unknown option', ['--prefix'], {}, failure(`"--prefix" is not an option. ${help}`, 2)],
    ['an option without a value', ['--to'], {}, failure(`--to needs a value. ${help}`, 2)],
    [
      'an invalid version',
      ['--version', '1/../2'],
      {},
      failure(`"1/../2" is not a valid version. Use a version such as 1.2.0. ${help}`, 2),
    ],
    [
      'to install as root without --to',
      [],
      { userId: 0 },
      failure('You are root. Choose the directory, such as --to /usr/local/bin.'),
    ],
    ['an unknown home', [], { env: { HOME: '' } }, failure('HOME is not set. Choose the directory with --to.')],
    [
      'to download without https',
      [],
      { env: { CHEAPESTINFERENCE_DOWNLOAD_URL: 'http://mirror.example/ci' } },
      failure(
        'CHEAPESTINFERENCE_DOWNLOAD_URL is "http://mirror.example/ci". Use an address that starts with https://.',
      ),
    ],
    [
      'an address with a user name',
      [],
      { env: { CHEAPESTINFERENCE_DOWNLOAD_URL: 'http://127.0.0.1:80@mirror.example/ci' } },
      failure('CHEAPESTINFERENCE_DOWNLOAD_URL must not contain a user name.'),
    ],
    [
      'to create a directory in a file',
      ['--to', `${script}/bin`],
      {},
      failure(`Could not create ${script}/bin. Choose another directory with --to.`),
    ],
  ])('%s', async (_case, args, machine, expected) => {
    const { install, home } = userOf(nowhere, machine);
    expect(await install(...args)).toEqual(expected);
    expect(readdirSync(home)).toEqual([]);
  });

  test('a machine without curl and wget', async () => {
    const { install } = userOf(nowhere, { programs: toolbox(...tools, 'sha256sum') });
    expect(await install()).toEqual(failure('This script needs curl or wget. Install one of them.'));
  });

  test('a machine that cannot check sums', async () => {
    const { install } = userOf(nowhere, { programs: toolbox(...tools, 'curl') });
    const message = 'This script needs sha256sum, shasum or openssl. Install one of them.';
    expect(await install()).toEqual(failure(message));
  });

  test('a directory of another user', async (context) => {
    needs(context, 'setpriv');
    const { home, env, bin } = userOf(nowhere);
    mkdirSync(bin, { recursive: true });
    const isRoot = process.getuid?.() === 0;
    const stranger = isRoot ? ['setpriv', '--reuid', '54321', '--clear-groups'] : [];
    for (const folder of [home, env.PATH.split(path.delimiter)[0] ?? '']) chmodSync(folder, 0o755);
    if (!isRoot) chmodSync(bin, 0o555);
    // The script may be in a directory that others can't read.
    const run = ['sh', '-c', readFileSync(script, 'utf8'), 'install.sh'];
    const message = `You don't have permission to write to ${bin}. Choose another directory with --to.`;
    expect(await runProgram([...stranger, ...run], env)).toEqual(failure(message));
    expect(readdirSync(bin)).toEqual([]);
  });

  test.each(['ci', 'cheapestinference'])('to replace a program %s that it did not install', async (name) => {
    const { install, bin } = userOf(nowhere);
    mkdirSync(bin, { recursive: true });
    writeProgram(path.join(bin, name), 'echo another');
    expect(await install()).toEqual(
      failure(`This script didn't install ${bin}/${name}. Remove it, or choose another directory with --to.`),
    );
    expect(outputOf(path.join(bin, name))).toBe('another\n');
  });

  test('a directory in the place of the program', async () => {
    const { install, bin } = userOf(nowhere);
    mkdirSync(path.join(bin, 'ci'), { recursive: true });
    expect(await install()).toEqual(failure(`${bin}/ci is a directory. Choose another directory with --to.`));
  });

  test('to replace a link to a program that is missing', async () => {
    const { install, bin } = userOf(nowhere);
    mkdirSync(bin, { recursive: true });
    symlinkSync('/nowhere/mine', path.join(bin, 'cheapestinference'));
    expect(await install()).toEqual(
      failure(`This script didn't install ${bin}/cheapestinference. Remove it, or choose another directory with --to.`),
    );
    expect(readlinkSync(path.join(bin, 'cheapestinference'))).toBe('/nowhere/mine');
  });

  test.each([
    ['has no release', {}, 'There is no release yet.', ''],
    [
      'has no program for the platform',
      { [version]: () => archivesOf(standIn(), ['linux-arm64']) },
      `The latest release has no program for linux-x64. See the versions at URL`,
      '',
    ],
    [
      'has no archive',
      {
        [version]: () => {
          const folder = emptyFolder();
          copyFileSync(path.join(archivesOf(standIn()), 'SHA256SUMS'), path.join(folder, 'SHA256SUMS'));
          return folder;
        },
      },
      `The release of version ${version} is incomplete: ci-${version}-linux-x64.tar.gz is missing.`,
      downloading,
    ],
    [
      'has a program that fails',
      { [version]: () => archivesOf(writeProgram(path.join(emptyFolder(), 'ci'), 'exit 1')) },
      `The new program doesn't run on this machine. Nothing was installed. ${installWithNpm}`,
      downloading,
    ],
    [
      'has a program of another version',
      { [version]: () => archivesOf(standIn('0.0.1')) },
      `The new program doesn't run on this machine. Nothing was installed. ${installWithNpm}`,
      downloading,
    ],
  ])('a server that %s, and keeps the program', async (_case, releases, message, stdout) => {
    const folders = Object.entries(releases).map(([name, create]) => [name, create()]);
    const server = await serveReleases(Object.fromEntries(folders));
    const { install, bin, program } = userOf(server);
    mkdirSync(bin, { recursive: true });
    writeProgram(program, 'echo old');
    symlinkSync('ci', path.join(bin, 'cheapestinference'));
    expect(await install()).toEqual({ ...failure(message.replace('URL', server.url.origin)), stdout });
    expect(outputOf(program)).toBe('old\n');
    expect(readdirSync(bin).sort()).toEqual(['cheapestinference', 'ci']);
  });

  test('a program that lacks libstdc++, and says how to install it', async () => {
    const broken = writeProgram(path.join(emptyFolder(), 'ci'), 'exit 127');
    const server = await serveReleases({ [version]: archivesOf(broken, ['linux-x64-musl']) });
    const { install, home } = userOf(server, { libc: 'musl libc' });
    const { code, stderr } = await install();
    expect([code, stderr]).toEqual([
      1,
      "install.sh: The new program doesn't run. Install libstdc++, on Alpine Linux with: apk add libstdc++\n",
    ]);
    expect(filesIn(home)).toEqual([]);
  });

  test.for(['curl', 'wget'])('a redirect to http with %s', async (downloader, context) => {
    needs(context, downloader);
    const plain = await goodRelease();
    const certificate = selfSigned('localhost');
    const secure = createServer(certificate, ({ url }, response) => {
      response.writeHead(302, { location: `${plain.url.origin}${url}` }).end();
    });
    const origin = `https://127.0.0.1:${await listening(secure)}`;
    const folder = emptyFolder();
    writeFileSync(path.join(folder, 'ca.pem'), certificate.cert);
    writeFileSync(path.join(folder, 'wgetrc'), `ca_certificate = ${folder}/ca.pem\n`);
    const trust = { CURL_CA_BUNDLE: `${folder}/ca.pem`, WGETRC: `${folder}/wgetrc` };
    const { install, home } = userOf(nowhere, {
      programs: toolbox(...tools, 'sha256sum', downloader),
      env: { ...trust, CHEAPESTINFERENCE_DOWNLOAD_URL: origin },
    });
    const { code, stderr } = await install();
    const reason =
      downloader === 'curl'
        ? /^install\.sh: Could not download .* Check your connection, and run this script again\. curl: \(1\) .*http.*\n$/
        : /^install\.sh: .* redirects to an address that doesn't start with https:\/\/\. Nothing was installed\.\n$/;
    expect([code, stderr]).toEqual([1, expect.stringMatching(reason)]);
    expect(filesIn(home)).toEqual([]);
  });
});

test('says which server cannot be reached', async () => {
  const { install, home } = userOf(nowhere);
  const { code, stderr } = await install();
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^install\.sh: Could not download http:\/\/127\.0\.0\.1:9\/latest\/download\/SHA256SUMS\. Check your connection, and run this script again\. curl: \(7\) .*\n$/,
  );
  expect(filesIn(home)).toEqual([]);
});

test.each([
  ['/usr/bin/fish', 'fish_add_path BIN'],
  ['/bin/zsh', `echo 'export PATH="BIN:$PATH"' >> ~/.zshrc`],
  ['/bin/sh', `echo 'export PATH="BIN:$PATH"' >> ~/.profile`],
])('says how to add the directory to the PATH of %s', async (shell, command) => {
  const { install, bin } = userOf(await goodRelease(), { env: { SHELL: shell } });
  expect((await install()).stdout).toContain(`\n\n  ${command.replace('BIN', bin)}\n\n`);
});

test('names another program ci that comes first on the PATH', async () => {
  const { env, bin, install } = userOf(await goodRelease());
  const other = emptyFolder();
  const installed = `${downloading}Installed ci ${version} to ${bin}.\n`;
  env.PATH = [env.PATH, bin].join(path.delimiter);
  expect(await install()).toEqual({ code: 0, stdout: `${installed}${nextStep}`, stderr: '' });
  writeProgram(path.join(other, 'ci'), 'echo RCS');
  env.PATH = [other, env.PATH].join(path.delimiter);
  const note = `On this machine, ci runs ${other}/ci. Run cheapestinference instead.\n`;
  const step = nextStep.replace('run: ci ', 'run: cheapestinference ');
  expect(await install()).toEqual({ code: 0, stdout: `${installed}${note}${step}`, stderr: '' });
});

test('shows its help', async () => {
  const { install, home } = userOf(nowhere);
  const { code, stdout } = await install('--help');
  expect([code, stdout.split('\n')[0]]).toEqual([0, 'Install the CheapestInference CLI']);
  expect(readdirSync(home)).toEqual([]);
});

test('does nothing if it was cut off', async () => {
  const server = await goodRelease();
  const { env, home } = userOf(server);
  const text = readFileSync(script, 'utf8').trimEnd();
  // Every cut in the last line, and one in each of the others.
  const last = text.length - text.lastIndexOf('\n');
  const cuts = [...text.matchAll(/(?<=\n.{0,10})./g)].map(({ index }) => index).filter((_at, each) => each % 40 === 0);
  for (const length of [...cuts, ...Array.from({ length: last }, (_each, index) => text.length - index - 1)]) {
    spawnSync('sh', { input: text.slice(0, length), env });
  }
  expect([server.received, readdirSync(home)]).toEqual([[], []]);
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('leaves nothing behind after %s', async (signal) => {
  let send = (_signal: NodeJS.Signals) => {};
  const server = await serveReleases({ [version]: archivesOf(standIn()) }, (response, name) => {
    if (!name.endsWith('.gz')) return false;
    response.write('x', () => send(signal));
    return true;
  });
  const { env, home } = userOf(server);
  const numbers = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
  const ended = runProgram(['sh', script], env, (kill) => {
    send = kill;
  });
  // Some shells also report on stderr that the signal ended curl.
  expect(await ended).toMatchObject({ code: numbers[signal], stdout: downloading });
  expect(readdirSync(home)).toEqual([]);
});

test('leaves only the program behind if nobody reads what it prints', async () => {
  const { env, bin } = userOf(await serveReleases({ [version]: archivesOf(standIn()) }));
  await runProgram(['sh', '-c', `sh '${script}' | head -n 1`], env);
  expect(readdirSync(bin).sort()).toEqual(['cheapestinference', 'ci']);
});

test('passes shellcheck', (context) => {
  needs(context, 'shellcheck');
  const { stdout, status } = spawnSync('shellcheck', [script], { encoding: 'utf8' });
  expect([stdout, status]).toEqual(['', 0]);
});
