// Imports nothing, because the simulated machine must load src/ itself, after it has replaced what a process is.

/** The management key of the tests' user. */
export const managementKey = 'mk_of_the_tests_0123456789abcdef';

/** Splits a command line at its spaces; a list stays as it is. */
export function words(line: string | readonly string[]): readonly string[] {
  return typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : line;
}
