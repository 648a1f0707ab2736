import { durationInWords } from '../../domain/duration.ts';
import { CommandError } from '../../domain/errors.ts';
import { timeOfDay } from '../../output/time.ts';
import { ownProgram } from './prove.ts';
import { type RotationContext, type RunningRotation, worldOf } from './replace.ts';

/** How long to wait until a program that ends the overlap runs again, in milliseconds. */
const programPause = 10_000;
/** How long keys that are due wait for others, in milliseconds, because the list of keys is read for each group. */
const together = 10_000;
/** The longest wait until the clock is read again, in milliseconds. The machine may have been asleep. */
const longestWait = 60_000;

/** Returns when an old key may be revoked, epoch milliseconds; undefined if a program decides. */
function dueAt({ now: { overlap, provenAt = 0, hasGap } }: RunningRotation, wall: number): number | undefined {
  if (hasGap) return wall;
  // A time in the future was recorded before the clock was set back.
  return typeof overlap === 'number' ? Math.min(provenAt, wall) + overlap : undefined;
}

/** Returns whether an old key has to stay valid for some time. */
export function hasOverlap({ now }: RunningRotation): boolean {
  return now.overlap !== 0 && !now.hasGap;
}

/**
 * Waits until old keys may be revoked, and passes them on as soon as they may. All of them wait at the same time.
 *
 * @throws CommandError (interrupted); (file_error) if a program that decides can't be run
 */
export async function waitForOverlaps(
  context: RotationContext,
  waiting: readonly RunningRotation[],
  pass: (due: readonly RunningRotation[]) => Promise<void>,
): Promise<void> {
  const { clocks, output, progress } = context;
  let left = [...waiting];
  let isNoted = false;
  while (left.length > 0) {
    const wall = clocks.wall();
    const ended = await endedPrograms(context, left);
    const isDue = (each: RunningRotation) => ended.has(programOf(each)) || (dueAt(each, wall) ?? wall + 1) <= wall;
    const due = left.filter(isDue);
    if (due.length > 0) {
      left = left.filter((each) => !isDue(each));
      await pass(due);
      continue;
    }
    const times = left.flatMap((each) => dueAt(each, wall) ?? []);
    const text = waitText(context, left, times);
    if (!isNoted) output.note(`${text} Ctrl-C keeps both keys valid. \`ci keys rotate --resume\` then continues.`);
    isNoted = true;
    const pause = Math.min(lastOfFirst(times) - wall, left.length > times.length ? programPause : longestWait);
    await progress.during(text.replace(/\.$/, ''), () => clocks.sleep(Math.min(pause, longestWait)));
  }
}

/** Returns the last of the times that are soon after the first one, so that keys that are due one after the other are revoked together. */
function lastOfFirst(times: readonly number[]): number {
  const first = times.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY);
  return times.reduce((last, time) => (time <= first + together ? Math.max(last, time) : last), first);
}

/** Names the program that ends an overlap, with the directory in which it runs; undefined if a time does. */
function programOf({ now: { overlap, place } }: RunningRotation): string | undefined {
  return typeof overlap === 'string' ? `${place.cwd}\n${overlap}` : undefined;
}

/** Runs each program that ends an overlap once. @returns those that succeeded */
async function endedPrograms(
  context: RotationContext,
  waiting: readonly RunningRotation[],
): Promise<ReadonlySet<string | undefined>> {
  const ended = new Set<string | undefined>();
  const programs = new Map(waiting.flatMap((each) => (programOf(each) ? [[programOf(each), each.now] as const] : [])));
  for (const [name, rotation] of programs) {
    const run = ownProgram(worldOf(context, rotation), String(rotation.overlap), 'The overlap goes on');
    try {
      await run([]);
      ended.add(name);
    } catch (error) {
      if (!(error instanceof CommandError) || error.code === 'interrupted') throw error;
    }
  }
  return ended;
}

function waitText(
  { clocks, world }: RotationContext,
  waiting: readonly RunningRotation[],
  times: readonly number[],
): string {
  const keys = waiting.length === 1 ? 'the old key is revoked' : 'the old keys are revoked';
  if (times.length === 0) return `Waiting for the program before ${keys}.`;
  const next = Math.min(...times);
  const left = durationInWords(next - clocks.wall());
  return `Waiting ${left}, until ${timeOfDay(new Date(next), world.timeZone)}, before ${keys}.`;
}
