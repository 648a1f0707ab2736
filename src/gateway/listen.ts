import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { CommandError, codeOf, usageError } from '../domain/errors.ts';
import { type Address, addressText } from './address.ts';
import type { Gateway } from './gateway.ts';

/** Starts to listen. @throws CommandError (busy) if the port is taken; (usage) if the address can't be used */
export async function listen(gateway: Gateway, address: Address): Promise<void> {
  try {
    // Bun doesn't say why it can't listen on a host that can't be found.
    if (isIP(address.host) === 0) await lookup(address.host);
    await gateway.start();
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EADDRINUSE') {
      throw new CommandError('busy', `Another program listens on ${addressText(address)}`, {
        hint: 'Choose another port with --listen, such as --listen 127.0.0.1:8789.',
        cause: error,
      });
    }
    const why = unusable[code ?? ''];
    if (why !== undefined) {
      throw usageError(`Can't listen on ${addressText(address)}: ${why}`, 'Choose another address with --listen.');
    }
    throw error;
  }
}

/** Why an address can't be listened on, by the code of the operating system. */
const unusable: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: "it isn't an address of this machine",
  EACCES: "this user isn't allowed to",
  ENOTFOUND: "the host can't be found",
  DNS_ENOTFOUND: "the host can't be found",
  EAI_AGAIN: "the host can't be found",
};
