import type { Command } from 'commander';

/** The global options: accepted before and after the command. */
export function addGlobalOptions(program: Command): void {
  program
    .option('--json', 'print JSON, for jq and programs')
    .option('-o, --output <format>', 'table, json, csv or yaml')
    .option('--fields <names>', 'only these columns or JSON fields: id,slug')
    .option('--jq <program>', 'print what this jq program makes of the JSON')
    .option('--profile <name>', 'the account to use')
    .option('--api-url <url>', 'another API host')
    .option('--sandbox', 'use the embedded sandbox: no account needed, no money moves')
    .option('--timeout <duration>', 'the longest a request may take (default: 30s)')
    .option('--no-input', 'never ask')
    .option('-y, --yes', 'consent to what the command says it will do')
    .option('--no-color', 'no colour')
    .option('--debug', 'show requests and timings, keys masked');
}
