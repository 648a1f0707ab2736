import { Option } from 'commander';
import { type ChainName, chainNames, chains } from '../domain/chains.ts';
import { usageError } from '../domain/errors.ts';
import { usualConfirmations } from '../domain/payment.ts';
import type { ClaimFields } from '../payment/claim.ts';
import type { PaymentOptions } from '../payment/pay.ts';
import { parseCount } from './options.ts';
import { forceOption, saveOption, variableOption } from './save-options.ts';
import { choiceOption } from './values.ts';
import type { Verb } from './verb.ts';
import { addWalletOptions, passwordSourceOf, type WalletOptions, walletChoiceOf } from './wallet-options.ts';

/** The options for the chain on which a payment is made, as typed. */
export interface ChainOptions {
  readonly chain: ChainName;
  readonly rpcUrl?: string;
  readonly confirmations?: number;
}

/** Returns `--chain NAME`. */
function chainOption(): Option {
  const words = chainNames.map((name) => ({ name, description: chains[name].title }));
  return choiceOption('--chain <name>', 'Chain to pay on', words).default('base');
}

/** Returns `--rpc-url URL`. */
export function rpcUrlOption(
  description = 'RPC endpoint of the chain (default: ETH_RPC_URL, or a public one)',
): Option {
  return new Option('--rpc-url <url>', description);
}

/** Returns `--confirmations COUNT`. */
export function confirmationsOption(): Option {
  return new Option('--confirmations <count>', 'Blocks to wait for until the payment counts (default: 3)').argParser(
    parseCount('--confirmations'),
  );
}

/** Returns `--field NAME=VALUE`. */
function claimFieldOption(): Option {
  return new Option(
    '--field <name=value>',
    'Add a field to the claim; {signature}, {address} and {txHash} are filled in (can be repeated)',
  ).argParser((text: string, before: ClaimFields = []): ClaimFields => [...before, parsePair(text)]);
}

/** Adds the options of a command that pays on chain or claims a payment. */
export function addPaymentOptions(command: Verb): Verb {
  command.addOption(saveOption()).addOption(variableOption()).addOption(forceOption());
  return addWalletOptions(command)
    .addOption(chainOption())
    .addOption(rpcUrlOption())
    .addOption(confirmationsOption())
    .addOption(claimFieldOption());
}

/** Returns how to pay. */
export function paymentOptionsOf({
  chain,
  rpcUrl,
  confirmations = usualConfirmations,
  ...options
}: ChainOptions & WalletOptions): PaymentOptions {
  const password = passwordSourceOf(options);
  return { wallet: walletChoiceOf(undefined, options), password, chain: chains[chain], rpcUrl, confirmations };
}

function parsePair(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw usageError(`"${text}" is not a valid value for --field`, 'Use a name and a value, such as --field name=value.');
}
