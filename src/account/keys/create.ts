import type { CreatedKey, CreditKeyRequest, Key, KeysApi, SubscriptionKeyRequest } from '../../api/keys.ts';
import type { Context } from '../../context/context.ts';
import { asClause, CommandError } from '../../domain/errors.ts';
import type { Before, KeyIntent } from '../../domain/reconcile.ts';
import { isConsumptionKey, isWholeKey } from '../../domain/secrets.ts';
import { keysBefore } from '../changes/actions.ts';
import { type ChangingContext, carryOut } from '../changes/carry-out.ts';
import { awaitEarlier } from '../changes/earlier.ts';
import { waited } from '../changes/find-outcome.ts';
import type { KeepKey } from '../secrets/delivery.ts';
import { secretOf } from './find.ts';
import { revokeKey } from './revoke.ts';

/** The parts of the context that creating a key uses. */
export type KeyContext = ChangingContext & Pick<Context, 'api' | 'profiles' | 'prompts'>;

/** A key to create, for a subscription or for credit. */
export type KeyRequest = SubscriptionKeyRequest | ({ readonly credit: true } & CreditKeyRequest);

/** Returns a request for a key as the record keeps it. */
export function keyIntent(request: KeyRequest, { isTemporary = false, replaces }: CreateOptions = {}): KeyIntent {
  const { name } = request;
  const temporary = isTemporary || undefined;
  if ('credit' in request) {
    const { maxBudget, rpm, tpm } = request;
    return { action: 'create-key', type: 'credit', name, maxBudget, rpm, tpm, temporary, replaces };
  }
  const { subscriptionId } = request;
  return { action: 'create-key', type: 'subscription', name, subscriptionId, temporary, replaces };
}

/** How to create a key. */
export interface CreateOptions {
  /** The key that an earlier request for the same key created; no other key is created. */
  readonly earlier?: Key | undefined;
  /** Whether the key is revoked at the end of the command. */
  readonly isTemporary?: boolean;
  /** The id of the key that it replaces. If its secret is lost, it is revoked and created again without asking. */
  readonly replaces?: string | undefined;
}

/**
 * Creates a key.
 *
 * @param keep - called with its secret before anything else is done
 * @throws CommandError (unexpected_response), `applied`, if the API sent something other than a secret; (secret_lost) if the key
 *   was created but its secret was lost with the response, and the user didn't ask for a replacement
 */
export async function createKey(
  context: KeyContext,
  request: KeyRequest,
  keep: KeepKey,
  options: CreateOptions = {},
): Promise<CreatedKey> {
  const { earlier } = options;
  const created = earlier ? await adoptKey(context, earlier, keep) : await requestKey(context, request, keep, options);
  const { id, name } = created;
  const apiKey = await withSecret(context, created, keep);
  if (apiKey !== undefined) return { ...created, apiKey };
  const label = name && id ? `${name} (${id})` : (name ?? id ?? '');
  const lost = new CommandError('secret_lost', `Key ${label} was created, but its secret was lost with the response`, {
    hint: `Run \`ci keys delete ${id}\` to revoke it, then create another.`,
    outcome: 'applied',
  });
  if (context.world.interrupt.aborted) throw lost.with({ code: 'interrupted' });
  const question = `Key ${label} was created, but its secret was lost. Revoke it and create another?`;
  const isAgreed = options.replaces !== undefined || (await context.prompts.offer(question).catch(reportAs(lost)));
  if (id == null || !isAgreed) throw lost;
  await revokeKey(context, id, name ?? undefined).catch(reportAs(lost));
  return createKey(context, request, keep, { ...options, earlier: undefined });
}

/** Reports a failure after a key was created. */
function reportAs(lost: CommandError): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof CommandError)) throw error;
    throw lost.with({ code: error.code, message: `${lost.message}; ${asClause(error.message)}` });
  };
}

/** Sends the request, unless an earlier one for the same key went through. The secret may be lost with the response. */
async function requestKey(
  context: KeyContext,
  request: KeyRequest,
  keep: KeepKey,
  options: CreateOptions,
): Promise<Partial<CreatedKey>> {
  const intent = keyIntent(request, options);
  const earlier = await awaitEarlier(context, { action: 'create-key', intent });
  if (earlier) return adoptKey(context, earlier.found, keep);
  const { keys } = await context.api();
  const listed = await keys.list().catch((error: unknown) => {
    throw error instanceof CommandError ? error.with({ outcome: 'not_applied' }) : error;
  });
  const isNameTaken = listed.some(({ name, isActive }) => name != null && name === request.name && isActive !== false);
  if (isNameTaken && options.replaces === undefined) {
    context.output.note(`You already have a key named "${request.name}". Use the IDs to tell the keys apart.`);
  }
  return carryOut<'create-key', Partial<CreatedKey>>(context, 'create-key', {
    intent,
    // Whatever the list says, the key that is replaced isn't the new one.
    before: withId(keysBefore(listed, intent), options.replaces),
    send: async (api) => {
      const created = await sendKeyRequest(api.keys, request);
      const { apiKey, id, name } = created;
      if (isWholeKey(apiKey)) keep({ id, name, subscriptionId: intent.subscriptionId, apiKey });
      return created;
    },
    ids: ({ id }) => (id == null ? [] : [id]),
    adopt: (key) => adoptKey(context, key, keep),
    command: 'ci keys list',
  });
}

function withId({ ids = [] }: Before, id: string | undefined): Before {
  return { ids: id === undefined || ids.includes(id) ? ids : [...ids, id] };
}

/** Adopts a key that was found, with its secret if the API shows it. @throws CommandError, `applied`, if asking for it fails */
async function adoptKey(context: KeyContext, key: Key, keep: KeepKey): Promise<Partial<CreatedKey>> {
  context.result.lastChange = 'applied';
  const apiKey = await secretNow(context, key);
  if (apiKey !== undefined) keep({ id: key.id, name: key.name, subscriptionId: key.subscriptionId, apiKey });
  return { id: key.id, name: key.name, ...(apiKey === undefined ? {} : { apiKey }) };
}

/** Pauses before fetching the secret of a key again, in milliseconds. */
const betweenTries = [1000, 3000] as const;

/** Returns the secret of a key that was found; undefined if the API doesn't show it. */
async function secretNow(context: KeyContext, key: Key): Promise<string | undefined> {
  for (let count = 0; ; count++) {
    try {
      return await secretOf(await context.connections.looking(), key);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      const wait = betweenTries[count];
      if (error.retryable && wait !== undefined && (await waited(context, wait))) continue;
      const hint = `Run \`ci keys create ${key.name ?? 'NAME'} --ensure --reveal\` to try again.`;
      const message = `Key ${key.name ?? key.id} was created, but its secret can't be fetched: ${asClause(error.message)}`;
      throw error.with({ message, hint, outcome: 'applied', retryable: false });
    }
  }
}

/** Returns the usable secret of a created key. If the response has none, the list of keys may show it. */
async function withSecret(
  context: KeyContext,
  { id, name, apiKey }: Partial<CreatedKey>,
  keep: KeepKey,
): Promise<string | undefined> {
  if (apiKey === undefined || isWholeKey(apiKey)) return apiKey;
  const api = await context.connections.looking();
  const listed = id == null ? undefined : (await api.keys.list().catch(nothing))?.find((key) => key.id === id);
  const secret = listed && (await secretOf(api, listed).catch(nothing));
  if (secret === undefined) throw unusableSecret({ id, name, apiKey });
  keep({ id, name, subscriptionId: listed?.subscriptionId, apiKey: secret });
  return secret;
}

/** Returns undefined if a lookup fails. */
function nothing(error: unknown): undefined {
  if (error instanceof CommandError) return undefined;
  throw error;
}

function unusableSecret({ id, name, apiKey = '' }: Partial<CreatedKey>): CommandError {
  const label = name && id ? `${name} (${id})` : (name ?? id ?? '');
  const shown =
    apiKey.length > 0 && apiKey.length <= 20 && !isConsumptionKey(apiKey) ? `"${apiKey}"` : 'something else';
  return new CommandError(
    'unexpected_response',
    `Key ${label} was created, but the API sent ${apiKey === '' ? 'no secret' : `${shown} instead of its secret`}`,
    {
      hint:
        id == null
          ? 'Run `ci keys list` to find the key, and `ci keys delete ID` to revoke it.'
          : `Run \`ci keys delete ${id}\` to revoke it, then create another.`,
      outcome: 'applied',
    },
  );
}

/** Sends a request for a key. @throws CommandError */
export function sendKeyRequest(keys: KeysApi, request: KeyRequest): Promise<CreatedKey> {
  if (!('credit' in request)) {
    return keys.createForSubscription(request).catch((error: unknown) => {
      if (!(error instanceof CommandError) || error.code !== 'invalid_request' || error.hint !== undefined) throw error;
      throw error.with({
        hint: 'Run `ci pools subscriptions` to see your subscriptions, `ci pools subscribe` to get one, or `ci keys create NAME --credit` to use prepaid credit.',
      });
    });
  }
  const { credit: _credit, ...order } = request;
  return keys.createForCredit(order);
}
