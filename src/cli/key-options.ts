import type { Option } from 'commander';
import { apiFormats } from '../domain/key-variables.ts';
import { choiceOption, namesOf, ValueOption } from './values.ts';

/** Returns the option for the stored key to use: `--key prod-api`. */
export function keyOption(): Option {
  return new ValueOption('--key <key>', 'Name or ID of the stored key to use', namesOf('keys'));
}

/** Returns the option for the pool whose stored key to use: `--pool kimi26`. */
export function keyPoolOption(): Option {
  return new ValueOption('--pool <slug>', 'Use the stored key of this pool', namesOf('pools'));
}

/** Returns the option for the programs that the variables are for: `--for anthropic`. */
export function apiFormatOption(): Option {
  return choiceOption('--for <format>', 'Variables to set: openai, anthropic, all or none', apiFormats).default('all');
}
