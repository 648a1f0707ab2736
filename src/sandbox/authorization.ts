import { Refusal } from './reply.ts';

/** Returns the token of an `Authorization: Bearer …` header. */
export function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer\s+(\S+)\s*$/i.exec(header ?? '')?.[1];
}

/** Returns whether a token looks like a management key. */
export function isManagementKey(token: string): boolean {
  return token.startsWith('mk_');
}

/**
 * Checks the key of a request to the Management API. Accepts every well-formed management key, except those that start with
 * `mk_invalid` or `mk_revoked`.
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
    throw new Refusal(401, 'This needs a management key (mk_). API keys (sk_) are for /v1 and /anthropic.');
  }
  if (!/^mk_[A-Za-z0-9_-]+$/.test(token) || /^mk_(invalid|revoked)/.test(token)) {
    throw new Refusal(401, 'Invalid management key');
  }
}
