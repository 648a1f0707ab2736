import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** The directory of the project. */
export const root = path.resolve(import.meta.dirname, '..');

const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));

export const { name, version, description, license } = manifest;

/** The two parts of the description: what it is, and what it does. */
export const [title, summary] = description.split(': ');

/** The address of the repository: `https://github.com/owner/name`. */
export const repository = manifest.repository.url.replace(/^git\+|\.git$/g, '');

/** Returns the name of the program on a platform. */
export function programName(platform) {
  return platform.startsWith('windows') ? 'ci.exe' : 'ci';
}

/** Returns the address of a file of this version's release. */
export function downloadUrl(file) {
  return `${repository}/releases/download/v${version}/${file}`;
}

/** Returns a text with its first letter capitalized. */
export function capitalized(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Returns the time of every file in a release, in seconds since 1970: SOURCE_DATE_EPOCH, or the time of the last commit. */
export function releaseTime() {
  const seconds = process.env.SOURCE_DATE_EPOCH ?? execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: root });
  return Number.parseInt(String(seconds), 10);
}
