import { resolved } from '../../config/folders.ts';
import type { Context } from '../../context/context.ts';
import type { Dotenv } from '../../output/dotenv.ts';
import { makeFolder } from '../../state/folder.ts';

/** Opens a dotenv file, proven writable. @param file - as the user named it */
export async function openDotenv({ clocks, world }: Pick<Context, 'clocks' | 'world'>, file: string): Promise<Dotenv> {
  const { openDotenv } = await import('../../output/dotenv.ts');
  const { monotonic, sleep: pause } = clocks;
  return openDotenv(resolved(file, world), { env: world.env, monotonic, pause });
}

/** Opens a dotenv file beside the profiles, proven writable. */
export async function openOwnDotenv(
  context: Pick<Context, 'clocks' | 'profiles' | 'world'>,
  file: string,
): Promise<Dotenv> {
  makeFolder(context.profiles.folder, context.world.env);
  return openDotenv(context, file);
}
