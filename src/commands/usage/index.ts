import { choiceOption, namesOf, ValueArgument } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { usageError } from '../../domain/errors.ts';
import { type Period, periods } from './columns.ts';
import { keyUsage } from './key.ts';
import { allUsage, fields, type UsageContext } from './keys.ts';
import { selfFields, selfUsage } from './self.ts';

const lengths = Object.keys(periods);

interface Flags {
  readonly period: Period;
  readonly refresh?: true;
  readonly self?: true;
}

/** What `ci usage` prints. */
export interface Options extends Flags {
  /** A key's id or name; undefined: all keys. */
  readonly key: string | undefined;
}

/** `ci usage`: what the keys were used for. */
export default function usage(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields: [...new Set([...fields, ...selfFields])],
      examples: [
        'ci usage',
        'ci usage prod-api --period 7d',
        "ci usage --json | jq '[.[].usage.last24h.tokens] | add'",
        'ci usage --self        # of the key in CHEAPESTINFERENCE_API_KEY',
      ],
    })
    .addArgument(new ValueArgument('[key]', 'id or name', namesOf('keys')))
    .addOption(choiceOption('--period <length>', lengths.join(', '), lengths).default('24h'))
    .option('--refresh', 'ask the API, even if the figures at hand are fresh')
    .option('--self', 'ask with the API key in CHEAPESTINFERENCE_API_KEY')
    .action((key: string | undefined, flags: Flags) => execute({ key, ...flags }, context));
}

/** Prints what the keys were used for. */
export async function run({ key, period, refresh, self }: Options, context: UsageContext): Promise<void> {
  if (self && key !== undefined) throw usageError('--self and a key exclude each other');
  if (self) return selfUsage(context);
  if (key?.trim() === '') throw usageError('the name of the key is empty', '`ci keys list` shows your keys.');
  return key === undefined ? allUsage(context, period, refresh === true) : keyUsage(context, key, period);
}
