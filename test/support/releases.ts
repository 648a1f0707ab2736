import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import type { ServerResponse } from 'node:http';
import path from 'node:path';
import { version } from '../../package.json';
import { writeArchive } from '../../packaging/archive.mjs';
import { writeSums } from '../../packaging/sums.mjs';
import { emptyFolder } from './folder.ts';
import { serve, type TestServer } from './http-server.ts';

export { version };

/** Writes a program that prints a version. @returns its path */
export function standIn(prints: string = version): string {
  return writeProgram(path.join(emptyFolder(), 'ci'), `echo ${prints}`);
}

/** Writes a shell script. @returns its path */
export function writeProgram(file: string, script: string): string {
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** Writes the archives of a program, and their sums. @returns their directory */
export function archivesOf(program: string, of: readonly string[] = ['linux-x64']): string {
  const folder = emptyFolder();
  for (const platform of of) writeArchive(platform, program, folder);
  writeSums(folder);
  return folder;
}

/** Writes the archive of a program of another version, and its sum. @returns their directory */
export function archiveOfVersion(other: string, program: string): string {
  const [stage, folder] = [emptyFolder(), emptyFolder()];
  const top = `ci-${other}-linux-x64`;
  mkdirSync(path.join(stage, top));
  copyFileSync(program, path.join(stage, top, 'ci'));
  writeFileSync(path.join(stage, top, 'ci.1'), '');
  execFileSync('tar', ['-czf', path.join(folder, `${top}.tar.gz`), '-C', stage, top]);
  writeSums(folder);
  return folder;
}

/** Serves releases as GitHub does, until the end of the test. The last version is the latest. */
export function serveReleases(
  releases: Readonly<Record<string, string>>,
  answer: (response: ServerResponse, name: string) => boolean = () => false,
): Promise<TestServer> {
  const latest = Object.keys(releases).at(-1) ?? '';
  return serve((response, { path: asked }) => {
    const [, of = latest, name = ''] = /^\/(?:latest\/download|download\/v([^/]+))\/([\w.-]+)$/.exec(asked) ?? [];
    const file = path.join(releases[of] ?? '/nowhere', name);
    if (answer(response, name)) return;
    if (!existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-length': statSync(file).size });
    createReadStream(file).pipe(response);
  });
}

/** Creates a directory with only these programs. @returns its path */
export function toolbox(...programs: readonly string[]): string {
  const folder = emptyFolder();
  for (const name of programs) {
    const file = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim();
    if (file !== '') symlinkSync(file, path.join(folder, name));
  }
  return folder;
}

/** Returns the paths of all files below a directory, sorted. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => path.relative(folder, path.join(parentPath, name)))
    .sort();
}

/** How a process ended and what it wrote. */
interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end with this environment. */
export function runProgram(
  [file = '', ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
  onStart: (kill: (signal: NodeJS.Signals) => void) => void = () => {},
): Promise<Ended> {
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (more: string) => {
      text[name] += more;
    });
  }
  // A terminal sends a signal to the whole process group.
  onStart((signal) => process.kill(-(child.pid ?? 0), signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...text }));
  });
}
