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

/** The API keys in an answer, each as it was made. */
export function keysIn(text: string): string[] {
  return [...new Set(text.match(/\bsk[_-][A-Za-z0-9_-]+/g) ?? [])].filter(isWholeKey);
}

/** Whether a text is an API key as it was made, and not one that was masked or cut short for show. */
export function isWholeKey(text: string | null | undefined): text is string {
  return text != null && isConsumptionKey(text) && text.length >= 20;
}

/**
 * A key wherever it stands; what is masked already stays as it is. After a letter only what no word looks like
 * (`task_list` and `disk-usage` do not), unless the letter ends an escape: `%3Dsk_…`, `\nsk_…`.
 */
const keyInText =
  /(?:mk_|sk_(?:live|pool)_(?!…)|(?:(?<![A-Za-z])|(?<=%[0-9A-Fa-f]{2}|\\[bfnrt]|\\u[0-9A-Fa-f]{4}))sk[_-](?!(?:live|pool)_…)|sk[_-](?=[A-Za-z_-]*\d)(?=[A-Za-z0-9_-]{16}))[A-Za-z0-9_-]{4,}/g;

/** A key that can be told from others but not used: `sk_live_…9f3a`. */
export function masked(secret: string): string {
  const prefix = /^(?:mk_|sk_(?:live_|pool_)?|sk-)/.exec(secret)?.[0] ?? '';
  const rest = secret.slice(prefix.length);
  return `${prefix}…${rest.length >= 12 ? rest.slice(-4) : ''}`;
}

/** A text with every key in it masked, and every Authorization header emptied. */
export function redacted(text: string): string {
  return text
    .replace(/(authorization\\?["']?\s*[:=]\s*\\?["']?(?:(?:bearer|basic)\s+)?)[^\s"',\\]+/gi, '$1…')
    .replace(keyInText, masked);
}
