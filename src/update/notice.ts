import path from 'node:path';
import { cacheFolder } from '../config/folders.ts';
import { type Environment, isInPipeline } from '../domain/environment.ts';
import type { Display } from '../output/display.ts';
import { startInBackground } from '../state/background.ts';
import { type Installation, updateInstructions } from './installation.ts';
import { isNewer, readKnown, writeKnown } from './known.ts';

const day = 24 * 3_600_000;

/** What the notice depends on. */
interface NoticeOptions {
  readonly env: Environment;
  /** Epoch milliseconds. */
  readonly now: number;
  /** The version that runs. */
  readonly version: string;
  /** What to update. */
  readonly installation: Installation;
  readonly display: Display;
  readonly write: (text: string) => void;
  /** The program that asks the registry, as in `startInBackground`. Its argument is the file that keeps the answer. */
  readonly program: readonly string[];
}

/**
 * Announces a newer version, at most once a day. A background process asks the registry, also at most once a day, and a later
 * command announces its answer, so that no command waits. Failures are ignored.
 */
export async function announceUpdate(options: NoticeOptions): Promise<void> {
  const { env, now, version, installation, display, write, program } = options;
  if (isInPipeline(env) || env.NO_UPDATE_NOTIFIER) return;
  const file = knownFile(env);
  if (file === undefined) return;
  const known = readKnown(file);
  const { latest } = known;
  const announcedAt =
    latest !== undefined && isNewer(latest, version) && isDue(known.announcedAt, now) ? now : known.announcedAt;
  const asks = isDue(known.askedAt, now);
  if (announcedAt === known.announcedAt && !asks) return;
  // If the time can't be saved, every command would ask.
  const next = { ...known, ...(asks && { askedAt: now }), ...(announcedAt === undefined ? {} : { announcedAt }) };
  if (!writeKnown(file, next, env)) return;
  if (announcedAt !== known.announcedAt) {
    const { bold } = await display.style();
    write(
      `${display.shown(`\nVersion ${latest} is available. Update with ${bold(updateInstructions(installation))}`)}\n`,
    );
  }
  if (asks) await startInBackground(program, [file], { env, cwd: path.dirname(file) });
}

function knownFile(env: Environment): string | undefined {
  try {
    return path.join(cacheFolder(env), 'update.json');
  } catch {
    return undefined;
  }
}

/** Returns whether something is due again: a day has passed, or the clock was set back. */
function isDue(at: number | undefined, now: number): boolean {
  return at === undefined || at > now || now - at >= day;
}
