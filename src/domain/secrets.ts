/**
 * What the two kinds of key look like. Source: Management API (`mk_`), Per-Key Plans and Usage (`sk_live_`, `sk_pool_`);
 * other clients of the API hold keys of the form `sk-…` too.
 */
const managementKey = /^mk_[A-Za-z0-9_-]+$/;
const consumptionKey = /^sk[_-][A-Za-z0-9_-]+$/;

export function isManagementKey(text: string): boolean {
  return managementKey.test(text);
}

export function isConsumptionKey(text: string): boolean {
  return consumptionKey.test(text);
}

/** A key that can be told from others but not used: `sk_live_…9f3a`. */
export function masked(secret: string): string {
  const prefix = /^(?:mk_|sk_(?:live_|pool_)?|sk-)/.exec(secret)?.[0] ?? '';
  const rest = secret.slice(prefix.length);
  return `${prefix}…${rest.length >= 12 ? rest.slice(-4) : ''}`;
}

/** A text with every key in it masked, and every Authorization header emptied. */
export function redacted(text: string): string {
  return text
    .replace(/(authorization["']?\s*[:=]\s*["']?(?:bearer\s+)?)[^\s"',]+/gi, '$1…')
    .replace(/(?<![A-Za-z])(?:mk_|sk_|sk-)[A-Za-z0-9_-]{4,}(?![A-Za-z0-9_\-…])/g, masked);
}
