import { Option } from 'commander';
import { type Period, periods } from '../../account/usage.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { usageError } from '../../domain/errors.ts';
import { keyUsage } from './key.ts';
import { allUsage, fields } from './keys.ts';
import { selfFields, selfUsage } from './self.ts';

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
    .argument('[key]', 'id or name')
    .addOption(new Option('--period <length>', Object.keys(periods).join(', ')).argParser(parsePeriod).default('24h'))
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

function parsePeriod(text: string): Period {
  if (text === '1h' || text === '24h' || text === '7d' || text === '30d') return text;
  throw usageError(`--period is "${text}"`, `Choose one of ${Object.keys(periods).join(', ')}.`);
}
