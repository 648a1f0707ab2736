import type { Style } from './style.ts';
import { widthOf } from './width.ts';

/**
 * A secret to copy, alone on its line between two rules: a line selected whole is the secret and nothing else.
 *
 * @param width - of the terminal, in columns
 */
export function framed(secret: string, title: string, style: Style, width: number): string {
  const length = Math.min(width, Math.max(widthOf(secret), title.length + 6));
  const top = `── ${title} `.padEnd(length, '─');
  return `${style.dim(top)}\n${secret}\n${style.dim('─'.repeat(length))}\n`;
}

/** A new key's secret in a frame that says which key it is. */
export function framedKey(
  { apiKey, name }: { readonly apiKey: string; readonly name?: string | null | undefined },
  style: Style,
  width: number,
): string {
  return framed(apiKey, `API key${name ? ` ${name}` : ''}: save it now`, style, width);
}
