import { type Environment, isInPipeline } from '../domain/environment.ts';
import type { Sink } from './sink.ts';
import { type ColorOptions, type Style, styleOf } from './style.ts';
import { ascii, linked } from './text.ts';
import { shellLines, wrapped } from './wrap.ts';

/** Formats text for a stream. If that isn't a terminal, text stays as it is. */
export class Display {
  readonly isTerminal: boolean;
  readonly isDumb: boolean;
  /** Whether the stream can show more than ASCII. */
  readonly unicode: boolean;
  readonly #sink: Sink;
  readonly #loadStyle: () => Promise<Style>;
  readonly #links: boolean;

  constructor(sink: Sink, env: Environment, color: ColorOptions, platform: NodeJS.Platform = process.platform) {
    this.#sink = sink;
    this.isTerminal = sink.isTTY === true;
    this.isDumb = isDumb(env);
    this.unicode = !this.isTerminal || hasUnicode(env, platform);
    this.#loadStyle = () => styleOf(sink, env, color);
    this.#links = this.isTerminal && hasLinks(env);
  }

  /** The current width in columns; infinite if the stream isn't a terminal. */
  get width(): number {
    return this.isTerminal ? this.#sink.columns || 80 : Number.POSITIVE_INFINITY;
  }

  /** Loads the palette. */
  style(): Promise<Style> {
    return this.#loadStyle();
  }

  /** Replaces characters that the stream can't show. */
  legible(text: string): string {
    return this.unicode ? text : ascii(text);
  }

  /** Returns a page of help as the terminal shows it: titles in bold, and examples that are too long in several lines. */
  page(text: string, { bold }: Style): string {
    const examples = text.replace(/^ {2}(\$ .+)$/gm, (line, command: string) =>
      line.length > this.width ? shellLines(command, this.width) : line,
    );
    return this.shown(examples.replace(/^(?:Usage:|[A-Z][A-Za-z ]+:$)/gm, (title) => bold(title)));
  }

  /** Formats text: breaks lines between words, and makes links of URLs. */
  shown(text: string): string {
    return this.isTerminal ? this.whole(wrapped(this.legible(text), this.width)) : text;
  }

  /** Formats text without breaking lines, for what users copy. */
  whole(text: string): string {
    return this.#links ? linked(this.legible(text)) : this.legible(text);
  }
}

/** Returns whether a terminal can show only lines of text: no colors, links, or cursor movement. */
export function isDumb(env: Environment): boolean {
  return env.TERM === 'dumb';
}

/**
 * Returns whether a terminal can show more than ASCII. The locale decides (POSIX, "Internationalization Variables": `LC_ALL`, then
 * `LC_CTYPE`, then `LANG`, and the C locale without them). On Windows without a locale, any terminal can but the console itself.
 */
export function hasUnicode(env: Environment, platform: NodeJS.Platform): boolean {
  // The Linux console has at most 512 glyphs, and ✓ isn't among them.
  if (env.TERM === 'linux') return false;
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG;
  if (platform === 'win32' && !locale) {
    return [env.WT_SESSION, env.TERM, env.TERM_PROGRAM, env.ConEmuTask, env.TERMINAL_EMULATOR].some(Boolean);
  }
  return /utf-?8/i.test(locale ?? '');
}

/**
 * Returns whether a terminal is known to support links (OSC 8); some others print them as text. The list and the variables are those
 * of the package supports-hyperlinks.
 */
export function hasLinks(env: Environment): boolean {
  const { FORCE_HYPERLINK, TERM = '', TERM_PROGRAM = '', TERM_PROGRAM_VERSION = '', VTE_VERSION = '' } = env;
  if (FORCE_HYPERLINK !== undefined) return FORCE_HYPERLINK !== '0';
  if (isDumb(env) || isInPipeline(env) || env.TMUX || TERM.startsWith('screen')) return false;
  if (env.WT_SESSION || env.KONSOLE_VERSION || env.DOMTERM) return true;
  if (['alacritty', 'xterm-kitty', 'xterm-ghostty', 'foot', 'contour'].includes(TERM)) return true;
  const [major = 0, minor = 0] = TERM_PROGRAM_VERSION.split('.').map((part) => Number.parseInt(part, 10));
  switch (TERM_PROGRAM) {
    case 'WezTerm':
      return major >= 20_200_620;
    case 'iTerm.app':
      return major > 3 || (major === 3 && minor >= 1);
    case 'vscode':
      return major > 1 || (major === 1 && minor >= 72);
    case 'ghostty':
    case 'zed':
    case 'Hyper':
      return true;
    default:
      // VTE 0.50.0 crashes on links.
      return Number(VTE_VERSION) > 5000;
  }
}
