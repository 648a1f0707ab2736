/** The names that a shell asks for. */
export interface CompletionRequest {
  /** `pools`, `keys`, `subscriptions` or `profiles`. */
  readonly kind: string;
  /** Whether part of the word is typed. */
  readonly typed: boolean;
  /** The options on the line that choose the account. */
  readonly flags: { readonly sandbox?: true; readonly profile?: string; readonly apiUrl?: string };
  /** Arguments on the line, which aren't offered again. */
  readonly given: readonly string[];
}

/** Parses a request: a kind, then `--typed`, `--sandbox`, `--profile NAME`, `--api-url URL` and the arguments on the line. */
export function parseRequest([kind = '', ...words]: readonly string[]): CompletionRequest {
  const given: string[] = [];
  let typed = false;
  let flags: CompletionRequest['flags'] = {};
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--typed') typed = true;
    else if (word === '--sandbox') flags = { ...flags, sandbox: true };
    else if (word === '--profile') flags = { ...flags, profile: words[++at] ?? '' };
    else if (word === '--api-url') flags = { ...flags, apiUrl: words[++at] ?? '' };
    else given.push(word);
  }
  return { kind, typed, flags, given };
}

/** Formats a request again, without what matters only to the shell. */
export function requestWords({ kind, flags: { sandbox, profile, apiUrl } }: CompletionRequest): string[] {
  return [
    kind,
    ...(sandbox ? ['--sandbox'] : []),
    ...(profile === undefined ? [] : ['--profile', profile]),
    ...(apiUrl === undefined ? [] : ['--api-url', apiUrl]),
  ];
}
