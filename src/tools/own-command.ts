import type { Context } from '../context/context.ts';
import { findProgram } from '../programs/find-program.ts';
import { realPathOf } from '../state/folder.ts';

/** The commands of this program. */
const names = ['ci', 'cheapestinference'] as const;

/** Returns the words that start this program with the current account, for the user's shell. */
export function ownCommand({ settings, world }: Pick<Context, 'settings' | 'world'>): string[] {
  return [ownName({ world }), ...accountOptions({ settings }, ['--api-url'])];
}

/** Returns the words that start this program with the current account, for a file that another program reads later. */
export function lastingCommand({ settings, world }: Pick<Context, 'settings' | 'world'>): string[] {
  return [ownName({ world }), ...accountOptions({ settings }, ['--api-url', 'CHEAPESTINFERENCE_API_URL'])];
}

/** Returns a name if the `PATH` leads to this program, because RCS has a `ci`, too. Otherwise, returns its path. */
function ownName({ world }: Pick<Context, 'world'>): string {
  const { program } = world;
  const own = program && realPathOf(program);
  const name = names.find((each) => {
    const found = findProgram(each, world);
    return own !== undefined && 'file' in found && realPathOf(found.file) === own;
  });
  return name ?? program ?? names[0];
}

/** Returns the options that select the account. @param origins - of an API URL that has to be given */
function accountOptions({ settings }: Pick<Context, 'settings'>, origins: readonly string[]): string[] {
  const { apiUrl, profile, sandbox } = settings;
  if (sandbox.value) return ['--sandbox'];
  return [
    ...(profile.value === 'default' ? [] : ['--profile', profile.value]),
    ...(origins.includes(apiUrl.origin) ? ['--api-url', apiUrl.value] : []),
  ];
}
