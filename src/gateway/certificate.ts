import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import { isLoopback } from '../api/host.ts';
import { CommandError, messageOf, usageError } from '../domain/errors.ts';
import type { Address } from './address.ts';
import type { Certificate } from './server.ts';

/** The files of a certificate, as typed. */
export interface CertificateFiles {
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly insecure?: true | undefined;
}

/**
 * Reads the certificate. Refuses a network address without TLS or `--insecure`.
 *
 * @throws CommandError (usage) for options that contradict each other, or an address of a network without TLS; (file_error)
 */
export function certificateFor({ host }: Address, { cert, key, insecure }: CertificateFiles): Certificate | undefined {
  if ((cert === undefined) !== (key === undefined)) {
    throw usageError(
      `${cert === undefined ? '--key' : '--cert'} needs ${cert === undefined ? '--cert' : '--key'}`,
      cert === undefined ? 'Pass both files. To choose the keys of seats, use --keys.' : 'Pass both files.',
    );
  }
  if (insecure && cert !== undefined) throw usageError("--insecure and --cert can't be combined", 'Pass one of them.');
  if (cert !== undefined && key !== undefined) {
    const certificate = { cert: read(cert), key: read(key) };
    try {
      createSecureContext(certificate);
    } catch (error) {
      throw new CommandError(
        'file_error',
        `Can't use the certificate ${cert} with the key ${key}: ${reasonOf(error)}`,
        {
          hint: 'Pass a certificate and its private key in PEM format.',
          cause: error,
        },
      );
    }
    return certificate;
  }
  const isLocal = isLoopback(isIP(host) === 6 ? `[${host}]` : host);
  if (isLocal || insecure) return undefined;
  throw usageError(
    `Others on the network could read what is sent to ${host}`,
    'Pass a certificate with --cert and --key, or pass --insecure if the network is trusted.',
  );
}

/** Returns why a certificate is refused. OpenSSL puts codes before it, and BoringSSL in Bun writes it as `NO_START_LINE`. */
function reasonOf(error: unknown): string {
  const message = messageOf(error);
  const [, reason] = /^error:[0-9a-f]+:.*:([^:]+)$/i.exec(message) ?? [];
  return reason?.replaceAll('_', ' ').toLowerCase() ?? message;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandError('file_error', `Can't read ${file}: ${messageOf(error)}`, { cause: error });
  }
}
