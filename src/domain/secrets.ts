/** The two kinds of key. Sources: Management API (`mk_`), Per-Key Plans and Usage (`sk_live_`, `sk_pool_`); other clients also use `sk-…`. */
const managementKey = /^mk_[A-Za-z0-9_-]+$/;
const consumptionKey = /^sk[_-][A-Za-z0-9_-]+$/;

/** Returns whether a text has the form of a management key. */
export function isManagementKey(text: string): boolean {
  return managementKey.test(text);
}

/** Returns whether a text has the form of an API key. */
export function isConsumptionKey(text: string): boolean {
  return consumptionKey.test(text);
}

/** Returns whether a text is an API key of the sandbox, which no other API accepts. */
export function isSandboxKey(text: string): boolean {
  return text.startsWith('sk_sandbox_');
}

/** Returns the usable API keys in a text, each once. */
export function wholeKeysIn(text: string): string[] {
  return [...new Set(text.match(/\bsk[_-][A-Za-z0-9_-]+/g) ?? [])].filter(isWholeKey);
}

/**
 * Checks that a text is a usable API key: it has a known prefix and a plausible length, and isn't masked or shortened for
 * display. No document states the length of a key; the longest placeholder has 16 characters after its prefix (Per-Key Plans and
 * Usage, `sk_live_xxxxxxxxxxxxxxxx`), and tools show the last 4 to 12 characters of a key.
 */
export function isWholeKey(text: string | null | undefined): text is string {
  if (text == null || text.length < 20 || text.length > 256 || !isConsumptionKey(text)) return false;
  const secret = text.slice(kind.exec(text)?.[0].length);
  return secret.length >= 12 && !/(.)\1{7}/.test(secret);
}

/** The prefixes of keys: of the API, of the gateway, and of Stripe, which handles payments. */
const kinds = 'mk_|sk_(?:live_|pool_|sandbox_)?|sk-|gw_|rk_(?:live|test)_|whsec_';
const kind = new RegExp(`^(?:${kinds})`);
const maskedKey = new RegExp(`^(?:${kinds})…[\\w-]{0,4}$`);

/**
 * Matches a key anywhere in a text, unless it is masked already. After a letter, matches only what can't be a part of a word such as
 * `task_list` or `disk-usage`.
 */
const keyInText = new RegExp(
  [
    '(?:mk_|sk_(?:live|pool|sandbox)_(?!…)',
    '(?<![A-Za-z])(?:sk[_-](?!(?:live|pool|sandbox)_…)|rk_(?:live|test)_)',
    'sk[_-](?=[A-Za-z_-]*\\d)(?=[A-Za-z0-9_-]{16}))[A-Za-z0-9_-]{4,}',
    'whsec_[A-Za-z0-9_+/=-]{4,}',
    '(?<![A-Za-z])gw_[A-Za-z0-9_-]{16,}',
  ].join('|'),
  'g',
);

/** Matches a secret that lets a Stripe page take a payment or save a card. Source: Stripe API, `client_secret`. */
const clientSecret =
  /(?<![A-Za-z])(pi|seti|src|cs_test|cs_live)_[A-Za-z0-9]+(?:_client)?_secret_(?:[\w-]|%[0-9A-Fa-f]{2})+/g;

/** Returns a key as it may be shown: `sk_live_…9f3a`. */
export function masked(secret: string): string {
  const prefix = kind.exec(secret)?.[0] ?? '';
  const rest = secret.slice(prefix.length);
  return `${prefix}…${rest.length >= 12 ? rest.slice(-4) : ''}`;
}

/**
 * Returns a text as it may be shown, stored or sent in a report. Masks every key, and removes other secrets: the values of headers that
 * authenticate a request, of variables and JSON members named like a secret, and credentials in URLs. Finds them even if the text was
 * escaped several times for JSON or URLs. Redacting a text twice changes nothing.
 */
export function redacted(text: string): string {
  for (let before = text; ; ) {
    const after = redactedOnce(before);
    if (after === before) return after;
    before = after;
  }
}

/** Where a secret is in a text, and what replaces it. */
interface Secret {
  readonly from: number;
  readonly to: number;
  readonly shown: string;
}

function redactedOnce(text: string): string {
  const secrets = viewsOf(text).flatMap(({ content, origins }) =>
    [...keysIn(content), ...credentialsIn(content), ...namedIn(content)].map(({ from, to, shown }) => ({
      from: origins ? (origins[from] ?? 0) : from,
      to: origins ? (origins[to] ?? text.length) : to,
      shown,
    })),
  );
  const apart: Secret[] = [];
  for (const each of secrets.sort((a, b) => a.from - b.from || b.to - a.to)) {
    const last = apart.at(-1);
    if (!last || each.from >= last.to) apart.push(each);
    // If two overlap, none of their text may be shown.
    else if (each.to > last.to) apart[apart.length - 1] = { from: last.from, to: each.to, shown: '…' };
  }
  let result = '';
  let done = 0;
  for (const { from, to, shown } of apart) {
    result += text.slice(done, from) + shown;
    done = to;
  }
  return result + text.slice(done);
}

function keysIn(text: string): Secret[] {
  const found = (pattern: RegExp, shown: (match: RegExpExecArray) => string) =>
    [...text.matchAll(pattern)].map((match) => {
      return { from: match.index, to: match.index + match[0].length, shown: shown(match) };
    });
  return [...found(keyInText, ([key]) => masked(key)), ...found(clientSecret, ([, prefix]) => `${prefix}_…_secret_…`)];
}

/** Returns the credentials before the host of a URL: `https://user:password@`. */
function credentialsIn(text: string): Secret[] {
  return [...databasePasswordsIn(text), ...accessIn(text)];
}

/**
 * Matches the URL of a PostgreSQL database up to its password, which people often don't encode, and the password up to the last `@`.
 * The user stays, because it isn't a secret and tells databases apart. Messages have `PASSWORD` as a placeholder.
 */
const databaseUrl = /(postgres(?:ql)?:\/\/[^\s"'`<>\\/?#:@]*:)(?!(?:…|PASSWORD)@)([^\s"'`<>\\]{1,1024})@/gi;

function databasePasswordsIn(text: string): Secret[] {
  return [...text.matchAll(databaseUrl)].map(({ 1: before = '', 2: password = '', index }) => {
    const from = index + before.length;
    return { from, to: from + password.length, shown: '…' };
  });
}

function accessIn(text: string): Secret[] {
  return [...text.matchAll(/(?<!postgres(?:ql)?):\/\/([^\s/?#"<>\\]+)@/gi)].flatMap(({ 1: user = '', index }) => {
    // `ssh://git@host` has no secret.
    const isSecret = user.includes(':') || /https?$/i.test(text.slice(Math.max(0, index - 5), index));
    const from = index + '://'.length;
    return isSecret && user !== '…' ? [{ from, to: from + user.length, shown: '…' }] : [];
  });
}

/** A name, and the start of its value: `NAME=`, `"name": "`, `header: `, `'header', '`. */
interface Named {
  readonly name: string;
  readonly isQuoted: boolean;
  /** What separates name and value: a comma only in lists of headers. */
  readonly sign: string;
  /** The quotation mark at the start of the value. */
  readonly quote: string;
  /** Where the value starts, after the quotation mark. */
  readonly start: number;
  /** The text right before the name. */
  readonly before: string;
  /** Whether the name is the first word of a line. */
  readonly isLine: boolean;
}

const named = /(?<![\w.-])[.-]*(\w[\w.-]*)(["'`]?)\s*([=:,])\s*(["'`]?)/g;

function namedIn(text: string): Secret[] {
  return [...text.matchAll(named)].flatMap(
    ({ 0: whole, 1: name = '', 2: after, 3: sign = '', 4: mark = '', index }) => {
      const at = index + whole.indexOf(name);
      const before = text.slice(Math.max(0, at - 60), at);
      const isLine = /(?:^|\n)\s*(?:export\s+)?$/.test(before);
      // In a URL, a quotation mark is like any other character.
      const quote = /[?&]$/.test(before) ? '' : mark;
      const start = index + whole.length - mark.length + quote.length;
      const each = { name, isQuoted: after !== '', sign, quote, start, before, isLine };
      return isSecret(each) ? secretOf(each, text) : [];
    },
  );
}

/** Matches the headers that authenticate a request. */
const header = /authorization$|^(?:x-api-key|api-key|x-auth-token|(?:set-)?cookie)$/i;
/** Matches the names of variables and members with a secret. A variable has such a word anywhere; in a member, it is the last one. */
const variable = /^(?=[^a-z]*$).*(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL)/;
const member =
  /secret|password|passwd|passphrase|credential|(?:^|[._-]|api|auth|access|private|management)(?:key|token)$/i;
const camelMember = /[a-z\d](?:Key|Token)$/;

function isSecret({ name, isQuoted, sign, quote, before, isLine }: Named): boolean {
  if (header.test(name)) return sign !== ',' || (isQuoted && quote !== '');
  if (!variable.test(name) && !member.test(name) && !camelMember.test(name)) return false;
  if (sign !== ':') return sign === '=';
  // `unknown key: "work"` and `no password: none was given` are sentences.
  const isOneWord = /^[a-z]+$/i.test(name) && !camelMember.test(name);
  return quote ? isQuoted || isLine || !isOneWord || /[{,(]\s*$/.test(before) : isLine && !isOneWord;
}

/** Matches a placeholder, or a value that means none. */
const placeholder = /^(?:…|value(?=\s|$).*|\.{3}|<[a-z][a-z _-]*>|null|undefined|true|false)?$/i;
/**
 * Matches where a secret comes from: `$NAME` or `$(command)`, which a shell expands, and what settings of other programs have instead:
 * `{env:NAME}` (opencode), `os.environ/NAME` (LiteLLM), `NAME_API_KEY` (Qwen Code), and `!` with a command of this program (pi).
 */
const reference =
  /^(?:\$(?:[A-Z_][A-Z0-9_]*|\{[A-Z_][A-Z0-9_]*\}|\([a-z]+ [^)]*\))|\{env:[A-Z_][A-Z0-9_]*\}|os\.environ\/[A-Z_][A-Z0-9_]*|[A-Z]+_API_KEY|![\w./:@' -]+ keys secret [\w./:@' -]+)$/;
/** Matches a number of tokens, such as the context window of a model. */
const tokenCount = /^\d+$/;
/** Matches the authentication scheme, which isn't a secret. */
const schemes = /(?:(?:bearer|basic|digest|token|apikey|hmac|negotiate)\s+)?/iy;

function secretOf(each: Named, text: string): Secret[] {
  const { name, quote, start, before, isLine } = each;
  const isAuthorization = /authorization$/i.test(name);
  const from = isAuthorization ? matchEnd(schemes, text, start) : start;
  const to = quote ? closingOf(quote, text, from) : endOf(each, text, from);
  const value = text.slice(from, to);
  if (placeholder.test(value) || reference.test(value)) return [];
  if (/_TOKENS$/.test(name) && tokenCount.test(value)) return [];
  // Keys are masked elsewhere.
  if (!isAuthorization && (maskedKey.test(value) || value.replace(keyInText, '') === '')) return [];
  // `-f key=value` sets a field of a request.
  const isField = name === 'key' || (name === 'KEY' && !isLine && !/["'`]$/.test(before));
  if (isField && !quote && !/[?&]$/.test(before) && !/^(?=.*\d)\S{8,}$/.test(value)) return [];
  return [{ from, to, shown: '…' }];
}

/** Returns where an unquoted value ends. */
function endOf({ name, before, isLine }: Named, text: string, from: number): number {
  const endOfLine = matchEnd(/[^\r\n]*/y, text, from);
  if (isLine) return endOfLine;
  const mark = /["'`]$/.exec(before)?.[0];
  if (mark) return Math.min(closingOf(mark, text, from), endOfLine);
  if (/cookie$/i.test(name)) return matchEnd(/(?:(?!\\*["'])[^\r\n])*/y, text, from);
  if (/[?&]$/.test(before)) return matchEnd(/(?:(?!\\*")[^\s&#])*/y, text, from);
  // An unknown scheme is removed with its value.
  if (header.test(name)) return matchEnd(/[^\s"',\\]+(?:[ \t]+(?=[^\s"',\\]*\d)[^\s"',\\]{8,})?|/y, text, from);
  return matchEnd(/(?:(?!\\*["'])\S)*/y, text, from);
}

/** Returns where a quoted text ends; the end of the whole text if the second quotation mark is missing. */
function closingOf(mark: string, text: string, from: number): number {
  for (let at = text.indexOf(mark, from); at >= 0; at = text.indexOf(mark, at + 1)) {
    let escapes = 0;
    while (at - escapes > from && text[at - escapes - 1] === '\\') escapes++;
    if (escapes % 2 === 0) return at;
  }
  return text.length;
}

function matchEnd(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return from + (pattern.exec(text)?.[0].length ?? 0);
}

/** A text before it was escaped. */
interface View {
  readonly content: string;
  /** The index of each character, and of the end, in the escaped text; undefined for that text itself. */
  readonly origins?: readonly number[];
}

/** How many levels of escapes are undone: JSON in JSON in a URL. */
const mostEscapes = 3;

/** Returns a text, and the texts before each combination of escapes. */
function viewsOf(text: string): View[] {
  const views: View[] = [{ content: text }];
  let latest = views;
  for (let depth = 0; depth < mostEscapes; depth++) {
    latest = latest.flatMap((view) =>
      [unescaped(view, inJson), unescaped(view, inAddress)].flatMap((each) => each ?? []),
    );
    views.push(...latest);
  }
  return views;
}

/** Match escapes, and characters that can't be in an escaped text and so end it. Such an end counts as the end of a line. */
const inJson = /\\(?:u([\da-f]{4})|(["'\\/bfnrt`]))|(")/gi;
const inAddress = /%([\da-f]{2})|(\+)|([\s"&#])/gi;
const letters: Readonly<Record<string, string>> = { n: '\n', r: '\n', b: ' ', f: ' ', t: ' ', '+': ' ' };

function unescaped({ content, origins }: View, escapes: RegExp): View | undefined {
  if (!content.includes(escapes === inJson ? '\\' : '%')) return undefined;
  const parts: string[] = [];
  const from: number[] = [];
  let done = 0;
  const copyUpTo = (end: number) => {
    parts.push(content.slice(done, end));
    for (; done < end; done++) from.push(origins?.[done] ?? done);
  };
  for (const { 0: whole, 1: code, 2: letter, index } of content.matchAll(escapes)) {
    copyUpTo(index);
    parts.push(code ? characterOf(Number.parseInt(code, 16)) : letter ? (letters[letter] ?? letter) : '\n');
    from.push(origins?.[done] ?? done);
    done = index + whole.length;
  }
  copyUpTo(content.length);
  from.push(origins?.[content.length] ?? content.length);
  return { content: parts.join(''), origins: from };
}

/** Returns the character of a code. One character can stand for all that aren't ASCII. */
function characterOf(code: number): string {
  return code < 0x80 ? String.fromCharCode(code) : '\ufffd';
}
