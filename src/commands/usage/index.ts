import { type Period, periods } from '../../account/usage.ts';
import { choiceOption, namesOf, ValueArgument } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { usageError } from '../../domain/errors.ts';
import { keyUsage } from './key.ts';
import { allUsage, fields } from './keys.ts';
import { selfFields, selfUsage } from './self.ts';

const lengths = Object.keys(periods);

interface Options {
  readonly period: Period;
  readonly refresh?: true;
  readonly self?: true;
}

/** `ci usage`: what the keys were used for. */
export default function usage(command: Verb, context: Context): void {
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
    .action((key: string | undefined, options: Options) => show(context, key, options));
}

async function show(context: Context, key: string | undefined, { period, refresh, self }: Options): Promise<void> {
  if (self && key !== undefined) throw usageError('--self and a key exclude each other');
  if (self) return selfUsage(context);
  if (key?.trim() === '') throw usageError('the name of the key is empty', '`ci keys list` shows your keys.');
  return key === undefined ? allUsage(context, period, refresh === true) : keyUsage(context, key, period);
}
