import type { Block } from '../../src/domain/blocks.ts';
import { type DropRequest, scheduleDrop } from '../../src/sandbox/state.ts';
import { machineStart, type TestSandbox } from './sandbox.ts';
import {
  type Behavior,
  forward,
  type Instead,
  type Received,
  type RecordingServer,
  recordedSandbox,
  reset,
} from './servers.ts';

/** Seats that open at the nth request for the list of pools, and close at a later one. */
interface Drop {
  readonly pool?: string;
  readonly block?: Block;
  /** The requests at which it opens, closes, opens again, and so on, counted from 1. */
  readonly at: readonly number[];
  readonly seats?: number;
  readonly instead?: Instead;
}

/** For how long a drop is open, and then closed, in seconds of the sandbox. */
const lasts = 10_000;

/** Starts the sandbox, in which the americas block of minimax-m3 is sold out except for a drop. */
export async function dropping({
  pool = 'minimax-m3',
  block = 'americas',
  at,
  seats = 1,
  instead,
}: Drop): Promise<RecordingServer & { readonly box: TestSandbox }> {
  let lists = 0;
  const api = await recordedSandbox({
    instead: (request, box) => {
      if (request.method === 'GET' && request.path === '/api/pools') lists += 1;
      const other = instead?.(request, box);
      if (other || request.path !== '/api/pools' || !at.includes(lists)) return other;
      return async (asked, response) => {
        await box.advance(lasts);
        await forward(box.url, asked, response);
      };
    },
  });
  const openings = Math.ceil(at.length / 2);
  for (let opening = 0; opening < openings; opening += 1) {
    const drop: DropRequest = { pool, block, opensIn: (2 * opening + 1) * lasts, lasts, seats, rivals: 0 };
    await scheduleDrop({ folder: api.box.folder, now: () => machineStart }, drop);
  }
  return api;
}

/**
 * Loses the response to a purchase, and applies it after the watch has continued, when it lists the pools for the second time
 * after the loss. Then another client creates a key for it.
 *
 * @param answered - the first response to the purchase
 */
export function comesLate(answered: Behavior = reset): Instead {
  let order: Received | undefined;
  let lists = 0;
  return (request, box) => {
    if (request.method === 'POST' && request.path.endsWith('/subscribe')) {
      order = request;
      return answered;
    }
    const ordered = order;
    if (!ordered || request.path !== '/api/pools' || ++lists !== 2) return undefined;
    return async (asked, response) => {
      await box.call('POST', ordered.path, { text: ordered.body });
      await box.data('POST', '/api/keys/subscription', { name: 'somebody-elses' });
      await forward(box.url, asked, response);
    };
  };
}
