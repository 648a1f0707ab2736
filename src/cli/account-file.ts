import { namesOf, ValueArgument } from './values.ts';

/** Returns the argument for a file that says what an account should have. */
export function accountFileArgument(): ValueArgument {
  const argument = new ValueArgument('[file]', 'YAML file, or - for standard input', namesOf('files'));
  argument.default('account.yaml', 'account.yaml');
  return argument;
}
