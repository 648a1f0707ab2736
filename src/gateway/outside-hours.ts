import type { World } from '../context/world.ts';
import { CommandError } from '../domain/errors.ts';
import { relativeTime, timeOfDay } from '../output/time.ts';
import { askStatus } from './gateway-client.ts';
import type { RunningGateway } from './running-gateways.ts';

/**
 * Returns a note for people if a gateway refuses requests now because all its seats are outside their hours. Undefined if it doesn't, or
 * doesn't say: the note must not keep a command from running.
 */
export async function outsideNote(
  gateway: RunningGateway,
  { timeZone }: Pick<World, 'timeZone'>,
): Promise<string | undefined> {
  try {
    const { seats, outside, now } = await askStatus(gateway);
    const known = seats.filter(({ state }) => state !== 'draining');
    const isOutside = known.length > 0 && known.every(({ state }) => state === 'outside hours');
    if (!isOutside || outside !== 'fail') return undefined;
    const times = known.flatMap(({ opensAt }) => (opensAt === null ? [] : new Date(opensAt)));
    const [next] = times.sort((a, b) => a.getTime() - b.getTime());
    const when =
      next && now !== null
        ? `${seatsFrom(next, new Date(now), timeZone)} Until then, requests fail.`
        : 'No seat is within its hours now, so requests fail.';
    return `${when} ${gateway.untilUnused ? startFirst : startAgain} Or reserve a seat in another block.`;
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}

const startFirst =
  'To let them wait or to pay for them with credit, start the gateway with `ci gateway --background --outside wait` or `--outside credit` before this command.';
const startAgain =
  'To let them wait or to pay for them with credit, stop the gateway with `ci gateway stop`, and start it with `ci gateway --background --outside wait` or `--outside credit`.';

/** Returns a sentence that says when the hours of the seats begin. @param timeZone - of the user */
export function seatsFrom(next: Date, now: Date, timeZone: string): string {
  return `No seat is within its hours before ${timeOfDay(next, timeZone)} local time (${relativeTime(next, now)}).`;
}
