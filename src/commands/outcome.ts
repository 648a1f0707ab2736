import { CommandError } from '../domain/errors.ts';

/** Waits for a change; when its outcome is unknown, the error says which command will tell. */
export async function tellingHowToFindOut<Result>(change: Promise<Result>, command: string): Promise<Result> {
  try {
    return await change;
  } catch (error) {
    if (error instanceof CommandError && error.outcome === 'unknown') {
      throw error.with({
        message: `${error.message}. The request may have been carried out`,
        hint: `Find out with \`${command}\` before you run this again.`,
      });
    }
    throw error;
  }
}
