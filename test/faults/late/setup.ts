/** Returns whether the terminal shows a question at the end. */
const isQuestion = /[?:)] $/;

/**
 * Answers the questions of `ci setup`: accepts the suggestions, chooses the pool and block of the other commands, agrees to one
 * charge, and has the key shown on the screen.
 *
 * @param shown - the output since the last answer
 */
export function answerSetup(shown: string): string | undefined {
  if (!isQuestion.test(shown)) return undefined;
  if (/\(y\/N\) $/i.test(shown)) return /(charge|pay|subscribe)[^\n]*\(y\/N\) $/i.test(shown) ? 'y' : 'n';
  const screen = /^ *(\d+) .*\bscreen\b/m.exec(shown)?.[1];
  if (screen !== undefined) return screen;
  if (/^ *\d+ +kimi26\b/m.test(shown)) return 'kimi26';
  if (/^ *\d+ +europe\b/m.test(shown)) return 'europe';
  return /^ *1 /m.test(shown) ? '1' : '';
}
