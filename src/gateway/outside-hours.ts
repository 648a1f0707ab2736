import type { World } from '../context/world.ts';
import { CommandError } from '../domain/errors.ts';
import { isObject, memberOf } from '../domain/json.ts';
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
    const status = await askStatus(gateway);
    const seats = memberOf(status, 'seats');
    const known = Array.isArray(seats) ? seats.filter((seat) => memberOf(seat, 'state') !== 'draining') : [];
    const isOutside = known.length > 0 && known.every((seat) => memberOf(seat, 'state') === 'outside hours');
    if (!isOutside || memberOf(status, 'outside') !== 'fail') return undefined;
    const times = known.flatMap((seat) => (isObject(seat) ? (dateOf(seat.opensAt) ?? []) : []));
    const [next] = times.sort((a, b) => a.getTime() - b.getTime());
    const now = dateOf(memberOf(status, 'now'));
    const when =
      next && now
        ? `${seatsFrom(next, now, timeZone)} Until then, requests fail.`
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

function dateOf(value: unknown): Date | undefined {
  return typeof value === 'string' ? new Date(value) : undefined;
}
