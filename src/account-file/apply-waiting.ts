import type { KeyContext } from '../account/keys/create.ts';
import type { ReserveStep } from '../domain/account-plan.ts';
import { CommandError } from '../domain/errors.ts';
import { type CheckResult, checkUntilDone, Pace } from '../domain/pace.ts';
import { inWords } from '../output/text.ts';
import { endsWatch } from '../watch/failures.ts';
import { PoolPoller } from '../watch/poll.ts';
import { reserveSeats, type SeatOptions } from './apply-seats.ts';
import type { StepResults } from './step-results.ts';

/** The time between two checks, in milliseconds. */
const interval = 15_000;

/**
 * Waits until sold-out seats are available, and reserves them under the same limits as all others. A step is tried again only if it
 * failed because the API did, and nothing was charged.
 *
 * @param reserved - called after each step that was carried out
 * @throws CommandError (interrupted); any other error that ends the wait
 */
export async function waitForSeats(
  context: KeyContext,
  steps: readonly ReserveStep[],
  options: SeatOptions,
  { results, reserved }: { readonly results: StepResults; readonly reserved: (step: ReserveStep) => Promise<void> },
): Promise<void> {
  const { clocks, output, progress } = context;
  const api = await context.api();
  let left = await Promise.all(
    steps.map(async (step) => {
      const { pool, blocks } = step.seats;
      const target = { pools: [pool], blocks, together: true, quantity: step.missing };
      return { step, poller: await PoolPoller.start({ api, clocks }, target) };
    }),
  );
  const names = steps.map(({ seats: { pool, blocks } }) => `${inWords(blocks)} of ${pool}`);
  output.note(
    `Waiting until ${inWords(names, 'or')} is available. Ctrl-C quits, and \`ci apply\` then continues where it ended.`,
  );
  const check = async (): Promise<CheckResult> => {
    for (const { step, poller } of [...left]) {
      const poll = await poller.poll();
      if (!poll.pools.every(({ blocks }) => blocks.every(({ open }) => open))) continue;
      const reservation = await reserveSeats(context, step, options, results);
      const { kind } = reservation;
      // Someone else was faster.
      if (kind === 'sold-out') continue;
      if (kind === 'failing') throw reservation.error;
      left = left.filter((each) => each.step !== step);
      if (kind === 'reserved') await reserved(step);
      if (results.end) return { kind: 'done' };
    }
    return { kind: left.length === 0 ? 'done' : 'again' };
  };
  let lastFailure: string | undefined;
  await progress.during('Waiting for seats', () =>
    checkUntilDone({
      clocks,
      pace: new Pace(interval),
      check: async () => {
        try {
          const result = await check();
          lastFailure = undefined;
          return result;
        } catch (error) {
          if (!(error instanceof CommandError) || endsWatch(error)) throw error;
          // A wait can take days.
          if (error.message !== lastFailure)
            output.note(`Can't check whether seats are available: ${error.message}. Trying again.`);
          lastFailure = error.message;
          return { kind: 'failed', error };
        }
      },
    }),
  );
}
