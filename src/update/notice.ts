import path from 'node:path';
import { cacheFolder } from '../config/folders.ts';
import type { Environment } from '../domain/environment.ts';
import type { Display } from '../output/display.ts';
import { startInBackground } from '../state/background.ts';
import { isNewer, readKnown, writeKnown } from './known.ts';

const day = 24 * 3_600_000;

/** Whom to tell, and how to find out. */
interface Listener {
  readonly env: Environment;
  /** Epoch milliseconds. */
  readonly now: number;
  /** The version that runs. */
  readonly version: string;
  readonly display: Display;
  readonly write: (text: string) => void;
  /** The program that asks the registry; its one argument is the file of what is known. */
  readonly program: string;
}

/**
 * Tells a person of a newer version, at most once a day. The registry is asked, at most once a day too, by a process of its own,
 * whose answer is told after a later command: no command waits for it. Nothing that goes wrong here is worth a word.
 */
export async function tellOfUpdate(listener: Listener): Promise<void> {
  const { env, now, version, display, write, program } = listener;
  if (env.CI || env.NO_UPDATE_NOTIFIER) return;
  const file = fileOfKnown(env);
  if (file === undefined) return;
  const known = readKnown(file);
  const { latest } = known;
  const toldAt = latest !== undefined && isNewer(latest, version) && isDue(known.toldAt, now) ? now : known.toldAt;
  const asks = isDue(known.askedAt, now);
  if (toldAt === known.toldAt && !asks) return;
  // Who cannot write that it was asked would ask each time.
  const next = { ...known, ...(asks && { askedAt: now }), ...(toldAt === undefined ? {} : { toldAt }) };
  if (!writeKnown(file, next, env)) return;
  if (toldAt !== known.toldAt) {
    const { bold } = await display.style();
    const command = bold('npm install --global cheapestinference');
    write(`${display.shown(`\nVersion ${latest} is out, this is ${version}: ${command}`)}\n`);
  }
  if (asks) await startInBackground(program, [file], { env, cwd: path.dirname(file) });
}

function fileOfKnown(env: Environment): string | undefined {
  try {
    return path.join(cacheFolder(env), 'update.json');
  } catch {
    return undefined;
  }
}

/** Whether something was done a day ago or longer; or, by a clock that went wrong, in the future. */
function isDue(at: number | undefined, now: number): boolean {
  return at === undefined || at > now || now - at >= day;
}
