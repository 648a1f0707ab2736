import { pages } from '../account/web-pages.ts';
import type { Glance } from '../config/glance.ts';
import type { Style } from '../output/style.ts';

/** How the start page is drawn. */
interface Paper {
  readonly style: Style;
  /** Columns of a line. */
  readonly width: number;
  readonly version: string;
  /** Whether there is `ci setup`. */
  readonly hasSetup: boolean;
}

/** What `ci` alone shows: what it is, whether somebody is signed in, and what is worth doing next. */
export function startPage(glance: Glance, { style, width, version, hasSetup }: Paper): string {
  const next = nextSteps(glance).filter(([command]) => hasSetup || command !== 'ci setup');
  const longest = Math.max(...next.map(([command]) => command.length));
  // Where there is little room the explanation stands below.
  const line = ([command, why]: readonly [string, string]) =>
    width < 64
      ? `  ${style.bold(command)}\n      ${why}`
      : `  ${style.bold(command)}${' '.repeat(longest - command.length)}   ${why}`;
  return `${[
    `${style.bold('ci')}, the command line of CheapestInference ${style.dim(version)}`,
    'Reserve GPU inference by the block, make API keys, see what is used.',
    '',
    who(glance, style),
    '',
    ...next.map(line),
    '',
    `${style.dim('Help')}  ci --help, ci pools --help`,
    `${style.dim('Docs')}  ${pages.docs}`,
  ].join('\n')}\n`;
}

function who({ managementKey, origin, host, sandbox }: Glance, style: Style): string {
  if (sandbox) return `${style.good('✓')} In the sandbox: no account is needed, no money moves.`;
  if (managementKey === undefined) return `${style.warning('!')} Not signed in.`;
  return `${style.good('✓')} Signed in with ${managementKey} (${origin}) at ${host}.`;
}

/** Commands and what each is for. */
function nextSteps({ managementKey, sandbox }: Glance): readonly (readonly [string, string])[] {
  if (managementKey === undefined && !sandbox) {
    return [
      ['ci setup', 'step by step from nothing to a working key'],
      ['ci auth login', 'sign in with a management key of the dashboard'],
      ['ci pools list', 'see pools, prices and free blocks'],
      ['ci --sandbox pools list', 'try it all: no account is needed, no money moves'],
    ];
  }
  return [
    ['ci setup', 'step by step to a working key'],
    ['ci status', 'what is live, what ends, what needs care'],
    ['ci pools list', 'pools, prices and free blocks'],
    ['ci pools subscribe', 'reserve blocks of a pool'],
    ['ci keys create NAME', 'create an API key'],
    ['ci usage', 'what the keys were used for'],
  ];
}
