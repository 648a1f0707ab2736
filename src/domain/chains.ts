/** Bytes as hexadecimal digits after 0x. */
export type Hex = `0x${string}`;

/** Returns hexadecimal digits after 0x in lower case. */
export function lowerCase(hex: string): Hex {
  return `0x${hex.slice(2).toLowerCase()}`;
}

/** A chain on which USDC can be sent. */
export interface Chain {
  /** How `--chain` and the API name it. */
  readonly name: 'base' | 'base-sepolia';
  /** Its display name. */
  readonly title: string;
  /** The chain ID (EIP-155). */
  readonly id: number;
  /** The contract of USDC, from Circle's list of USDC contracts. */
  readonly usdc: Hex;
  /** The public RPC endpoint (Base documentation, "Connecting to Base"). */
  readonly rpcUrl: string;
}

/** The name of a chain. */
export type ChainName = Chain['name'];

/** The names of the chains. */
export const chainNames = ['base', 'base-sepolia'] as const satisfies readonly ChainName[];

/** The chains on which the API takes payments: Base, and its test chain. */
export const chains: { readonly [Name in ChainName]: Chain & { readonly name: Name } } = {
  base: {
    name: 'base',
    title: 'Base',
    id: 8453,
    usdc: '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913',
    rpcUrl: 'https://mainnet.base.org',
  },
  'base-sepolia': {
    name: 'base-sepolia',
    title: 'Base Sepolia',
    id: 84532,
    usdc: '0x036CbD53842c5426634e7929541eC2318f3dCF7e',
    rpcUrl: 'https://sepolia.base.org',
  },
};

/** The port on which anvil and other development chains listen by default. */
export const localChainPort = 8545;

/** The RPC URL of a development chain by default. */
export const localRpcUrl = `http://127.0.0.1:${localChainPort}`;

/** Returns whether a network is a chain. The API calls it by its name; other servers use its CAIP-2 name, such as `eip155:8453`. */
export function isChain(network: string, { name, id }: Chain): boolean {
  return network === name || network === `eip155:${id}`;
}

/** Returns the name of a network for people. */
export function chainTitle(network: string): string {
  return Object.values(chains).find((chain) => isChain(network, chain))?.title ?? network;
}
