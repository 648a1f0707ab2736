import { durationOf, missingOption, parseCount } from '../../cli/options.ts';
import { choiceOption, namesOf, ValueOption } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import { configFolder, resolved } from '../../config/folders.ts';
import type { World } from '../../context/world.ts';
import { usageError } from '../../domain/errors.ts';
import { type Address, addressText, defaultAddress, parseAddress } from '../../gateway/address.ts';
import { type Outside, outsideChoices } from '../../gateway/outside.ts';
import type { ServeOptions } from '../../gateway/serve.ts';
import { tokenFileIn } from '../../gateway/token.ts';

/** How a gateway serves, as typed. */
export interface ServeFlags {
  readonly listen: Address;
  readonly tokenFile?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly insecure?: true;
  readonly pools?: readonly string[];
  readonly keys?: readonly string[];
  readonly outside: Outside;
  readonly creditKey?: string;
  readonly queueLimit: number;
  /** Milliseconds. */
  readonly queueTimeout?: number;
  /** Milliseconds. */
  readonly drain?: number;
}

/** How long a request waits for a seat, in milliseconds. The SDKs wait as long for an answer. */
const queueTimeout = 600_000;
const drainTime = 30_000;
const queueLimit = 1000;

/** Adds the options for how a gateway serves. */
export function addServeOptions(command: Verb): Verb {
  return command
    .addOption(
      new ValueOption('--listen <address>', `Address to listen on (default: ${addressText(defaultAddress)})`, anything)
        .argParser(parseAddress)
        .default(defaultAddress),
    )
    .option('--token-file <file>', 'File with the token of the clients, created if missing')
    .option('--cert <file>', 'Certificate for TLS, in PEM format')
    .option('--key <file>', 'Private key of the certificate')
    .option('--insecure', 'Listen on a network without TLS')
    .addOption(listOption('--pools <slugs>', 'Use only the seats of these pools', 'pools'))
    .addOption(listOption('--keys <names>', 'Use only these stored keys', 'keys'))
    .addOption(
      choiceOption(
        '--outside <policy>',
        'What to do outside the hours of all seats: fail, wait or credit',
        outsideChoices,
      ).default('fail'),
    )
    .addOption(
      new ValueOption('--credit-key <key>', 'With --outside credit, the stored key that pays', namesOf('keys')),
    )
    .option(
      '--queue-limit <requests>',
      'Maximum number of waiting requests per model',
      parseCount('--queue-limit'),
      queueLimit,
    )
    .option('--queue-timeout <duration>', 'Longest wait for a seat (default: 10m)', durationOf('--queue-timeout'))
    .option(
      '--drain <duration>',
      'How long to finish open requests when stopping (default: 30s)',
      durationOf('--drain'),
    );
}

const anything = { words: [], source: null, list: false, alone: [] };

/** Returns an option that takes a list of names, separated by commas. */
function listOption(flags: string, description: string, source: 'pools' | 'keys'): ValueOption {
  const option = new ValueOption(flags, `${description}, separated by commas`, { ...namesOf(source), list: true });
  option.argParser((text) => {
    const names = text.split(',').map((name) => name.trim());
    if (names.every((name) => name !== '')) return [...new Set(names)];
    throw usageError(`"${text}" is not a valid list for ${option.long}`, 'Separate the names with commas.');
  });
  return option;
}

/** Returns how to serve. @throws CommandError (usage) for options that contradict each other */
export function serveOptionsOf(
  flags: ServeFlags,
  world: Pick<World, 'env' | 'cwd'>,
): Omit<ServeOptions, 'untilUnused' | 'quiet'> {
  const { outside, creditKey, tokenFile, cert, key, pools = [], keys = [], drain = drainTime } = flags;
  if (creditKey !== undefined && outside !== 'credit') throw missingOption('--credit-key', '--outside credit');
  if (tokenFile?.trim() === '') throw usageError('--token-file is empty', 'Pass the path of a file.');
  return {
    ...flags,
    pools,
    keys,
    outside,
    creditKey,
    drain,
    queueTimeout: flags.queueTimeout ?? queueTimeout,
    tokenFile: tokenFile === undefined ? tokenFileIn(configFolder(world)) : resolved(tokenFile, world),
    cert: cert === undefined ? undefined : resolved(cert, world),
    key: key === undefined ? undefined : resolved(key, world),
  };
}

/** Returns the options of `ci gateway` that serve in the same way in any directory. Leaves out the defaults. */
export function serveArguments(
  options: Omit<ServeOptions, 'untilUnused' | 'quiet'>,
  world: Pick<World, 'env' | 'cwd'>,
): string[] {
  const { listen, tokenFile, cert, key, insecure, pools, keys, outside, creditKey } = options;
  const values: Readonly<Record<string, string | undefined>> = {
    '--listen': unless(addressText(defaultAddress), addressText(listen)),
    '--token-file': unless(tokenFileIn(configFolder(world)), tokenFile),
    '--cert': cert,
    '--key': key,
    '--pools': unless('', pools.join()),
    '--keys': unless('', keys.join()),
    '--outside': unless('fail', outside),
    '--credit-key': creditKey,
    '--queue-limit': unless(String(queueLimit), String(options.queueLimit)),
    '--queue-timeout': unless(`${queueTimeout}ms`, `${options.queueTimeout}ms`),
    '--drain': unless(`${drainTime}ms`, `${options.drain}ms`),
  };
  return [
    ...Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [name, value])),
    ...(insecure ? ['--insecure'] : []),
  ];
}

function unless(usual: string, value: string): string | undefined {
  return value === usual ? undefined : value;
}
