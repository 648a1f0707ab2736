import type { Environment } from '../domain/environment.ts';
import { lazy } from '../domain/lazy.ts';
import { type Sink, withWrite } from './sink.ts';

/**
 * Returns whether output goes to a workflow log that obeys commands in it, as GitHub Actions does.
 *
 * A command is a line that begins with `::name::`, also after spaces, or that has `##[name]` anywhere. Source: actions/runner,
 * `ActionCommand.TryParseV2` and `TryParse`.
 */
export function isWorkflowLog({ GITHUB_ACTIONS }: Environment): boolean {
  return GITHUB_ACTIONS === 'true';
}

/** Matches commands. Built lazily, because it takes a good part of a millisecond and most output goes elsewhere. */
const patterns = lazy(() => {
  // The runner skips spaces, and its text comparison ignores these characters.
  const skipped = String.raw`(?:(?![\r\n])[\s\p{Cc}\p{Default_Ignorable_Code_Point}])*`;
  return {
    command: new RegExp(String.raw`((?:^|[\r\n])${skipped}:)(?=${skipped}:)`, 'gu'),
    olderCommand: new RegExp(String.raw`(#${skipped})#(?=${skipped}\[)`, 'gu'),
    /** Matches a text whose last line is still blank. */
    blankEnd: new RegExp(String.raw`(?:^|[\r\n])${skipped}$`, 'u'),
  };
});

/**
 * Removes commands from a text by putting a space between the characters that make one.
 *
 * @param atStart - whether it begins a line
 */
export function withoutWorkflowCommands(text: string, atStart = true): string {
  const { command, olderCommand } = patterns();
  // With a character in front, the text doesn't begin a line.
  const before = atStart ? '' : '.';
  return `${before}${text}`.replace(command, '$1 ').replace(olderCommand, '$1 #').slice(before.length);
}

/** Removes commands from JSON without changing its value. JSON never begins with a colon, and has `##[` only in strings. */
export function jsonWithoutWorkflowCommands(json: string): string {
  return json.replace(patterns().olderCommand, '$1\\u0023');
}

/** Wraps a sink so that it passes on no commands. The tool writes its own commands to the wrapped sink. */
export function workflowSafeSink(sink: Sink): Sink {
  let atStart = true;
  return withWrite(sink, (text, done) => {
    const safe = withoutWorkflowCommands(text, atStart);
    atStart = patterns().blankEnd.test(atStart ? text : `.${text}`);
    return sink.write(safe, done);
  });
}

/** Has secrets masked in the log of GitHub Actions, which reads such commands on stderr, too. */
export function maskInLog(
  { env, stderr }: { readonly env: Environment; readonly stderr: Pick<Sink, 'write'> },
  secrets: readonly string[],
): void {
  if (!isWorkflowLog(env)) return;
  for (const secret of secrets) stderr.write(`::add-mask::${inCommand(secret)}\n`);
}

/** Returns a text as a command of GitHub Actions takes it: on one line. Source: `@actions/core`, `escapeData`. */
function inCommand(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}
