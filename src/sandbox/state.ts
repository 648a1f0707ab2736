import { freshAccount } from './account.ts';
import { settle } from './settle.ts';
import { openStore } from './store.ts';

/** A management key that the sandbox accepts. */
export const sandboxManagementKey = 'mk_sandbox';

/** The last moment the sandbox's clock can show: beyond it the API's times have no four-digit year. */
const endOfTime = Date.UTC(9999, 11, 31);

/**
 * Starts a new account in the folder, at 09:00 UTC; running servers go on with it.
 *
 * @param options - `card`: whether a payment card is on file
 * @param now - the machine's clock, epoch milliseconds
 */
export async function resetSandbox(
  folder: string,
  options: { card: boolean },
  now: () => number = Date.now,
): Promise<void> {
  await openStore(folder, now).replace(freshAccount(options, now()));
}

/**
 * Moves the sandbox's clock on, and lets happen what falls due in between: renewals, endings, keys handed over.
 *
 * @param milliseconds - how far, ≥ 0
 * @param now - the machine's clock, epoch milliseconds
 * @returns the sandbox's new time
 * @throws RangeError when the clock would go back, or past the year 9999
 */
export async function advanceSandbox(
  folder: string,
  milliseconds: number,
  now: () => number = Date.now,
): Promise<Date> {
  if (!(Number.isFinite(milliseconds) && milliseconds >= 0)) {
    throw new RangeError("the sandbox's clock only moves forward");
  }
  return openStore(folder, now).run((account, time) => {
    const later = time + Math.round(milliseconds);
    if (later > endOfTime) throw new RangeError("the sandbox's clock ends with the year 9999");
    const offsetMilliseconds = account.offsetMilliseconds + Math.round(milliseconds);
    return { account: settle({ ...account, offsetMilliseconds }, later), result: new Date(later) };
  });
}
