/** What a shell asks for, and of which account. */
export interface CompletionRequest {
  /** `pools`, `keys`, `subscriptions` or `profiles`. */
  readonly kind: string;
  /** Whether the word to complete has begun. */
  readonly typed: boolean;
  /** What the line says of the account. */
  readonly flags: { readonly sandbox?: true; readonly profile?: string; readonly apiUrl?: string };
  /** What was given already, so that it is not offered again. */
  readonly given: readonly string[];
}

/** Reads a request: a kind, then `--typed`, `--sandbox`, `--profile NAME`, `--api-url URL` and the words that were given. */
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

/** The same request in words, without what matters to the shell alone. */
export function requestWords({ kind, flags: { sandbox, profile, apiUrl } }: CompletionRequest): string[] {
  return [
    kind,
    ...(sandbox ? ['--sandbox'] : []),
    ...(profile === undefined ? [] : ['--profile', profile]),
    ...(apiUrl === undefined ? [] : ['--api-url', apiUrl]),
  ];
}
