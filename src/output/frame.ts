import type { Style } from './style.ts';
import { widthOf } from './width.ts';

/**
 * Returns a secret on a line of its own between two rules, so that selecting the line copies only the secret.
 *
 * @param width - of the terminal, in columns
 */
export function framed(secret: string, title: string, style: Style, width: number): string {
  const length = Math.min(width, Math.max(widthOf(secret), title.length + 6));
  const top = `── ${title} `.padEnd(length, '─');
  return `${style.dim(top)}\n${secret}\n${style.dim('─'.repeat(length))}\n`;
}

/** Returns the secret of a new key in a frame with its name. */
export function framedKey(
  { apiKey, name }: { readonly apiKey: string; readonly name?: string | null | undefined },
  style: Style,
  width: number,
): string {
  return framed(apiKey, `API key${name ? ` ${name}` : ''}: save it now`, style, width);
}
