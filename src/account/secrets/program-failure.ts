import { withoutPeriod } from '../../domain/errors.ts';
import { masked, redacted } from '../../domain/secrets.ts';
import { harmless, withoutSequences } from '../../output/text.ts';
import type { ProgramResult } from '../../programs/run-program.ts';

/** Matches a line of the log of kubectl, which comes before its message. */
const logLine = /^[IWEF]\d{4} \d\d:\d\d:\d\d/;

/** How many lines of a program's message are shown, and how many characters of it. */
const mostLines = 3;
const mostText = 300;

/**
 * Returns why a program failed, in its own words if it has any. The program may have printed the secret, which isn't shown.
 *
 * @param name - of the program
 */
export function failureText(
  name: string,
  { failure = '', stdout, stderr }: Pick<ProgramResult, 'failure' | 'stdout' | 'stderr'>,
  secret?: string,
): string {
  const message = shownText(stderr, secret) || shownText(stdout, secret);
  if (message === '') return `${name} failed: ${failure}`;
  // A program that was killed may have printed only a part of its message.
  return failure.startsWith('it exited') ? `${name}: ${message}` : `${name} failed: ${failure} (${message})`;
}

/** Returns the beginning of a program's output in one line, without the secret. */
function shownText(output: string, secret: string | undefined): string {
  const lines = withoutSequences(output)
    .split(/[\r\n]+/)
    .map((line) => harmless(line).trim())
    .filter((line) => /[\p{L}\p{N}]/u.test(line) && !logLine.test(line));
  if (secret !== undefined && isBroken(lines, secret)) return '';
  // Notices about the program itself may come first.
  const start = Math.max(
    0,
    lines.findIndex((line) => /\berror\b/i.test(line)),
  );
  const text = redacted(withoutSecret(lines.slice(start, start + mostLines).join(' '), secret));
  return withoutPeriod(text.length > mostText ? `${text.slice(0, mostText).trimEnd()}…` : text);
}

/** Replaces a secret, also as Base64. */
function withoutSecret(text: string, secret: string | undefined): string {
  if (secret === undefined) return text;
  return formsOf(secret).reduce((shown, form) => shown.replaceAll(form, masked(secret)), text);
}

/** Returns whether a text has a secret that spaces or line breaks divide, so that its parts wouldn't be recognized. */
function isBroken(lines: readonly string[], secret: string): boolean {
  const dense = lines.join('').replace(/\s/g, '');
  const count = (text: string) => formsOf(secret).reduce((sum, form) => sum + text.split(form).length - 1, 0);
  return count(dense) > count(lines.join('\n'));
}

function formsOf(secret: string): readonly string[] {
  const base64 = Buffer.from(secret).toString('base64');
  return [secret, base64, base64.replace(/=+$/, '')];
}
