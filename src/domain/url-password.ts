/** A URL, split at its password. */
export interface SplitUrl {
  /** The URL without the password. */
  readonly url: string;
  /** The password as it is written in the URL: percent-encoded. */
  readonly password: string | undefined;
}

/** Matches a URL with a user: the scheme, the user, the password, and the rest from `@` on. */
const withUser = /^([a-z][a-z0-9+.-]*:\/\/)([^/?#:]*)(?::([^/?#]*))?(@[^@/?#]*(?:[/?#].*)?)$/is;

/** Takes the password out of a URL. */
export function splitPassword(text: string): SplitUrl {
  const [, scheme = '', user = '', password = '', rest = ''] = withUser.exec(text) ?? [];
  return password === '' ? { url: text, password: undefined } : { url: `${scheme}${user}${rest}`, password };
}

/** Puts a password into a URL that has a user. @param password - percent-encoded */
export function withPassword(url: string, password: string): string {
  return url.replace(withUser, (_whole, scheme: string, user: string, _before, rest: string) => {
    return `${scheme}${user}:${password}${rest}`;
  });
}
