/** A key with a secret to deliver. */
export interface NewKey {
  readonly apiKey: string;
  /** Undefined if the API didn't say. */
  readonly id?: string | null | undefined;
  readonly subscriptionId?: string | null | undefined;
  readonly name?: string | null | undefined;
}

/**
 * A place where the secrets of new keys go. To add one, write a file next to `dotenv-file.ts`, and list it in `destinations.ts` for
 * `ci setup`, in `parse-destination.ts` for `--to`, or in `src/cli/save-options.ts` for the commands that take `--save`.
 */
export interface Destination {
  /**
   * Checks that the secrets of some keys can be written, before there are any, and reserves what that takes. If they would replace
   * other secrets, asks for consent, unless an earlier call got it.
   *
   * @throws CommandError (file_error) if they can't be written; (declined); (confirmation_required) if it can't prompt
   */
  prove(keys: ExpectedKeys): Promise<Reservation>;
  /**
   * Writes the secrets, in the order in which the keys were created. Call it after {@link prove}.
   *
   * @throws CommandError (file_error) if one of them can't be written, or if a dotenv file has another secret by now
   */
  write(keys: readonly NewKey[]): Promise<void>;
  /** Returns what the user should know once the secrets are there. */
  warning?(): Promise<string | undefined>;
  /** Describes where the secrets of a number of keys go. */
  describe(count: number): Description;
}

/** The keys that a destination gets. */
export interface ExpectedKeys {
  /** The maximum number of new keys. */
  readonly count: number;
  /** The existing keys. Replacing a secret with itself needs no consent. */
  readonly existing?: readonly NewKey[];
  /** A secret that the new one replaces, which needs no consent. */
  readonly replaced?: string | undefined;
}

/** What a destination reserved when it was proven. */
export interface Reservation {
  /** Frees the reservation. What was written stays. */
  release(): Promise<void>;
}

/** Where the secrets of some keys go. */
export interface Description {
  /** How many keys. */
  readonly count: number;
  /** Follows "The key is": `in /home/me/app/.env, as CHEAPESTINFERENCE_API_KEY`. */
  readonly words: string;
  /** The place, for programs: the absolute path of a file, `keychain`, or the value of `--to`. Undefined if the secrets aren't stored. */
  readonly savedTo?: string;
  /** The place, as the user named it. */
  readonly shownAs?: string;
  /** The variable of each key. Undefined if there are no variables. */
  readonly variables?: readonly string[];
  /** The absolute path of the dotenv file with the variables. */
  readonly dotenvFile?: string;
  /** Whether the secrets are printed as the result, so that nothing else is. */
  readonly isResult?: true;
  /** The options for the same place: `--save .env`. */
  readonly options?: string;
  /** Whether `ci run`, `ci env` and `ci keys secret` find the keys there. */
  readonly isStored?: boolean;
  /** Whether the result shows the secrets, too. */
  readonly isPrinted?: boolean;
}

/** Returns a sentence that says where new keys are. */
export function savedText({ count, words, isStored }: Description): string {
  const use = isStored ? ` Use ${count === 1 ? 'it' : 'them'} with \`ci run -- COMMAND\`.` : '';
  return `The ${count === 1 ? 'key is' : 'keys are'} ${words}.${use}`;
}
