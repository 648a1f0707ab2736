import type { Hex } from '../../domain/chains.ts';

/** The opcodes that the program uses (Yellow Paper, appendix H). */
const opcodes = new Map(
  Object.entries({
    ADD: '01',
    SUB: '03',
    LT: '10',
    EQ: '14',
    SHR: '1c',
    CALLER: '33',
    CALLDATALOAD: '35',
    MSTORE: '52',
    SLOAD: '54',
    SSTORE: '55',
    JUMP: '56',
    JUMPI: '57',
    JUMPDEST: '5b',
    DUP1: '80',
    DUP3: '82',
    SWAP2: '91',
    LOG3: 'a3',
    RETURN: 'f3',
    REVERT: 'fd',
  }),
);

/**
 * A small ERC-20 that stands in for USDC: `balanceOf`, `transfer` and `decimals`. The balance of an account is in the storage slot
 * that has its address as a number, so that a local chain can give USDC to anyone.
 *
 * `0x…` pushes a value, `@name` pushes the position of a label, and `name:` is a label. The comments show the stack, its top on the right.
 */
const program = `
  0x00 CALLDATALOAD 0xe0 SHR              # selector
  DUP1 0x70a08231 EQ @balanceOf JUMPI
  DUP1 0xa9059cbb EQ @transfer JUMPI
  DUP1 0x313ce567 EQ @decimals JUMPI
revert:
  0x00 0x00 REVERT

decimals:
  0x06 @return JUMP

balanceOf:
  0x04 CALLDATALOAD SLOAD                 # balance
  @return JUMP

transfer:
  CALLER SLOAD 0x24 CALLDATALOAD          # balance value
  DUP1 DUP3 LT @revert JUMPI              # balance value
  DUP1 SWAP2 SUB CALLER SSTORE            # value
  DUP1 0x04 CALLDATALOAD SLOAD ADD        # value received
  0x04 CALLDATALOAD SSTORE                # value
  0x00 MSTORE
  0x04 CALLDATALOAD CALLER                # to from
  0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef
  0x20 0x00 LOG3                          # Transfer(from, to, value)
  0x01

return:
  0x00 MSTORE 0x20 0x00 RETURN
`;

/** The code of the ERC-20, to put at the address of USDC. */
export const usdcCode = assembled(program);

/** Returns the bytes of a program of at most 256 bytes. @throws RangeError if it has an unknown opcode or label */
function assembled(source: string): Hex {
  const words = source
    .split('\n')
    .flatMap((line) => line.replace(/#.*/, '').split(/\s+/))
    .filter((word) => word !== '');
  const positions = new Map<string, number>();
  let position = 0;
  for (const word of words) {
    if (word.endsWith(':')) positions.set(`@${word.slice(0, -1)}`, position);
    position += lengthOf(word);
  }
  return `0x${words.map((word) => bytesOf(word, positions)).join('')}`;
}

function lengthOf(word: string): number {
  if (word.startsWith('@')) return 2;
  return word.startsWith('0x') ? word.length / 2 : 1;
}

function bytesOf(word: string, positions: ReadonlyMap<string, number>): string {
  if (word.endsWith(':')) return bytesOf('JUMPDEST', positions);
  const position = positions.get(word);
  const value = position === undefined ? word : `0x${hexByte(position)}`;
  if (value.startsWith('0x')) return `${hexByte(0x5f + value.length / 2 - 1)}${value.slice(2)}`;
  const opcode = opcodes.get(value);
  if (opcode === undefined) throw new RangeError(`Unknown word: ${word}`);
  return opcode;
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, '0');
}
