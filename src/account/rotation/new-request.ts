import type { Key } from '../../api/keys.ts';
import type { SelfUsage } from '../../api/usage.ts';
import type { Context } from '../../context/context.ts';
import { asClause, CommandError } from '../../domain/errors.ts';
import type { Rotation } from '../../state/rotation.ts';
import type { KeyLimits } from '../bulk/key-rows.ts';
import { keyLabel } from '../keys/find.ts';
import { fetchSubscriptions } from '../subscriptions.ts';
import { withKey } from './prove.ts';

/** What is read of the account to replace keys. */
export class Account {
  readonly #context: Pick<Context, 'api'>;
  #subscriptionOfKey: Promise<ReadonlyMap<string, string>> | undefined;

  constructor(context: Pick<Context, 'api'>) {
    this.#context = context;
  }

  /** Returns the subscription of a key whose subscription the list of keys doesn't say; undefined if the account doesn't, either. */
  async subscriptionOf(key: string): Promise<string | undefined> {
    this.#subscriptionOfKey ??= this.#fetch();
    return (await this.#subscriptionOfKey).get(key);
  }

  async #fetch(): Promise<ReadonlyMap<string, string>> {
    const mine = await fetchSubscriptions(await this.#context.api());
    return new Map(mine.flatMap(({ id, key }) => (key?.id == null ? [] : [[key.id, id] as const])));
  }
}

/**
 * Returns the request for a key like another one: with its name, type, subscription and limits.
 *
 * @param secret - of the other key, as far as it is known
 * @param limits - of the new key, if the API doesn't say those of the other one
 * @throws CommandError (unavailable) if the API doesn't say one of them: a key without its limit could spend everything
 */
export async function requestLike(
  context: Pick<Context, 'api'>,
  account: Account,
  key: Key,
  secret: string | undefined,
  limits: KeyLimits = {},
): Promise<Rotation['request']> {
  const { id, keyType } = key;
  const name = key.name ?? id;
  if (keyType !== 'credit') {
    const subscriptionId = key.subscriptionId ?? (await account.subscriptionOf(id));
    if (subscriptionId !== undefined) return { name, subscriptionId };
    if (keyType === 'subscription') throw unknown(key, 'its subscription', replaceByHand);
  }
  if (keyType == null && key.keyPlan !== 'credits') throw unknown(key, 'its type', replaceByHand);
  const listed = [key.maxBudget, key.rpm, key.tpm];
  const named = [limits.maxBudget, limits.rpm, limits.tpm];
  const [maxBudget, rpm, tpm] = listed.every((limit) => limit !== undefined)
    ? listed
    : named.some((limit) => limit !== undefined)
      ? named
      : await limitsFromUsage(context, key, secret);
  return {
    name,
    credit: true,
    ...(maxBudget != null && { maxBudget }),
    ...(rpm != null && { rpm }),
    ...(tpm != null && { tpm }),
  };
}

/** Returns the limits of a key that the list of keys doesn't show. The key itself can read them. */
async function limitsFromUsage(context: Pick<Context, 'api'>, key: Key, secret: string | undefined) {
  const what = 'its limits';
  if (secret === undefined) throw unknown(key, what);
  let usage: SelfUsage;
  try {
    usage = await (await withKey(context, secret)).usage.self();
  } catch (error) {
    if (!(error instanceof CommandError) || error.code === 'interrupted') throw error;
    throw error.with({
      message: `The limits of key ${keyLabel(key)} can't be read: ${asClause(error.message)}`,
      outcome: 'not_applied',
    });
  }
  const { budget, rate_limits: limits } = usage;
  if (budget == null || limits == null) throw unknown(key, what);
  const pick = <Limit>(listed: Limit | undefined, own: Limit | undefined) => (listed === undefined ? own : listed);
  return [pick(key.maxBudget, budget.limit), pick(key.rpm, limits.rpm), pick(key.tpm, limits.tpm)] as const;
}

const replaceByHand = 'Create another key with `ci keys create`, and revoke this one with `ci keys delete`.';
const storeSecret =
  'Store its secret with `ci keys secret NAME --add`, so that `ci` can read its limits, then try again.';

function unknown(key: Key, what: string, hint = storeSecret): CommandError {
  return new CommandError(
    'unavailable',
    `The API doesn't show ${what}, which a replacement of ${keyLabel(key)} needs`,
    {
      hint,
      outcome: 'not_applied',
    },
  );
}
