import { readFileSync } from 'node:fs';
import { resolved } from '../config/folders.ts';
import { readChunks } from '../context/input-stream.ts';
import type { World } from '../context/world.ts';
import { CommandError, messageOf } from '../domain/errors.ts';

/** Reads standard input to its end, as text. @throws CommandError (interrupted) if the user ends the command */
export async function readStdin(world: Pick<World, 'stdin' | 'interrupt'>): Promise<string> {
  const chunks: Buffer[] = [];
  await readChunks(world, (chunk) => chunks.push(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

/** Reads a file as text, or standard input with `-`. @throws CommandError (usage) if it can't be read */
export async function readInput(world: Pick<World, 'cwd' | 'stdin' | 'interrupt'>, file: string): Promise<string> {
  if (file === '-') return readStdin(world);
  try {
    return readFileSync(resolved(file, world), 'utf8');
  } catch (error) {
    throw new CommandError('usage', `Can't read ${file}: ${messageOf(error)}`, { cause: error });
  }
}
