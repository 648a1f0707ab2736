import path from 'node:path';
import { homeOf, resolved, xdgFolder } from '../../config/folders.ts';
import type { Environment, Surroundings } from '../../domain/environment.ts';

/** Returns `XDG_CONFIG_HOME`, or else `~/.config` on every system. */
export function xdgConfig(env: Environment): string {
  return xdgFolder(env, 'XDG_CONFIG_HOME') ?? path.join(homeOf(env), '.config');
}

/** Returns the directory that a variable names, or else another one. */
export function folderFrom(surroundings: Surroundings, variable: string, otherwise: () => string): string {
  const folder = surroundings.env[variable];
  return folder ? resolved(folder, surroundings) : otherwise();
}

/** Returns `%APPDATA%` on Windows; undefined elsewhere. */
export function appData({ APPDATA }: Environment): string | undefined {
  return process.platform === 'win32' && APPDATA ? APPDATA : undefined;
}
