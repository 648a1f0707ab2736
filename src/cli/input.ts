import { readFileSync } from 'node:fs';
import { resolved } from '../config/folders.ts';
import type { World } from '../context/world.ts';
import { CommandError, messageOf, usageError } from '../domain/errors.ts';

/** Reads standard input to its end, as text. @throws CommandError (interrupted) if the user ends the command */
export async function readStdin(world: Pick<World, 'stdin' | 'interrupt'>): Promise<string> {
  const chunks: Buffer[] = [];
  await readChunks(world, (chunk) => chunks.push(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * Reads a short secret from standard input to its end. Keeps no copy of it.
 *
 * @returns the secret, which the caller wipes
 * @throws CommandError (usage) for more than 1 KiB; (interrupted) if the user ends the command
 */
export async function readSecret(world: Pick<World, 'stdin' | 'interrupt'>): Promise<Buffer> {
  const secret = Buffer.alloc(1024);
  let length = 0;
  try {
    await readChunks(world, (chunk) => {
      if (length + chunk.length > secret.length) {
        throw usageError('Standard input is too long', `Pass at most ${secret.length} bytes.`);
      }
      length += chunk.copy(secret, length);
      chunk.fill(0);
    });
  } catch (error) {
    secret.fill(0);
    throw error;
  }
  return secret.subarray(0, length);
}

async function readChunks(
  { stdin, interrupt }: Pick<World, 'stdin' | 'interrupt'>,
  take: (chunk: Buffer) => void,
): Promise<void> {
  const ended = new Promise<never>((_resolve, reject) => {
    const end = () => reject(new CommandError('interrupted', 'Interrupted'));
    if (interrupt.aborted) end();
    else interrupt.addEventListener('abort', end, { once: true });
  });
  const read = async () => {
    for await (const chunk of stdin) take(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  };
  await Promise.race([read(), ended]);
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
