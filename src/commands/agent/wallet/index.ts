import type { Stub } from '../../../cli/verb.ts';

export const notes = `A wallet is a keystore file (version 3) in ~/.foundry/keystores, as \`cast wallet\`
of Foundry reads and writes it. Its private key is encrypted with a password.

ETH_KEYSTORE_ACCOUNT names the wallet to use.`;

/** The commands of `ci agent wallet`. */
export const commands: readonly Stub[] = [
  { term: 'create [name]', description: 'Create a wallet', load: () => import('./create.ts') },
  {
    term: 'import [name]',
    description: 'Import a private key from standard input',
    load: () => import('./import.ts'),
  },
  { term: 'list|ls', description: 'List the wallets on this machine', load: () => import('./list.ts') },
  { term: 'address [name]', description: 'Print the address of a wallet', load: () => import('./address.ts') },
];
