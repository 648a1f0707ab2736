import { Refusal } from './reply.ts';

/** The token of an `Authorization: Bearer …` header. */
export function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer\s+(\S+)\s*$/i.exec(header ?? '')?.[1];
}

/** Whether a token is a management key by its looks. */
export function isManagementKey(token: string): boolean {
  return token.startsWith('mk_');
}

/**
 * Lets a call of the Management API through: every well-formed management key is the account's, but those beginning with
 * `mk_invalid` and `mk_revoked`, which are there to be refused.
 *
 * @param header - the `Authorization` header
 * @throws Refusal (401)
 */
export function requireManagementKey(header: string | undefined): void {
  const token = bearerToken(header);
  if (token === undefined) {
    throw new Refusal(401, 'Missing management key: send it as "Authorization: Bearer mk_..."');
  }
  if (token.startsWith('sk_')) {
    throw new Refusal(401, 'A management key (mk_) is needed here; consumption keys (sk_) are for /v1 and /anthropic');
  }
  if (!/^mk_[A-Za-z0-9_-]+$/.test(token) || /^mk_(invalid|revoked)/.test(token)) {
    throw new Refusal(401, 'Invalid management key');
  }
}
