import type { Environment } from '../domain/environment.ts';
import type { Sink } from './sink.ts';
import { type ColorOptions, type Style, styleOf } from './style.ts';
import { ascii, linked } from './text.ts';
import { wrapped } from './wrap.ts';

/** A stream as people see it. Off a terminal text stays as it is, and a line has any width. */
export class Display {
  readonly isTerminal: boolean;
  readonly isDumb: boolean;
  /** Whether more than ASCII can be shown. */
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

  /** How many columns a line has now. */
  get width(): number {
    return this.isTerminal ? this.#sink.columns || 80 : Number.POSITIVE_INFINITY;
  }

  /** Loads the palette. */
  style(): Promise<Style> {
    return this.#loadStyle();
  }

  /** Text in the characters that can be shown. */
  legible(text: string): string {
    return this.unicode ? text : ascii(text);
  }

  /** A page of help as it is shown, its titles set off. */
  page(text: string, { bold }: Style): string {
    return this.shown(text.replace(/^(?:Usage:|[A-Z][A-Za-z ]+:$)/gm, (title) => bold(title)));
  }

  /** Text as it is shown: broken between words, its addresses as links. */
  shown(text: string): string {
    return this.isTerminal ? this.whole(wrapped(this.legible(text), this.width)) : text;
  }

  /** Lines as they are shown that are not to be broken, to be copied for one. */
  whole(text: string): string {
    return this.#links ? linked(this.legible(text)) : this.legible(text);
  }
}

/** Whether a terminal can only take lines of text: no colour, no cursor that moves, no links. */
export function isDumb(env: Environment): boolean {
  return env.TERM === 'dumb';
}

/**
 * Whether a terminal shows more than ASCII: its locale says so (POSIX, "Internationalization Variables": `LC_ALL`, then
 * `LC_CTYPE`, then `LANG`; none is the C locale), or on Windows the terminal is none of the console's own.
 */
export function hasUnicode(env: Environment, platform: NodeJS.Platform): boolean {
  // The Linux console has 256 or 512 glyphs, and ✓ is none of them.
  if (env.TERM === 'linux') return false;
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG;
  if (platform === 'win32' && !locale) {
    return [env.WT_SESSION, env.TERM, env.TERM_PROGRAM, env.ConEmuTask, env.TERMINAL_EMULATOR].some(Boolean);
  }
  return /utf-?8/i.test(locale ?? '');
}

/**
 * Whether a terminal is known to have links (OSC 8). Most others show nothing of them, but some print them as text. The list is
 * that of the package supports-hyperlinks, as are its variables to decide otherwise.
 */
export function hasLinks(env: Environment): boolean {
  const { FORCE_HYPERLINK, TERM = '', TERM_PROGRAM = '', TERM_PROGRAM_VERSION = '', VTE_VERSION = '' } = env;
  if (FORCE_HYPERLINK !== undefined) return FORCE_HYPERLINK !== '0';
  if (isDumb(env) || env.CI || env.TMUX || TERM.startsWith('screen')) return false;
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
      // VTE 0.50.0 crashes at them.
      return Number(VTE_VERSION) > 5000;
  }
}
