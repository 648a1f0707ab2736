import type { Context } from '../context/context.ts';
import { findProgram } from '../programs/find-program.ts';
import { realPathOf } from '../state/folder.ts';

/** The commands of this program. */
const names = ['ci', 'cheapestinference'] as const;

/**
 * Returns the words that start this program with the current account, for a file that another program reads later: a name if the `PATH`
 * leads to this program, because RCS has a `ci`, too. Otherwise, a path.
 */
export function ownCommand({ settings, world }: Pick<Context, 'settings' | 'world'>): string[] {
  const { program } = world;
  const own = program && realPathOf(program);
  const name = names.find((each) => {
    const found = findProgram(each, world);
    return own !== undefined && 'file' in found && realPathOf(found.file) === own;
  });
  const { apiUrl, profile, sandbox } = settings;
  const command = name ?? program ?? names[0];
  if (sandbox.value) return [command, '--sandbox'];
  return [
    command,
    ...(profile.value === 'default' ? [] : ['--profile', profile.value]),
    ...(apiUrl.origin === '--api-url' || apiUrl.origin === 'CHEAPESTINFERENCE_API_URL'
      ? ['--api-url', apiUrl.value]
      : []),
  ];
}
