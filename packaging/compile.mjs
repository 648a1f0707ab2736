// Compiles a standalone binary: `node packaging/compile.mjs [platform] [file]`, by default dist/bin/ci for this machine.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { standalone } from '../rolldown.config.mjs';
import { programName, root } from './project.mjs';

const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;

/** The packages with the compiler and with the binding of the system keychain, by platform. */
const packages = {
  'linux-x64': ['@oven/bun-linux-x64', '@napi-rs/keyring-linux-x64-gnu'],
  'linux-x64-musl': ['@oven/bun-linux-x64-musl', '@napi-rs/keyring-linux-x64-musl'],
  'linux-arm64': ['@oven/bun-linux-aarch64', '@napi-rs/keyring-linux-arm64-gnu'],
  'darwin-x64': ['@oven/bun-darwin-x64', '@napi-rs/keyring-darwin-x64'],
  'darwin-arm64': ['@oven/bun-darwin-aarch64', '@napi-rs/keyring-darwin-arm64'],
  'windows-x64': ['@oven/bun-windows-x64', '@napi-rs/keyring-win32-x64-msvc'],
};

/** The platforms that binaries are compiled for. */
export const platforms = Object.keys(packages);

/** Returns the platform of this machine. @throws Error if no binaries are compiled for it */
export function platformOfThisMachine() {
  const isMusl = process.platform === 'linux' && process.report.getReport().header.glibcVersionRuntime === undefined;
  const name = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}${isMusl ? '-musl' : ''}`;
  if (name in packages) return name;
  throw new Error(`No binaries are compiled for ${name}. Choose one of ${platforms.join(', ')}.`);
}

/** Compiles the binary of a platform. @throws Error if the compiler fails, or a package has another checksum than in the lock file */
export async function compile(platform, file) {
  const folder = mkdtempSync(path.join(tmpdir(), 'ci-compile-'));
  try {
    const [compiler, keyring] = packages[platform].map(folderOf);
    const binding = readdirSync(keyring).find((name) => name.endsWith('.node'));
    const { output, ...input } = standalone(platform, path.join(keyring, binding));
    const bundle = await rolldown({ ...input, logLevel: 'warn' });
    await bundle.write({ ...output, dir: folder });
    await bundle.close();
    mkdirSync(path.dirname(file), { recursive: true });
    execFileSync(
      executableOf(folderOf(packages[platformOfThisMachine()][0])),
      [
        'build',
        path.join(folder, 'standalone.js'),
        '--compile',
        `--compile-executable-path=${withoutVariables(executableOf(compiler), folder)}`,
        `--target=bun-${platform}`,
        `--outfile=${path.resolve(file)}`,
        '--format=esm',
        '--splitting',
        '--minify',
        '--bytecode',
        // On Linux, Bun reads the system's certificates without this.
        ...(platform.startsWith('linux') ? [] : ['--compile-exec-argv=--use-system-ca']),
        // Nearly all commands end before compiling their code would pay off.
        '--compile-jit-policy=100',
        // Files in the user's working directory must not configure the program.
        '--no-compile-autoload-dotenv',
        '--no-compile-autoload-bunfig',
        '--no-compile-autoload-tsconfig',
        '--no-compile-autoload-package-json',
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    if (platform === 'darwin-x64') removeSignature(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Removes the signature of a binary for macOS on Intel. It is bun's, and no longer valid. On Intel, macOS runs unsigned programs, but
 * refuses invalid signatures.
 */
function removeSignature(file) {
  const signatureCommand = 0x1d;
  const bytes = readFileSync(file);
  const count = bytes.readUInt32LE(16);
  let at = 32;
  for (let index = 0; index < count - 1; index++) at += bytes.readUInt32LE(at + 4);
  if (bytes.readUInt32LE(at) !== signatureCommand) throw new Error(`The signature of ${file} is in another place.`);
  const size = bytes.readUInt32LE(at + 4);
  bytes.fill(0, at, at + size);
  bytes.writeUInt32LE(count - 1, 16);
  bytes.writeUInt32LE(bytes.readUInt32LE(20) - size, 20);
  writeFileSync(file, bytes);
}

/** Returns the folder of an installed package, or of one for another platform, which is downloaded. */
function folderOf(name) {
  const installed = path.join(root, 'node_modules', name);
  if (existsSync(installed)) return installed;
  const { version, integrity } = lock[`node_modules/${name}`];
  const cache = path.join(root, 'node_modules/.cache/packaging', `${name}-${version}`);
  const folder = path.join(cache, 'package');
  if (existsSync(folder)) return folder;
  rmSync(cache, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  execFileSync('npm', ['pack', '--silent', '--pack-destination', cache, `${name}@${version}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  const [archive] = readdirSync(cache);
  const checksum = createHash('sha512')
    .update(readFileSync(path.join(cache, archive)))
    .digest('base64');
  if (`sha512-${checksum}` !== integrity) {
    throw new Error(`${name} ${version} has the checksum sha512-${checksum}. package-lock.json has ${integrity}.`);
  }
  mkdirSync(path.join(cache, 'unpacked'));
  execFileSync('tar', ['-xzf', archive, '-C', 'unpacked'], { cwd: cache });
  // Only a complete package has the name that is looked for.
  renameSync(path.join(cache, 'unpacked/package'), folder);
  return folder;
}

/**
 * Copies bun without the names of the variables that would turn a binary into bun, run other code, or wait for a debugger. No variable
 * has an empty name. Bun signs the binary for macOS afterward.
 */
function withoutVariables(executable, folder) {
  const bytes = readFileSync(executable);
  for (const name of ['BUN_BE_BUN', 'BUN_OPTIONS', 'BUN_INSPECT', 'BUN_INSPECT_CONNECT_TO', 'BUN_INSPECT_PRELOAD']) {
    const at = bytes.indexOf(`\0${name}\0`);
    if (at < 0 || bytes.indexOf(`\0${name}\0`, at + 1) >= 0)
      throw new Error(`${executable} has ${name} in another place.`);
    bytes[at + 1] = 0;
  }
  const copy = path.join(folder, path.basename(executable));
  writeFileSync(copy, bytes, { mode: 0o755 });
  return copy;
}

function executableOf(folder) {
  const [name] = readdirSync(path.join(folder, 'bin'));
  return path.join(folder, 'bin', name);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [platform = platformOfThisMachine(), file = path.join(root, 'dist/bin', programName(platform))] =
    process.argv.slice(2);
  await compile(platform, file);
}
