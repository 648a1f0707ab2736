import type { Command } from 'commander';
import { formats } from '../domain/formats.ts';
import { inWords } from '../output/text.ts';
import { namesOf, oneOf, ValueOption } from './values.ts';

/** Adds the global options, which are accepted before and after the command. */
export function addGlobalOptions(program: Command): void {
  program
    .option('--json', 'Print JSON')
    // Output checks it, together with the formats of the environment and the profile.
    .addOption(new ValueOption('-o, --output <format>', `Output format: ${inWords(formats, 'or')}`, oneOf(formats)))
    .addOption(
      new ValueOption('--fields <names>', 'Show only these columns or JSON fields, such as id,slug', {
        ...namesOf('fields'),
        list: true,
      }),
    )
    .option('--jq <expression>', 'Filter the JSON with a jq expression')
    .addOption(new ValueOption('--profile <name>', 'Profile to use', namesOf('profiles')))
    .option('--api-url <url>', 'Send requests to another API host')
    .option('--sandbox', 'Use the sandbox: no account needed, nothing is charged')
    .option('--offline', "Use local files while the state database can't be reached")
    .option('--timeout <duration>', 'Time limit for a request (default: 30s)')
    .option('--no-input', 'Never prompt')
    .option('-y, --yes', 'Skip confirmation prompts')
    .option('--no-color', 'Turn off colors')
    .option('--debug', 'Show requests and timings, with keys masked');
}
