import { type ErrorCode, failures } from '../../domain/errors.ts';
import { type Definition, definitionList, filled, refilled } from './layout.ts';

/** A help page that doesn't belong to a command. */
interface Topic {
  readonly description: string;
  /** Returns the page. @param width - columns of a line */
  readonly text: (width: number) => string;
}

/** The help topics, except for `man`, which needs the whole command tree. */
export const topics: Readonly<Record<string, Topic>> = {
  'exit-codes': { description: 'Exit codes and error codes', text: exitCodes },
  environment: { description: 'Environment variables', text: environment },
  output: { description: 'Output formats, and what goes where', text: output },
};

/** The meaning of each exit code. */
export const meanings: Readonly<Record<number, string>> = {
  0: 'Done',
  1: 'Failed: a server error, or a confirmation was declined',
  2: "Usage: unknown command or option, bad value, or can't prompt",
  3: '--check found something',
  4: 'Not signed in, or the key was refused',
  5: 'Not found',
  6: 'Not available: sold out, paused, not open, conflict, busy',
  7: 'Rate limited',
  8: 'Payment: no card, price above --max-price, not enough credit',
  9: "The API or state database couldn't be reached; nothing was changed",
  10: 'Outcome unknown: the change may have gone through',
  125: '`ci run` failed before it started its command',
  126: "`ci run` couldn't execute its command",
  127: "`ci run` didn't find its command",
  130: 'Interrupted',
};

function exitCodes(width: number): string {
  const entries = Object.entries(meanings).map(([exitCode, meaning]) => {
    const codes = codesOf(Number(exitCode)).join(', ');
    const entry = filled(meaning, width, 7).trimStart();
    return `  ${exitCode.padStart(3)}  ${entry}${codes === '' ? '' : `\n${filled(codes, width, 7)}`}`;
  });
  return page(width, ['Exit codes, each with the error codes that --json prints:', entries.join('\n'), ...certainty]);
}

/** When a change counts as not applied, and what a command does until then. */
const certainty = [
  "The outcome of a change is not_applied only when that is certain: its request wasn't sent, the API refused it before doing anything, or `ci` couldn't find it once the settling time (120s, `ci config set settling-time`) had passed. Until then the outcome is unknown, and the exit code is 10, or 130 after Ctrl-C.",
  "Commands that buy, create or cancel wait for an earlier change of the same kind that hasn't settled. With --no-wait, they exit with code 6; with --again, they go ahead. If the response is lost, they check for the change for 30s (--settle).",
  'If a purchase costs more than you agreed to, the exit code is 8 and its outcome is applied.',
  'Once its command has started, `ci run` ends with the exit code of the command, or with 128 plus the number of the signal that ended it.',
];

function codesOf(exitCode: number): string[] {
  return Object.entries(failures)
    .filter(([, failure]) => failure.exitCode === exitCode)
    .map(([code]: [string, (typeof failures)[ErrorCode]]) => code);
}

/** The environment variables with their meanings. */
export const variables: readonly Definition[] = [
  ['CHEAPESTINFERENCE_MANAGEMENT_KEY', 'Management key, instead of a saved one'],
  ['CHEAPESTINFERENCE_API_KEY', 'API key, for `ci run`, `ci env`, `ci models`, `ci usage --self`, /v1 and /anthropic'],
  ['CHEAPESTINFERENCE_API_URL', 'Another API host'],
  ['CHEAPESTINFERENCE_PROFILE', 'Profile to use'],
  ['CHEAPESTINFERENCE_SANDBOX', '1: use the sandbox'],
  ['CHEAPESTINFERENCE_CONFIG_DIR', 'Config directory'],
  ['CHEAPESTINFERENCE_STATE_URL', 'State database, instead of files: postgres://…'],
  ['CHEAPESTINFERENCE_OUTPUT', 'Output format: table, json, csv or yaml'],
  ['ETH_KEYSTORE_ACCOUNT', 'Wallet to use, for `ci agent`'],
  ['ETH_RPC_URL', 'RPC endpoint of the chain, for payments with USDC'],
  ['XDG_STATE_HOME', 'Parent of the state directory, on any system'],
  ['XDG_CONFIG_HOME', 'Parent of the config directory (Linux)'],
  ['XDG_DATA_HOME', "Parent of the sandbox's directory (Linux)"],
  ['XDG_CACHE_HOME', 'Parent of the cache directory (Linux)'],
  ['NO_COLOR, FORCE_COLOR', 'Turn colors off, or on without a terminal'],
  ['TERM', 'dumb: no colors, and prompts line by line'],
  ['LC_ALL, LC_CTYPE, LANG', 'Without UTF-8, a terminal gets only ASCII'],
  ['FORCE_HYPERLINK', '1 or 0: turn hyperlinks on or off'],
  ['HTTPS_PROXY, HTTP_PROXY, NO_PROXY', 'Proxy servers; never used for localhost'],
  ['CI', 'Never prompt if set, except to 0 or false'],
  ['GITHUB_STEP_SUMMARY', 'File that gets the summary of `ci apply`'],
  ['NO_UPDATE_NOTIFIER', "If set, don't check for newer versions"],
  ['npm_config_registry', 'npm registry to check for newer versions'],
];

/** The rule of the XDG Base Directory Specification. */
export const xdgRule = 'An XDG variable must be an absolute path. A relative path is ignored.';

function environment(width: number): string {
  return page(width, [
    'An option overrides the environment, and the environment overrides the profile.',
    definitionList(variables, width),
    xdgRule,
  ]);
}

function output(width: number): string {
  const formats: readonly Definition[] = [
    ['On a terminal', 'Tables, with color, relative times and local time'],
    ['In a pipe', 'Tab-separated lines without a header; times in RFC 3339, nothing shortened'],
    ['--json', "The API's data: an array for a list, otherwise an object; amounts in USD as numbers"],
    ['--jq EXPRESSION', 'The JSON, filtered with jq; strings without quotes'],
    ['-o csv, -o yaml', 'CSV with a header (RFC 4180), or YAML'],
    ['--fields a,b', 'Only these fields, in any format'],
  ];
  return page(width, [
    definitionList(formats, width),
    'The result goes to stdout, and everything else to stderr.',
    'With --json, an error is a JSON object, the last line on stderr. Its error member contains code, message, hint, status, retryable and outcome. For a command that changes something, outcome is not_applied, applied or unknown.',
  ]);
}

/** Joins paragraphs and lists, which start with a space. */
function page(width: number, parts: readonly string[]): string {
  return `${refilled(parts.join('\n\n'), width)}\n`;
}
