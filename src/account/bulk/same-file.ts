import { statSync } from 'node:fs';
import path from 'node:path';
import { resolved } from '../../config/folders.ts';
import type { World } from '../../context/world.ts';
import { usageError } from '../../domain/errors.ts';
import { realPathOf, statsOf } from '../../state/folder.ts';

/** Returns whether two paths lead to the same file, which need not exist. */
export function isSameFile(world: Pick<World, 'cwd'>, one: string, other: string): boolean {
  const [first, second] = [resolved(one, world), resolved(other, world)];
  const [stats, others] = [statsOf(first, statSync), statsOf(second, statSync)];
  if (stats && others) return stats.ino === others.ino && stats.dev === others.dev;
  return !stats && !others && inRealFolder(first) === inRealFolder(second);
}

/** Refuses two options that name the same file, because one would destroy what the other needs. @throws CommandError (usage) */
export function refuseSameFile(
  world: Pick<World, 'cwd'>,
  [option, file]: readonly [string, string | undefined],
  [other, otherFile]: readonly [string, string | undefined],
): void {
  // What is empty is refused elsewhere.
  if (!file?.trim() || !otherFile?.trim() || file === '-' || otherFile === '-') return;
  if (isSameFile(world, file, otherFile))
    throw usageError(`${option} and ${other} are the same file`, `Choose another file for ${option}.`);
}

function inRealFolder(file: string): string {
  return path.join(realPathOf(path.dirname(file)), path.basename(file));
}
