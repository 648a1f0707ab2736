/**
 * What the two kinds of key look like. Source: Management API (`mk_`), Per-Key Plans and Usage (`sk_live_`, `sk_pool_`);
 * other clients of the API hold keys of the form `sk-…` too.
 */
const managementKey = /^mk_[A-Za-z0-9_-]+$/;
const consumptionKey = /^sk[_-][A-Za-z0-9_-]+$/;

export function isManagementKey(text: string): boolean {
  return managementKey.test(text);
}

export function isConsumptionKey(text: string): boolean {
  return consumptionKey.test(text);
}

/** Whether a text is an API key of the sandbox, which no other API accepts. */
export function isSandboxKey(text: string): boolean {
  return text.startsWith('sk_sandbox_');
}

/** The API keys in an answer, each as it was made. */
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

/** The beginnings of secrets that tell what they are: keys of the API, and Stripe's, through which it is paid. */
const kinds = 'mk_|sk_(?:live_|pool_|sandbox_)?|sk-|rk_(?:live|test)_|whsec_';
const kind = new RegExp(`^(?:${kinds})`);
const maskedKey = new RegExp(`^(?:${kinds})…[\\w-]{0,4}$`);

/**
 * A key wherever it stands; what is masked already stays as it is. After a letter only what no word looks like:
 * `task_list` and `disk-usage` do not.
 */
const keyInText = new RegExp(
  [
    '(?:mk_|sk_(?:live|pool|sandbox)_(?!…)',
    '(?<![A-Za-z])(?:sk[_-](?!(?:live|pool|sandbox)_…)|rk_(?:live|test)_)',
    'sk[_-](?=[A-Za-z_-]*\\d)(?=[A-Za-z0-9_-]{16}))[A-Za-z0-9_-]{4,}',
    'whsec_[A-Za-z0-9_+/=-]{4,}',
  ].join('|'),
  'g',
);

/** What lets a page of Stripe's take a payment or save a card. Source: Stripe API, `client_secret`. */
const clientSecret =
  /(?<![A-Za-z])(pi|seti|src|cs_test|cs_live)_[A-Za-z0-9]+(?:_client)?_secret_(?:[\w-]|%[0-9A-Fa-f]{2})+/g;

/** A key that can be told from others but not used: `sk_live_…9f3a`. */
export function masked(secret: string): string {
  const prefix = kind.exec(secret)?.[0] ?? '';
  const rest = secret.slice(prefix.length);
  return `${prefix}…${rest.length >= 12 ? rest.slice(-4) : ''}`;
}

/**
 * A text as it may be shown, kept or sent in a report: every key in it masked, and taken out what is secret by where it stands:
 * headers that sign a request in, variables and members with the name of a secret, credentials in an address. However often
 * the text was escaped for JSON or for an address; what is redacted already stays as it is.
 */
export function redacted(text: string): string {
  for (let before = text; ; ) {
    const after = redactedOnce(before);
    if (after === before) return after;
    before = after;
  }
}

/** A secret in a text, from one index up to another, and what stands in its place. */
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
    // Of two that overlap, neither tells what may be seen.
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

/** What comes before the host in an address: `https://user:word@`. */
function credentialsIn(text: string): Secret[] {
  return [...text.matchAll(/:\/\/([^\s/?#"<>\\]+)@/g)].flatMap(({ 1: user = '', index }) => {
    // There is no secret in `ssh://git@host`.
    const isSecret = user.includes(':') || /https?$/i.test(text.slice(Math.max(0, index - 5), index));
    const from = index + '://'.length;
    return isSecret && user !== '…' ? [{ from, to: from + user.length, shown: '…' }] : [];
  });
}

/** A name, and how its value begins: `NAME=`, `"name": "`, `header: `, `'header', '`. */
interface Named {
  readonly name: string;
  readonly isQuoted: boolean;
  /** What is between name and value: a comma only in lists of headers. */
  readonly sign: string;
  /** The quotation mark that the value begins with. */
  readonly quote: string;
  /** Where the value begins, after the quotation mark. */
  readonly start: number;
  /** What stands before the name, as much as matters. */
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
      // In an address a quotation mark is a character as any other.
      const quote = /[?&]$/.test(before) ? '' : mark;
      const start = index + whole.length - mark.length + quote.length;
      const each = { name, isQuoted: after !== '', sign, quote, start, before, isLine };
      return isSecret(each) ? secretOf(each, text) : [];
    },
  );
}

/** Headers whose value signs a request in. */
const header = /authorization$|^(?:x-api-key|api-key|x-auth-token|(?:set-)?cookie)$/i;
/** Names of variables hold such a word; of members it is the last one, or leaves no doubt. */
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

/** What stands for a value that is to be filled in, and what is none. */
const placeholder = /^(?:…|value(?=\s|$).*|\.{3}|<[a-z][a-z _-]*>|null|undefined|true|false)?$/i;
/** `$NAME` or `$(command)`, which a shell is to fill in. */
const shellReference = /^\$(?:[A-Z_][A-Z0-9_]*|\{[A-Z_][A-Z0-9_]*\}|\([a-z]+ [^)]*\))$/;
/** How a request is signed in, which tells nothing. */
const schemes = /(?:(?:bearer|basic|digest|token|apikey|hmac|negotiate)\s+)?/iy;

function secretOf(each: Named, text: string): Secret[] {
  const { name, quote, start, before, isLine } = each;
  const isAuthorization = /authorization$/i.test(name);
  const from = isAuthorization ? matchEnd(schemes, text, start) : start;
  const to = quote ? closingOf(quote, text, from) : endOf(each, text, from);
  const value = text.slice(from, to);
  if (placeholder.test(value) || shellReference.test(value)) return [];
  // A key is masked as one.
  if (!isAuthorization && (maskedKey.test(value) || value.replace(keyInText, '') === '')) return [];
  // `-f key=value` is how a field is written.
  const isField = name === 'key' || (name === 'KEY' && !isLine && !/["'`]$/.test(before));
  if (isField && !quote && !/[?&]$/.test(before) && !/^(?=.*\d)\S{8,}$/.test(value)) return [];
  return [{ from, to, shown: '…' }];
}

/** Where a value without quotation marks ends. */
function endOf({ name, before, isLine }: Named, text: string, from: number): number {
  const endOfLine = matchEnd(/[^\r\n]*/y, text, from);
  if (isLine) return endOfLine;
  const mark = /["'`]$/.exec(before)?.[0];
  if (mark) return Math.min(closingOf(mark, text, from), endOfLine);
  if (/cookie$/i.test(name)) return matchEnd(/(?:(?!\\*["'])[^\r\n])*/y, text, from);
  if (/[?&]$/.test(before)) return matchEnd(/(?:(?!\\*")[^\s&#])*/y, text, from);
  // With an unknown scheme, what follows it too.
  if (header.test(name)) return matchEnd(/[^\s"',\\]+(?:[ \t]+(?=[^\s"',\\]*\d)[^\s"',\\]{8,})?|/y, text, from);
  return matchEnd(/(?:(?!\\*["'])\S)*/y, text, from);
}

/** Where a text in quotation marks ends; without the second mark, with all of the text. */
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

/** A text as it was before it was escaped. */
interface View {
  readonly content: string;
  /** Where each of its characters, and its end, come from in the text as it is; nothing for the text itself. */
  readonly origins?: readonly number[];
}

/** How deep escapes are undone: JSON in JSON in an address. */
const mostEscapes = 3;

/** A text as it is, and as it was before each way of escaping. */
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

/** What is escaped, or cannot stand within an escaped text: the ends of such a text are taken for those of a line. */
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

/** What a code stands for; what is no ASCII is as good as any other letter. */
function characterOf(code: number): string {
  return code < 0x80 ? String.fromCharCode(code) : '\ufffd';
}
