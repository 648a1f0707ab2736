import { randomBytes } from 'node:crypto';
import type { Context } from '../../context/context.ts';
import type { Rotation } from '../../state/rotation.ts';
import { beginRotations, whileClaimed } from './begin.ts';
import { beginTogether } from './begin-shared.ts';
import type { UnfinishedRotations } from './run-rotations.ts';

/** Ends rotations that have nothing left to do, unless another process works on them. @throws CommandError */
export async function endRotations(
  context: Pick<Context, 'clocks' | 'record' | 'world'>,
  { store, idle, at }: UnfinishedRotations,
  begun: readonly Rotation[],
): Promise<void> {
  const claim = randomBytes(6).toString('hex');
  const work = { fresh: [], begun, options: {} };
  await whileClaimed(context, claim, async () => {
    const { shared } = store;
    const { queue } = shared
      ? await beginTogether(context, work, {
          ...{ store, shared, claim, idle, startedAt: at, isTogether: false, isAgain: false },
          atOnce: begun.length,
          hasEnded: () => false,
        })
      : await beginRotations(context, store, claim, work);
    for (const running of await queue.next()) await running.end();
  });
}
