import path from 'node:path';
import { keyFor, managementKeyVariable } from '../config/settings.ts';
import type { Context } from '../context/context.ts';
import { CommandError, usageError } from '../domain/errors.ts';
import { findProgram } from '../programs/find-program.ts';
import { realPathOf } from '../state/folder.ts';

/** The commands of this program. */
const names = ['ci', 'cheapestinference'] as const;

type OwnContext = Pick<Context, 'settings' | 'world'>;

/** Returns the words that start this program with the current account, for the user's shell. */
export function ownCommand(context: OwnContext): string[] {
  const { apiUrl, profile, sandbox } = context.settings;
  const [name] = ownWords(context);
  if (sandbox.value) return [name, '--sandbox'];
  const isNamed = profile.value !== 'default' || profile.origin === '--profile';
  return [
    name,
    ...(isNamed ? ['--profile', profile.value] : []),
    ...(apiUrl.origin === '--api-url' ? ['--api-url', apiUrl.value] : []),
  ];
}

/**
 * Returns the words that print a key of the current account, for a file that another program reads later. They name the profile,
 * because another one may be current then.
 *
 * @param command - the words that print the key
 * @param title - the program that runs them, for the error
 * @throws CommandError (usage) if this program isn't installed
 */
export function keyCommand(
  context: OwnContext,
  { command, title }: { readonly command: readonly string[]; readonly title: string },
): string[] {
  const { apiUrl, profile, sandbox } = context.settings;
  const words = ownWords(context);
  requireInstalled(words, `${title} runs \`ci\` to get its key`);
  if (sandbox.value) return [...words, '--sandbox', ...command];
  const isSet = apiUrl.origin === '--api-url' || apiUrl.origin === 'CHEAPESTINFERENCE_API_URL';
  return [...words, ...command, '--profile', profile.value, ...(isSet ? ['--api-url', apiUrl.value] : [])];
}

/**
 * Refuses words that start this program from the cache of npx, which npm clears.
 *
 * @param purpose - what needs the program later: `The service runs ci`
 * @throws CommandError (usage)
 */
function requireInstalled(words: readonly string[], purpose: string): void {
  if (!words.some((word) => isTemporary(word))) return;
  throw usageError(
    `${purpose}, but \`ci\` isn't installed`,
    'Run `npm install --global cheapestinference`, and then this command again.',
  );
}

/** Returns a name if the `PATH` leads to this program, because RCS has a `ci`, too. Otherwise, returns its path. */
function ownWords({ world }: OwnContext): [string, ...string[]] {
  const { program } = world;
  if (program === undefined) return [names[0]];
  const name = names.find((each) => {
    const found = findProgram(each, world);
    return 'file' in found && !isTemporary(found.file) && leadsTo(found.file, program);
  });
  if (name !== undefined) return [name];
  // Windows can't run a script by its path.
  return process.platform === 'win32' && program.endsWith('.js') ? ['node', program] : [program];
}

/** Returns whether a program on the `PATH` is this one: the same file, or on Windows the script that npm installs for it. */
function leadsTo(file: string, program: string): boolean {
  const installed = path.join(path.dirname(file), 'node_modules', 'cheapestinference', 'bin', 'ci.js');
  const own = realPathOf(program);
  return realPathOf(file) === own || (process.platform === 'win32' && realPathOf(installed) === own);
}

/** Returns whether a path is in the cache of npx, which npm clears. */
function isTemporary(file: string): boolean {
  return file.split(path.sep).includes('_npx');
}

/** Returns the words that start this program as a process. */
export function ownProcess({ world: { program } }: Pick<Context, 'world'>): [string, ...string[]] {
  if (program === undefined) return ['ci'];
  return program.endsWith('.js') ? [process.execPath, program] : [program];
}

/**
 * Returns the words that start this program with the current account, for a service or timer, which has another environment.
 *
 * @param title - what runs them, for errors: `The service`
 * @throws CommandError (usage) if this program isn't installed; (not_signed_in) if the management key isn't saved
 */
export function serviceCommand(
  context: OwnContext & Pick<Context, 'profiles'>,
  { title }: { readonly title: string },
): string[] {
  requireSavedKey(context, title);
  requireInstalled(ownProcess(context), `${title} runs \`ci\``);
  const { apiUrl, profile, sandbox } = context.settings;
  // These select the account, whatever is current later.
  const account = ['--profile', profile.value, ...(apiUrl.origin === '--api-url' ? ['--api-url', apiUrl.value] : [])];
  return [...ownProcess(context), ...(sandbox.value ? ['--sandbox'] : account)];
}

/** Refuses a management key that only this shell has. @throws CommandError (not_signed_in) */
function requireSavedKey({ settings, profiles }: Pick<Context, 'profiles' | 'settings'>, title: string): void {
  const { managementKey, sandbox } = settings;
  if (sandbox.value) return;
  if (managementKey?.origin === managementKeyVariable) {
    throw new CommandError('not_signed_in', `${title} can't read CHEAPESTINFERENCE_MANAGEMENT_KEY of this shell`, {
      hint: 'Save the key with `ci auth login`.',
    });
  }
  if (keyFor(settings, profiles) === undefined) {
    throw new CommandError('not_signed_in', "You aren't signed in", { hint: 'Run `ci auth login`.' });
  }
}
