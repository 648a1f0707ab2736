import type { CreatedKey, CreditKeyRequest, Key, KeysApi, SubscriptionKeyRequest } from '../../api/keys.ts';
import { CommandError } from '../../domain/errors.ts';
import { judgeKey, type KeyIntent } from '../../domain/reconcile.ts';
import { carryOut } from '../change.ts';
import type { Context } from '../context.ts';
import type { Hold } from '../delivery.ts';
import { keysBefore } from '../intents.ts';
import { secretOf } from '../key.ts';
import { revokeKey } from './revoke.ts';

/** A key to be made, for a subscription or on credit. */
export type KeyRequest = SubscriptionKeyRequest | ({ readonly credit: true } & CreditKeyRequest);

/** A request for a key, as the record keeps it. */
export function intentOf(request: KeyRequest): KeyIntent {
  const { name } = request;
  if ('credit' in request) return { action: 'create-key', type: 'credit', name };
  return { action: 'create-key', type: 'subscription', name, subscriptionId: request.subscriptionId };
}

/**
 * Makes a key.
 *
 * @param hold - takes its secret down before anything else is done
 * @throws CommandError (secret_lost) when it was made and its secret was lost with the answer, and nobody wants another in its place
 */
export async function makeKey(context: Context, request: KeyRequest, hold: Hold): Promise<CreatedKey> {
  const made = await requestKey(context, request, hold);
  const { id, name, apiKey } = made;
  if (apiKey !== undefined) return { ...made, apiKey };
  const label = [name, id].filter(Boolean).join('  ');
  const lost = new CommandError('secret_lost', `the key ${label} was made, and its secret was lost with the answer`, {
    hint: `It is shown only once: \`ci keys delete ${id}\`, then make another.`,
    outcome: 'applied',
  });
  if (context.interrupt.aborted) throw lost.with({ code: 'interrupted' });
  const question = `The key ${label} was made, and its secret was lost. Delete it and make another?`;
  if (id == null || !(await context.prompts.offer(question).catch(tellAs(lost)))) throw lost;
  await revokeKey(context, id, name ?? undefined).catch(tellAs(lost));
  return makeKey(context, request, hold);
}

/** Tells a failure that came after a key was made: the key is there. */
function tellAs(lost: CommandError): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof CommandError)) throw error;
    throw lost.with({ code: error.code, message: `${lost.message}; ${error.message}` });
  };
}

/** Sends the one request. When its answer is lost the key is found, though maybe not its secret. */
async function requestKey(context: Context, request: KeyRequest, hold: Hold): Promise<Partial<CreatedKey>> {
  const api = await context.api();
  const intent = intentOf(request);
  const before = await keysBefore(api, intent).catch((error: unknown) => {
    throw error instanceof CommandError ? error.with({ outcome: 'not_applied' }) : error;
  });
  return carryOut<Partial<CreatedKey>, Key>(context, {
    intent,
    before,
    send: async () => {
      const made = await send(api.keys, request);
      hold(made.apiKey);
      return made;
    },
    ids: ({ id }) => (id == null ? [] : [id]),
    look: async (again, others) => judgeKey(intent, before, await again.keys.list(), others()),
    adopt: async (key, again) => {
      const apiKey = await secretOf(again, key).catch(() => undefined);
      if (apiKey !== undefined) hold(apiKey);
      return { id: key.id, name: key.name, ...(apiKey === undefined ? {} : { apiKey }) };
    },
    command: 'ci keys list',
  });
}

function send(keys: KeysApi, request: KeyRequest): Promise<CreatedKey> {
  if (!('credit' in request)) {
    return keys.createForSubscription(request).catch((error: unknown) => {
      if (!(error instanceof CommandError) || error.code !== 'invalid_request' || error.hint !== undefined) throw error;
      throw error.with({
        hint: '`ci pools subscriptions` shows yours, `ci pools subscribe` makes one; `ci keys create NAME --credit` needs none.',
      });
    });
  }
  const { credit: _credit, ...order } = request;
  return keys.createForCredit(order);
}
