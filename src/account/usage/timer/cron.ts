import type { World } from '../../../context/world.ts';
import { DocumentError } from '../../../documents/document.ts';
import { markedLines, markedLinesFormat } from '../../../documents/marked-lines.ts';
import { CommandError } from '../../../domain/errors.ts';
import { shellWord } from '../../../domain/shell-word.ts';
import { findProgram } from '../../../programs/find-program.ts';
import { type ProgramResult, runProgram } from '../../../programs/run-program.ts';
import { keptVariables } from '../../user-units.ts';
import { type Timer, type TimerKind, times } from './timer.ts';

/** Lines in the user's crontab. */
export const cronTimer: TimerKind = {
  async problem(world) {
    return 'file' in findProgram('crontab', world) ? undefined : "crontab isn't installed";
  },
  timer: (world) => new CronTimer(world),
};

class CronTimer implements Timer {
  readonly scheduler = 'cron';
  readonly place = 'crontab';
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async installed(): Promise<string | undefined> {
    const { lines } = parsed(await this.#read());
    return Array.isArray(lines) ? `${lines.join('\n')}\n` : undefined;
  }

  /**
   * cron has the time zone of the system, so it looks every quarter of an hour whether it is time in UTC. A percent sign ends the
   * command unless it is escaped (crontab(5)).
   */
  text(words: readonly string[]): string {
    const { env } = this.#world;
    const variables = keptVariables.flatMap((name) => (env[name] ? [`${name}=${shellWord(env[name])}`] : []));
    const command = [...variables, ...words.map(shellWord)].join(' ');
    const hours = times.map((time) => time.replace(':', '')).join('|');
    const line = `case $(date -u +%H%M) in ${hours}) ${command} >/dev/null;; esac`;
    return `*/15 * * * * ${line.replaceAll('%', '\\%')}\n`;
  }

  async install(words: readonly string[]): Promise<string | undefined> {
    const text = this.text(words);
    if (text.trimEnd().includes('\n')) {
      throw new CommandError('unavailable', "A crontab can't have a command with a line break", {
        hint: 'Install ci in a directory without one.',
        outcome: 'not_applied',
      });
    }
    const before = await this.#read();
    return this.#write(markedLinesFormat.set(before, { path: markedLines, value: [text.trimEnd()] }).text);
  }

  async remove(): Promise<string | undefined> {
    const text = await this.#read();
    return this.#write(markedLinesFormat.unset(text, { path: markedLines, value: [], depth: 0, lead: '' }));
  }

  async #read(): Promise<string> {
    const { failure, stdout, stderr, isCut } = await this.#run(['-l']);
    if (failure === undefined && !isCut) return stdout;
    // A user without a crontab.
    if (failure !== undefined && /no crontab/i.test(stderr)) return '';
    const reason = isCut ? 'it is too long' : stderr.trim().split('\n')[0] || failure;
    throw new CommandError('file_error', `Your crontab can't be read: ${reason}`, { outcome: 'not_applied' });
  }

  async #write(text: string): Promise<string | undefined> {
    const { failure, stderr } = await this.#run(['-'], text);
    return failure === undefined ? undefined : stderr.trim().split('\n')[0] || failure;
  }

  #run(args: readonly string[], input = ''): Promise<ProgramResult> {
    const found = findProgram('crontab', this.#world);
    const { env, sleep, interrupt } = this.#world;
    if (!('file' in found)) throw new CommandError('unavailable', "crontab isn't installed");
    return runProgram(found.file, args, { input, env, cwd: undefined, timeout: 30_000, sleep, interrupt });
  }
}

function parsed(text: string): { readonly lines?: unknown } {
  try {
    const value = markedLinesFormat.parse(text);
    return typeof value === 'object' && value !== null && 'lines' in value ? value : {};
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    throw new CommandError('file_error', `Your crontab can't be changed: ${error.message}`, {
      hint: 'Correct it with `crontab -e`.',
      outcome: 'not_applied',
    });
  }
}
