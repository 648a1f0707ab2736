import path from 'node:path';

/** A program that sends a request with each official client, and prints the answers. */
export const clients = path.resolve('test/support/clients.mjs');

/** What the program prints for each client if the sandbox answers. */
export const answers = ['openai', 'anthropic'].map(
  (name) =>
    `${name}: This is the CheapestInference sandbox, answering instead of kimi-k2.6. Your key and your request are correct.\n`,
);
