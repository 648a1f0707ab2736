import { afterAll } from 'vitest';
import { startChain } from '../../support/chain.ts';

/** The chain of all tests of this directory. */
export const chain = await startChain();

afterAll(() => chain.close());
