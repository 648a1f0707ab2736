import { CommandError, messageOf } from '../../domain/errors.ts';
import type { Description, Destination, ExpectedKeys, NewKey, Reservation } from './destination.ts';

/** Writes the secrets to several destinations, one after the other. Checks all of them first. */
export class SeveralDestinations implements Destination {
  readonly #all: readonly Destination[];

  constructor(all: readonly Destination[]) {
    this.#all = all;
  }

  async prove(keys: ExpectedKeys): Promise<Reservation> {
    const reservations: Reservation[] = [];
    const release = async () => {
      for (const each of reservations) await each.release();
    };
    try {
      for (const each of this.#all) reservations.push(await each.prove(keys));
    } catch (error) {
      await release();
      throw error;
    }
    return { release };
  }

  async write(keys: readonly NewKey[]): Promise<void> {
    const done: Destination[] = [];
    for (const each of this.#all) {
      try {
        await each.write(keys);
        done.push(each);
      } catch (error) {
        if (done.length === 0) throw error;
        const failure =
          error instanceof CommandError
            ? error
            : new CommandError('file_error', `Can't write the result: ${messageOf(error)}`, { cause: error });
        const where = joined(done.map((one) => one.describe(keys.length).words));
        const what = keys.length === 1 ? 'The key is' : 'The keys are';
        throw failure.with({ message: `${failure.message}. ${what} already ${where}` });
      }
    }
  }

  async warning(): Promise<string | undefined> {
    const warnings: string[] = [];
    for (const each of this.#all) {
      const warning = await each.warning?.();
      if (warning !== undefined) warnings.push(warning);
    }
    return warnings.join('\n') || undefined;
  }

  describe(count: number): Description {
    const all = this.#all.map((each) => each.describe(count));
    const savedTo = all.flatMap((each) => each.savedTo ?? []).join(', ');
    const shownAs = all.flatMap((each) => each.shownAs ?? []).join(', ');
    const options = all.flatMap((each) => each.options ?? []).join(' ');
    const variables = all.find((each) => each.variables)?.variables;
    const dotenvFile = all.find((each) => each.dotenvFile !== undefined)?.dotenvFile;
    return {
      count,
      words: joined(all.map(({ words }) => words)),
      ...(savedTo && { savedTo }),
      ...(shownAs && { shownAs }),
      ...(options && { options }),
      ...(variables && { variables }),
      ...(dotenvFile !== undefined && { dotenvFile }),
      ...(all.some(({ isResult }) => isResult) && { isResult: true }),
      ...(all.some(({ isStored }) => isStored) && { isStored: true }),
    };
  }
}

/** Joins phrases that have commas themselves. */
function joined(phrases: readonly string[]): string {
  return phrases.length < 2 ? phrases.join('') : `${phrases.slice(0, -1).join(', ')}, and ${phrases.at(-1)}`;
}
