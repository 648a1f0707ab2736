import {
  createPrompt,
  isDownKey,
  isEnterKey,
  isTabKey,
  isUpKey,
  makeTheme,
  type Status,
  type Theme,
  useEffect,
  useKeypress,
  usePrefix,
  useRef,
  useState,
} from '@inquirer/core';
import type { Check } from './question.ts';

/** How a line prompt looks. */
interface LineTheme {
  readonly prefix: Theme['prefix'];
  readonly spinner: Theme['spinner'];
  readonly icon: { readonly cursor: string };
  readonly style: {
    answer(text: string): string;
    message(text: string, status: Status): string;
    error(text: string): string;
    defaultAnswer(text: string): string;
    highlight(text: string): string;
    keysHelpTip(keys: readonly (readonly [key: string, action: string])[]): string;
  };
}

/** What a line prompt asks. */
interface LineQuestion {
  readonly message: string;
  readonly theme: LineTheme;
  readonly check: Check;
  /** The answer if the user only presses Enter. */
  readonly suggestion?: string | undefined;
  /** What stands behind the question until something is typed; default: the suggestion. */
  readonly hint?: string | undefined;
  /** Text in the line at first. */
  readonly earlier?: string | undefined;
  /** Stands for each character that is typed. */
  readonly mask?: string | undefined;
  /** Whether to remove a refused answer from the line, so that another can be typed or pasted. */
  readonly clearsRefused?: boolean;
  /** The entries below the line. Enter in an empty line chooses one. */
  readonly entries?: readonly { readonly name: string; readonly short: string }[];
  /** Index of the entry that is selected at first. */
  readonly selected?: number;
  /** Shows an answer; default: as it was typed. */
  readonly shown?: (answer: string) => string;
}

/** The answer: a text, the index of an entry, or what the check threw. */
export type LineAnswer = { readonly typed: string } | { readonly entry: number } | { readonly failure: unknown };

/**
 * Asks for a line of text, hidden or not, with or without entries to choose from instead. Inquirer's own prompts for text have no
 * entries, name no keys, and keep a refused secret in the line.
 */
export const linePrompt = createPrompt<LineAnswer, LineQuestion>((question, done) => {
  const { check, suggestion = '', earlier = '', mask, entries = [], shown = (answer) => answer } = question;
  const theme = makeTheme<LineTheme>(question.theme);
  const [status, setStatus] = useState<Status>('idle');
  const [line, setLine] = useState('');
  const [answer, setAnswer] = useState('');
  const [mistake, setMistake] = useState('');
  const [active, setActive] = useState(question.selected ?? 0);
  const isOver = useRef(false);
  const prefix = usePrefix({ status, theme });

  useEffect((readline) => {
    if (earlier !== '') {
      readline.write(earlier);
      setLine(earlier);
    }
    return () => {
      isOver.current = true;
    };
  }, []);

  useKeypress(async (key, readline) => {
    // Keys that are typed while an answer is checked don't count.
    if (status !== 'idle') return;
    const replace = (text: string) => {
      readline.clearLine(0);
      readline.write(text);
      setLine(text);
    };
    if (!isEnterKey(key)) {
      const step = isUpKey(key) ? -1 : isDownKey(key) ? 1 : 0;
      // Readline would replace the line with an earlier answer, or put a tab in it, which only a secret may contain.
      if (step !== 0) {
        replace(line);
        setActive(Math.max(0, Math.min(entries.length - 1, active + step)));
      } else if (isTabKey(key) && mask === undefined) replace(line === '' ? suggestion : line);
      else {
        setLine(readline.line);
        setMistake('');
      }
      return;
    }
    const entry = entries[active];
    if (line === '' && entry) {
      setAnswer(entry.short);
      setStatus('done');
      return done({ entry: active });
    }
    const typed = line || suggestion;
    setStatus('loading');
    try {
      const found = await check(typed);
      if (isOver.current) return;
      if (found === undefined) {
        setAnswer(mask === undefined ? shown(typed) : mask.repeat(typed.length));
        setStatus('done');
        return done({ typed });
      }
      // Readline has put the keys that were typed meanwhile in its line.
      readline.clearLine(0);
      if (question.clearsRefused) setLine('');
      else readline.write(line);
      setMistake(found);
      setStatus('idle');
    } catch (failure) {
      if (!isOver.current) done({ failure });
    }
  });

  const message = theme.style.message(question.message, status);
  if (status === 'done') return [prefix, message, theme.style.answer(answer)].join(' ');
  const hint = question.hint ?? suggestion;
  const rest = line !== '' ? (mask?.repeat(line.length) ?? line) : hint === '' ? '' : theme.style.defaultAnswer(hint);
  const list = entries.map(({ name }, at) =>
    at === active && line === '' ? theme.style.highlight(`${theme.icon.cursor} ${name}`) : `  ${name}`,
  );
  const tips = theme.style.keysHelpTip([
    ...(entries.length > 1 ? [['↑↓', 'navigate'] as const] : []),
    ...(entries.length > 0 ? [['⏎', 'select'] as const] : []),
  ]);
  const below = [
    ...(mistake === '' ? [] : [theme.style.error(mistake)]),
    ...list,
    ...(list.length > 0 ? [''] : []),
    ...(tips === '' ? [] : [tips]),
  ];
  return [[prefix, message, rest].join(' '), below.join('\n')];
});
