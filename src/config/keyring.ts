/**
 * Loads the native binding of the system keychain. In a standalone binary, the build replaces this module by one that contains the
 * binding.
 *
 * @throws Error (MODULE_NOT_FOUND) if the package isn't installed
 */
export function keyring(): typeof import('@napi-rs/keyring') {
  return process.getBuiltinModule('node:module').createRequire(import.meta.url)('@napi-rs/keyring');
}
