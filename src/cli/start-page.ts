import { pages } from '../account/web-pages.ts';
import type { AccountSummary } from '../config/account-summary.ts';
import type { Style } from '../output/style.ts';

/** How to lay out the start page. */
interface PageOptions {
  readonly style: Style;
  /** Columns of a line. */
  readonly width: number;
  readonly version: string;
  /** Whether `ci setup` exists. */
  readonly hasSetup: boolean;
}

/** Returns the page that `ci` alone shows: what it is, whether you are signed in, and what to do next. */
export function startPage(summary: AccountSummary, { style, width, version, hasSetup }: PageOptions): string {
  const next = nextSteps(summary).filter(([command]) => hasSetup || command !== 'ci setup');
  const longest = Math.max(...next.map(([command]) => command.length));
  const line = ([command, purpose]: readonly [string, string]) =>
    width < 64
      ? `  ${style.bold(command)}\n      ${purpose}`
      : `  ${style.bold(command)}${' '.repeat(longest - command.length)}   ${purpose}`;
  return `${[
    `${style.bold('CheapestInference CLI')} ${style.dim(version)}`,
    'Reserve GPU inference by the block, create API keys, track usage.',
    '',
    account(summary, style),
    '',
    ...next.map(line),
    '',
    `${style.dim('Help')}  ci --help, ci pools --help`,
    `${style.dim('Docs')}  ${pages.docs}`,
  ].join('\n')}\n`;
}

function account({ managementKey, origin, host, sandbox }: AccountSummary, style: Style): string {
  if (sandbox) return `${style.good('✓')} Sandbox: no account needed, nothing is charged.`;
  if (managementKey === undefined) return `${style.warning('!')} You aren't signed in.`;
  return `${style.good('✓')} Signed in with ${managementKey} (${origin}) at ${host}.`;
}

/** Returns commands to try next, and what each does. */
function nextSteps({ managementKey, sandbox }: AccountSummary): readonly (readonly [string, string])[] {
  if (managementKey === undefined && !sandbox) {
    return [
      ['ci setup', 'Get a working API key, step by step'],
      ['ci auth login', 'Sign in with a management key'],
      ['ci pools list', 'List pools, prices and available blocks'],
      ['ci --sandbox pools list', 'Try it without an account'],
    ];
  }
  return [
    ['ci setup', 'Get a working API key, step by step'],
    ['ci status', 'Show your subscriptions and what needs attention'],
    ['ci pools list', 'List pools, prices and available blocks'],
    ['ci pools subscribe', 'Reserve blocks of a pool'],
    ['ci keys create NAME', 'Create an API key'],
    ['ci usage', 'Show requests and tokens per key'],
  ];
}
