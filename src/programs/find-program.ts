import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import type { Surroundings } from '../domain/environment.ts';

/** A program that was found, or why it can't be run. */
export type FoundProgram = { readonly file: string } | { readonly problem: 'missing' | 'not executable' };

/** The extensions of programs if `PATHEXT` isn't set. Source: Windows, `cmd.exe`. */
const usualExtensions = '.COM;.EXE;.BAT;.CMD';

/**
 * Finds a program without running it. A name with a slash is a path; any other name is looked up on `PATH`. Skips entries of `PATH`
 * that aren't absolute: they would find a program in the working directory, which may be anyone's.
 *
 * @returns its absolute path
 */
export function findProgram(
  name: string,
  surroundings: Surroundings,
  platform: NodeJS.Platform = process.platform,
): FoundProgram {
  const { env } = surroundings;
  const isWindows = platform === 'win32';
  const isPath = name.includes('/') || (isWindows && name.includes('\\'));
  // The working directory may have been removed, and matters only for a relative path.
  const folders = isPath ? [path.isAbsolute(name) ? '/' : surroundings.cwd] : absoluteFolders(env, isWindows);
  const endings = isWindows ? endingsFor(name, variable(env, 'PATHEXT', isWindows)) : [''];
  const candidates = folders.flatMap((folder) => endings.map((ending) => path.resolve(folder, `${name}${ending}`)));
  const files = candidates.filter(isFile);
  const file = files.find(isExecutable);
  if (file !== undefined) return { file };
  return { problem: files.length > 0 ? 'not executable' : 'missing' };
}

function absoluteFolders(env: Surroundings['env'], isWindows: boolean): string[] {
  const all = variable(env, 'PATH', isWindows) ?? '';
  return all.split(isWindows ? ';' : ':').filter((folder) => path.isAbsolute(folder));
}

/** Returns what Windows adds to the name of a program: nothing if it has such an extension already. */
function endingsFor(name: string, extensions = usualExtensions): string[] {
  const endings = extensions.split(';').filter((each) => each !== '');
  const hasEnding = endings.some((each) => name.toLowerCase().endsWith(each.toLowerCase()));
  return hasEnding ? ['', ...endings] : endings;
}

/** Returns a variable. Windows ignores the case of its name, which is usually `Path`. */
function variable(env: Surroundings['env'], name: string, isWindows: boolean): string | undefined {
  if (!isWindows) return env[name];
  return Object.entries(env).find(([each]) => each.toUpperCase() === name)?.[1];
}

function isFile(file: string): boolean {
  try {
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
