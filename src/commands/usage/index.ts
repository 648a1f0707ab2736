import { isCommandTyped, refuseOptionsBeforeCommand } from '../../cli/noun-options.ts';
import { choiceOption, namesOf, ValueArgument, type ValueOption } from '../../cli/values.ts';
import type { Stub, Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { usageError } from '../../domain/errors.ts';
import { type Period, periods } from '../../domain/usage-periods.ts';
import { inWords } from '../../output/text.ts';
import { type AllFormat, allFields, allFormats } from './all-fields.ts';
import { gatewayFields } from './gateway-fields.ts';
import { keyUsage } from './key.ts';
import { allUsage, fields, type UsageContext } from './keys.ts';
import { selfFields, selfUsage } from './self.ts';

const lengths = Object.keys(periods);

interface Flags {
  readonly period: Period;
  readonly refresh?: true;
  readonly self?: true;
  readonly gateway?: true;
  readonly all?: true;
  readonly format?: AllFormat;
}

/** What `ci usage` shows. */
export interface Options extends Flags {
  /** The id or name of a key; undefined: all keys. */
  readonly key: string | undefined;
  /** Whether the period was typed. */
  readonly hasPeriod: boolean;
}

export const notes = `A key that is named like a command can be shown by its ID.`;

/** The commands of `ci usage`. */
export const commands: readonly Stub[] = [
  { term: 'snapshot', description: 'Store the usage of all keys, for reports', load: () => import('./snapshot.ts') },
  { term: 'report', description: 'Show what each key used in a month', load: () => import('./report.ts') },
];

/** `ci usage`: shows the usage of API keys. */
export default function usage(noun: Verb, context: Context, execute = run): void {
  if (isCommandTyped(noun)) return;
  refuseOptionsBeforeCommand(noun);
  noun
    .usage('[command]')
    .tell({
      fields: [...new Set([...fields, ...selfFields, ...gatewayFields, ...allFields])],
      examples: [
        'ci usage',
        'ci usage prod-api --period 7d',
        "ci usage --json | jq '[.[].usage.last24h.tokens] | add'",
        'ci usage --self',
        'ci usage --gateway --period 7d',
        'ci usage --all --format csv > usage.csv',
      ],
    })
    .addArgument(new ValueArgument('[key]', 'ID or name of the key', namesOf('keys')))
    .addOption(choiceOption('--period <length>', `Time period: ${inWords(lengths, 'or')}`, lengths).default('24h'))
    .option('--refresh', 'Fetch new data even if the cached data is recent')
    .option('--self', 'Show the limits and credit of the key in CHEAPESTINFERENCE_API_KEY')
    .option('--gateway', 'Show what the clients of the gateways on this machine used')
    .option('--all', 'Show each key in each period, on a line each')
    .addOption(formatOption(noun))
    .action((key: string | undefined, flags: Flags) =>
      execute({ key, ...flags, hasPeriod: noun.getOptionValueSource('period') === 'cli' }, context),
    );
}

/** Returns `--format`, which is another name of the global option `--output`. */
function formatOption(noun: Verb): ValueOption {
  const option = choiceOption('--format <format>', 'With --all, print csv or json, like --output', allFormats);
  const { parseArg } = option;
  option.argParser((text) => {
    const format: unknown = parseArg?.(text, undefined);
    const { json, output = format } = noun.parent?.opts<{ readonly json?: true; readonly output?: string }>() ?? {};
    const other = json ? 'json' : output;
    if (other !== format) {
      const name = json ? '--json' : `--output ${other}`;
      throw usageError(`--format ${text} and ${name} can't be combined`, 'Pass one of them.');
    }
    noun.parent?.setOptionValueWithSource('output', format, 'cli');
    return format;
  });
  return option;
}

/** Shows the usage of one key or all keys. */
export async function run(
  { key, period, refresh, self, gateway, all, format, hasPeriod }: Options,
  context: UsageContext & Pick<Context, 'record'>,
): Promise<void> {
  if (format !== undefined && !all) throw usageError('--format can only be used with --all', 'Pass --all, or use -o.');
  if (all) {
    const other = self
      ? '--self'
      : gateway
        ? '--gateway'
        : hasPeriod
          ? '--period'
          : key === undefined
            ? undefined
            : 'a key';
    if (other !== undefined) throw usageError(`--all and ${other} can't be combined`, 'Pass one of them.');
    const { usageByPeriod } = await import('./by-period.ts');
    return usageByPeriod(context, refresh === true);
  }
  if (gateway) {
    const other = self ? '--self' : refresh ? '--refresh' : key === undefined ? undefined : 'a key';
    if (other !== undefined) throw usageError(`--gateway and ${other} can't be combined`, 'Pass one of them.');
    const { gatewayUsage } = await import('./gateway.ts');
    return gatewayUsage(context, period);
  }
  if (self && key !== undefined) throw usageError("--self and a key can't be combined", 'Pass one of them.');
  if (self) return selfUsage(context);
  if (key?.trim() === '') throw usageError('The key name is empty', 'Run `ci keys list` to see your keys.');
  return key === undefined ? allUsage(context, period, refresh === true) : keyUsage(context, key, period);
}
