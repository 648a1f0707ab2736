import type { Command } from 'commander';
import { formats } from '../domain/formats.ts';
import { inWords } from '../output/text.ts';
import { namesOf, oneOf, ValueOption } from './values.ts';

/** The global options: accepted before and after the command. */
export function addGlobalOptions(program: Command): void {
  program
    .option('--json', 'print JSON, for jq and programs')
    // Checked where the environment's and the profile's formats are.
    .addOption(new ValueOption('-o, --output <format>', inWords(formats, 'or'), oneOf(formats)))
    .addOption(
      new ValueOption('--fields <names>', 'only these columns or JSON fields: id,slug', {
        ...namesOf('fields'),
        list: true,
      }),
    )
    .option('--jq <program>', 'print what this jq program makes of the JSON')
    .addOption(new ValueOption('--profile <name>', 'the account to use', namesOf('profiles')))
    .option('--api-url <url>', 'another API host')
    .option('--sandbox', 'use the embedded sandbox: no account needed, no money moves')
    .option('--timeout <duration>', 'the longest a request may take (default: 30s)')
    .option('--no-input', 'never ask')
    .option('-y, --yes', 'consent to what the command says it will do')
    .option('--no-color', 'no colour')
    .option('--debug', 'show requests and timings, keys masked');
}
