import { Option } from 'commander';
import { usageError } from '../domain/errors.ts';
import type { WalletChoice } from '../wallet/choose.ts';
import type { PasswordSource } from '../wallet/password.ts';
import { namesOf, ValueOption } from './values.ts';
import type { Verb } from './verb.ts';

/** The options for a wallet and its password, as typed. */
export interface WalletOptions {
  readonly account?: string;
  readonly keystore?: string;
  readonly passwordFile?: string;
  readonly keychain?: true;
}

/** Adds the options for a wallet to use and its password. */
export function addWalletOptions(command: Verb): Verb {
  return command
    .option('--account <name>', 'Wallet in ~/.foundry/keystores (default: ETH_KEYSTORE_ACCOUNT)')
    .addOption(keystoreOption())
    .addOption(passwordFileOption())
    .addOption(keychainOption());
}

/** Adds the options for a wallet to create and its password. */
export function addNewWalletOptions(command: Verb): Verb {
  return command
    .option('--account <name>', 'Wallet in ~/.foundry/keystores')
    .addOption(keystoreOption())
    .addOption(passwordFileOption())
    .addOption(keychainOption("Save the password in the system's keychain"));
}

/** Returns `--keystore FILE`. */
function keystoreOption(): Option {
  return new ValueOption('--keystore <file>', 'Keystore file of the wallet, wherever it is', namesOf('files'));
}

/** Returns `--password-file FILE`. */
export function passwordFileOption(): Option {
  return new ValueOption('--password-file <file>', 'Read the password from this file (default: ask)', namesOf('files'));
}

/** Returns `--keychain`. */
export function keychainOption(description = "Read the password from the system's keychain"): Option {
  return new Option('--keychain', description);
}

/** Returns where the password of a wallet is. @throws CommandError (usage) if it is in two places */
export function passwordSourceOf({ passwordFile, keychain }: WalletOptions): PasswordSource {
  if (passwordFile !== undefined && keychain) {
    throw usageError("--password-file and --keychain can't be combined", 'Pass one of them.');
  }
  return { file: passwordFile, keychain };
}

/** Returns which wallet an argument and options choose. @throws CommandError (usage) if the argument and `--account` do */
export function walletChoiceOf(name: string | undefined, { account, keystore }: WalletOptions): WalletChoice {
  if (name !== undefined && account !== undefined) {
    throw usageError('The wallet is named twice', 'Pass its name or --account, not both.');
  }
  return { account: name ?? account, keystore };
}
