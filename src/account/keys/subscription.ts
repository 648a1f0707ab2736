import { CommandError } from '../../domain/errors.ts';
import { openIntents } from '../changes/earlier.ts';
import {
  fetchSubscriptions,
  keyByEmail,
  type PoolSubscription,
  poolSubscriptions,
  subscriptionChoices,
  subscriptionLabel,
} from '../subscriptions.ts';
import type { KeyContext } from './create.ts';

/**
 * Returns the id of the user's subscription on a pool for which to create a key: that of an earlier, still open request, the only one,
 * or the only one without a key. Asks if there are several.
 *
 * @param name - of the key
 * @throws CommandError (unavailable) if there is none; (input_required) if the user can't be asked
 */
export async function subscriptionForKey(context: KeyContext, pool: string, name: string | undefined): Promise<string> {
  const mine = await poolSubscriptions(context, pool);
  const active = mine.filter(({ status }) => status === 'active');
  const earlier = (await openIntents(context, 'create-key')).filter((each) => each.name === name);
  const meant = active.find(({ id }) => earlier.some(({ subscriptionId }) => subscriptionId === id));
  if (meant) return meant.id;
  const withoutKey = active.filter(({ key }) => !key);
  const candidates = active.length > 1 && withoutKey.length > 0 ? withoutKey : active;
  const [first] = candidates;
  if (!first && mine.some(({ status }) => status === 'pending_key')) {
    throw new CommandError('unavailable', `Keys for your subscription on ${pool} can't be created here`, {
      hint: keyByEmail,
      outcome: 'not_applied',
    });
  }
  if (!first) {
    throw new CommandError('unavailable', `You have no active subscription on ${pool}`, {
      hint: `Run \`ci pools subscribe ${pool}\` to get one, or \`ci pools subscriptions\` to see what you have.`,
      outcome: 'not_applied',
    });
  }
  return (await oneOf(context, candidates, `You have several active subscriptions on ${pool}`)).id;
}

/**
 * Returns the user's only active subscription. Asks if there are several.
 *
 * @throws CommandError (unavailable) if there is none; (input_required) if the user can't be asked
 */
export async function onlySubscription(context: KeyContext): Promise<PoolSubscription> {
  const mine = await fetchSubscriptions(await context.api());
  const active = mine.filter(({ status }) => status === 'active');
  if (active.length > 0) return oneOf(context, active, 'You have several active subscriptions');
  throw new CommandError('unavailable', 'You have no active subscription', {
    hint: 'Run `ci pools subscribe` to get one, or pass --max-budget to use prepaid credit.',
    outcome: 'not_applied',
  });
}

/** Returns the only subscription, or the one that the user picks. @param several - the error if the user can't be asked */
async function oneOf(
  context: KeyContext,
  candidates: readonly PoolSubscription[],
  several: string,
): Promise<PoolSubscription> {
  const [first, second] = candidates;
  if (first && !second) return first;
  if (!context.prompts.canAsk) {
    throw new CommandError('input_required', several, {
      hint: 'Pass one with --subscription:',
      lines: candidates.map(subscriptionLabel),
    });
  }
  return context.prompts.search('Subscription:', await subscriptionChoices(context, candidates), several);
}
