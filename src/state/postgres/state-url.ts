import { CommandError, usageError } from '../../domain/errors.ts';
import { redacted } from '../../domain/secrets.ts';
import { splitPassword, withPassword } from '../../domain/url-password.ts';

/** The address of a state database, and how to sign in there. */
export interface StateAddress {
  /** A host name, an address, or the directory of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  /** The schema of the tables. */
  readonly schema: string;
  /** `verified`: TLS, and the certificate has to be valid for the host. `none`: no TLS. */
  readonly tls: 'verified' | 'none';
  /** The file with the certificates of the authorities to trust instead of the system's. */
  readonly rootCertificates: string | undefined;
  /** Whether the sign-in is bound to the TLS connection, if the server offers that. */
  readonly bindsChannel: boolean;
  /** The address without the password, for messages. */
  readonly label: string;
}

export const defaultSchema = 'cheapestinference';
const defaultPort = 5432;

/** What a state URL looks like. */
const example = 'Use a URL such as postgres://USER:PASSWORD@HOST/DATABASE.';

const encodingHint = 'Write special characters of the password as percent-encoded, such as %40 for @.';

/** The values of `sslmode`. Without one, TLS is used unless the database is on this machine. All but `disable` check the certificate. */
const tlsModes = ['disable', 'require', 'verify-ca', 'verify-full'];

/** Hosts on this machine. */
const loopback = /^(?:localhost|127(?:\.\d+){3}|::1|\/.*)$/i;

/** Matches a user without a host: the parameter `host` names the directory of a Unix socket. {@link URL} refuses it. */
const userOnly = /^([a-z]+:\/\/(?:[^/?#]*)@)(?=[/?:#]|$)/i;

/** Matches characters that a URL can't contain. Messages are redacted up to them, so none may be in a password. */
const unencoded = /[\s"'`<>\\]/;

/**
 * Parses the URL of a state database.
 *
 * @throws CommandError (usage); the message never has the password
 */
export function parseStateUrl(text: string): StateAddress {
  const trimmed = text.trim();
  if (trimmed === '') throw usageError('The state URL is empty', example);
  const hasHost = !userOnly.test(trimmed);
  const complete = trimmed.replace(userOnly, '$1socket');
  const url = URL.canParse(complete) ? new URL(complete) : undefined;
  if (!url) throw usageError('The state URL is not a valid URL', `${example} ${encodingHint}`);
  const { protocol, searchParams } = url;
  if (!['postgres:', 'postgresql:'].includes(protocol)) {
    // A text such as `user:password@host` has a scheme, too, which could be a secret.
    const scheme = /^[a-z]+:\/\//i.exec(trimmed)?.[0];
    throw usageError(
      scheme === undefined
        ? 'The state URL has no scheme'
        : `"${scheme.toLowerCase()}" is not a valid scheme for a state URL`,
      example,
    );
  }
  // A password with one of these characters ends early, and the rest of it would be taken for something that is shown.
  if (unencoded.test(trimmed) || url.hash !== '' || url.pathname.includes('@'))
    throw usageError('The state URL has a character that is not encoded', encodingHint);
  if ([...searchParams.keys()].some((name) => /password/i.test(name)))
    throw usageError('The state URL has a password among its parameters', example);
  const host = searchParams.get('host') ?? (hasHost ? decoded(url.hostname).replace(/^\[(.*)\]$/, '$1') : '');
  if (host === '') throw usageError('The state URL has no host', example);
  if (host.includes(',')) throw usageError('The state URL has several hosts', 'Use the one that accepts changes.');
  const isSocket = host.startsWith('/');
  const database = decoded(url.pathname.slice(1));
  if (database === '') throw usageError('The state URL has no database', example);
  if (database.includes('/')) throw usageError('The database in the state URL has a /', example);
  const user = decoded(url.username);
  if (user === '') throw usageError('The state URL has no user', example);
  const schema = searchParams.get('schema') ?? defaultSchema;
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema))
    throw usageError(
      `"${schema}" is not a valid schema in a state URL`,
      'Use lowercase letters, digits and underscores.',
    );
  const sslmode = searchParams.get('sslmode');
  if (sslmode !== null && !tlsModes.includes(sslmode)) {
    throw usageError(
      `"${sslmode}" is not a valid sslmode in a state URL`,
      `Use ${tlsModes.slice(0, -1).join(', ')} or ${tlsModes.at(-1)}. All but disable check the certificate.`,
    );
  }
  const usesTls = !isSocket && (sslmode === null ? !loopback.test(host) : sslmode !== 'disable');
  const port = portOf(url.port || (searchParams.get('port') ?? ''));
  const authority = `${host.includes(':') ? `[${host}]` : host}${port === defaultPort ? '' : `:${port}`}`;
  const details = [
    ...(isSocket ? [`socket in ${authority}`] : []),
    ...(schema === defaultSchema ? [] : [`schema ${schema}`]),
  ];
  const rootCertificates = searchParams.get('sslrootcert');
  return {
    host,
    port,
    user,
    password: url.password === '' ? undefined : decoded(url.password),
    database,
    schema,
    tls: usesTls ? 'verified' : 'none',
    // As in libpq, `system` means the authorities that the system trusts.
    rootCertificates: rootCertificates === 'system' ? undefined : (rootCertificates ?? undefined),
    bindsChannel: searchParams.get('channel_binding') === 'require',
    label: `postgres://${isSocket ? '' : authority}/${database}${details.length > 0 ? ` (${details.join(', ')})` : ''}`,
  };
}

/** Returns a state URL as it may be shown: with its password masked, or without any of its text if it isn't valid. */
export function maskedStateUrl(text: string): string {
  try {
    parseStateUrl(text);
  } catch {
    return '…';
  }
  const { url, password } = splitPassword(text.trim());
  return redacted(password === undefined ? url : withPassword(url, '…'));
}

function portOf(text: string): number {
  const port = text === '' ? defaultPort : Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw usageError('The state URL has no valid port', 'Use a port from 1 to 65535, or none for 5432.');
}

function decoded(text: string): string {
  try {
    const result = decodeURIComponent(text);
    // The protocol of PostgreSQL ends texts with this character.
    if (!result.includes('\0')) return result;
  } catch (error) {
    throw new CommandError('usage', 'The state URL has a character that is not encoded', {
      hint: encodingHint,
      cause: error,
    });
  }
  throw usageError('The state URL has a null character', example);
}
