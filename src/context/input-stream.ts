import { CommandError, usageError } from '../domain/errors.ts';
import type { World } from './world.ts';

/** A stream to read, and what ends the command. */
export interface Input extends Pick<World, 'interrupt'> {
  readonly stdin: AsyncIterable<string | Buffer>;
}

/** Reads a stream to its end. @throws CommandError (interrupted) if the user ends the command */
export async function readChunks({ stdin, interrupt }: Input, take: (chunk: Buffer) => void): Promise<void> {
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

/**
 * Reads a short secret from a stream to its end. Keeps no copy of it.
 *
 * @param name - the stream in an error: `Standard input`
 * @param most - in bytes
 * @returns the secret, which the caller wipes
 * @throws CommandError (usage) if it is longer; (interrupted) if the user ends the command
 */
export async function readSecret(input: Input, name: string, most: number): Promise<Buffer> {
  const secret = Buffer.alloc(most);
  let length = 0;
  try {
    await readChunks(input, (chunk) => {
      const isTooLong = length + chunk.length > most;
      if (!isTooLong) length += chunk.copy(secret, length);
      chunk.fill(0);
      if (isTooLong) throw usageError(`${name} is too long`, `Pass at most ${most} bytes.`);
    });
  } catch (error) {
    secret.fill(0);
    throw error;
  }
  return secret.subarray(0, length);
}
