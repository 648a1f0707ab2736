import { CommandError, codeOf, firstLineOf } from '../domain/errors.ts';

const name = '@napi-rs/keyring';

/**
 * Loads the native binding of the system keychain, which isn't a dependency of this package and may be missing. A standalone binary has
 * `embedded-keyring.ts` instead of this module.
 *
 * @throws CommandError (keychain_error) if it can't be loaded
 */
export function keyring(): typeof import('@napi-rs/keyring') {
  try {
    return process.getBuiltinModule('node:module').createRequire(import.meta.url)(name);
  } catch (error) {
    const problem = codeOf(error) === 'MODULE_NOT_FOUND' ? "isn't installed" : `can't be loaded: ${firstLineOf(error)}`;
    throw new CommandError('keychain_error', `The system keychain needs the package ${name}, which ${problem}`, {
      hint: `Install it next to ci: \`npm install --global ${name}\`.`,
      cause: error,
    });
  }
}
