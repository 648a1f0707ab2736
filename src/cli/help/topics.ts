import { type ErrorCode, failures } from '../../domain/errors.ts';

/** The help pages that belong to no command, but for the one of the whole program: `man`. */
export const topics: Readonly<Record<string, { readonly description: string; readonly text: () => string }>> = {
  'exit-codes': { description: 'what each exit code means', text: exitCodes },
  environment: { description: 'the environment variables', text: environment },
  output: { description: 'what is printed where, and how', text: () => output },
};

/** What each exit code means. */
export const meanings: Readonly<Record<number, string>> = {
  0: 'done',
  1: 'failed: a server error, or a confirmation was declined',
  2: 'usage: unknown command or flag, bad value, nobody to ask',
  3: '--check found something',
  4: 'not signed in, or the key was refused',
  5: 'not found',
  6: 'not available: sold out, paused, not open, conflict, busy',
  7: 'rate limited',
  8: 'payment: no card, price above --max-price, not enough credit',
  9: "the API couldn't be reached or didn't answer in time; nothing was changed",
  10: 'outcome unknown: it may have gone through; the message says how to check',
  130: 'interrupted',
};

function exitCodes(): string {
  const lines = Object.entries(meanings).map(([exitCode, meaning]) => {
    const codes = codesOf(Number(exitCode));
    return `  ${exitCode.padStart(3)}  ${meaning}${codes.length > 0 ? `\n       ${codes.join(', ')}` : ''}`;
  });
  return `Exit codes, and below each the error codes that --json prints:\n\n${lines.join('\n')}\n\n${certainty}`;
}

/** When a change counts as not carried out, and what a command does until that is certain. */
const certainty = `A change is not_applied only when that is certain: its request wasn't sent, the
API refused it before doing anything, or it couldn't be found once the settling
time (120s, \`ci config set settling-time\`) had passed. Until then its outcome is
unknown, and the exit code is 10.

Commands that buy, create or cancel wait for an earlier change of the same kind
that hasn't settled. With --no-wait they exit with 6; with --again they go
ahead. After a lost response they look for the change for 30s (--settle).
If a purchase costs more than you agreed to, the exit code is 8 and its outcome
is applied.
`;

function codesOf(exitCode: number): string[] {
  return Object.entries(failures)
    .filter(([, failure]) => failure.exitCode === exitCode)
    .map(([code]: [string, (typeof failures)[ErrorCode]]) => code);
}

/** The environment variables, and what each is for. */
export const variables: readonly (readonly [names: string, meaning: string])[] = [
  ['CHEAPESTINFERENCE_MANAGEMENT_KEY', 'mk_…, in place of a saved key'],
  ['CHEAPESTINFERENCE_API_KEY', 'sk_…, for usage --self, /v1 and /anthropic'],
  ['CHEAPESTINFERENCE_API_URL', 'another API host'],
  ['CHEAPESTINFERENCE_PROFILE', 'the profile to use'],
  ['CHEAPESTINFERENCE_SANDBOX', '1: the embedded sandbox'],
  ['CHEAPESTINFERENCE_CONFIG_DIR', 'the folder of profiles and settings'],
  ['CHEAPESTINFERENCE_OUTPUT', 'table, json, csv or yaml'],
  ['XDG_STATE_HOME', 'state directory (relative paths are ignored)'],
  ['NO_COLOR, FORCE_COLOR', 'no colour; colour off a terminal too'],
  ['TERM', 'dumb: no colour, and questions in lines'],
  ['LC_ALL, LC_CTYPE, LANG', 'without UTF-8: ASCII alone on a terminal'],
  ['FORCE_HYPERLINK', '1 or 0: addresses are links, or are not'],
  ['HTTPS_PROXY, HTTP_PROXY, NO_PROXY', 'proxies; this machine is never proxied'],
  ['CI', 'set: there is nobody to ask'],
  ['NO_UPDATE_NOTIFIER', 'set: no word of newer versions'],
  ['npm_config_registry', 'where newer versions are looked for'],
];

function environment(): string {
  const lines = variables.map(([names, meaning]) => `  ${names.padEnd(33)} ${meaning}`);
  return `Environment variables (a flag goes before them, a profile comes after):\n\n${lines.join('\n')}\n`;
}

const output = `Output:

  On a terminal  a table, with colour, relative times and local time.
  In a pipe      tab-separated lines without a header, for cut and awk;
                 times as the API has them (RFC 3339), nothing cut short.
  --json         the API's own data: an array for a list, else an object;
                 money as numbers of USD.
  --jq PROGRAM   what jq makes of that JSON, texts unquoted.
  -o csv, yaml   CSV with a header (RFC 4180); YAML.
  --fields a,b   only these, in any format.

stdout carries the result and nothing else; all that is said about it is on
stderr. With --json an error is one object, the last line there:
{"error":{"code","message","hint","status","retryable","outcome"}}, where
outcome is not_applied, applied or unknown for a command that changes something.
`;
