import { createAndDeliver, type DeliveryContext } from '../account/secrets/delivery.ts';
import type { Description, Destination } from '../account/secrets/destination.ts';
import { openFallbackFile } from '../account/secrets/undelivered.ts';
import type { Context } from '../context/context.ts';
import type { World } from '../context/world.ts';
import type { Hex } from '../domain/chains.ts';
import { CommandError } from '../domain/errors.ts';
import { decimalUsd } from '../domain/money.ts';
import type { Purchase } from '../domain/payment.ts';
import { masked } from '../domain/secrets.ts';
import { framedKey } from '../output/frame.ts';
import type { Column } from '../output/output.ts';
import type { Style } from '../output/style.ts';
import { factLines } from '../output/text.ts';
import { dayAndDistance } from '../output/time.ts';
import { type Claimed, maskedAnswer } from './claim.ts';

/** The fields that `ci` adds to the response of a claim. */
export const claimFields = ['txHash', 'apiKey', 'savedTo', 'variable'] as const;

/** What a payment got. */
export interface ClaimResult extends Claimed {
  /** The transaction that paid. */
  readonly hash: Hex;
}

/** Where the API key of a payment goes, and what the payment is for. */
export interface ClaimDelivery {
  readonly destination: Destination | undefined;
  readonly type: Purchase['type'];
}

/** Stores API keys as soon as they are known. Call it before the payment is recorded as claimed. */
export type KeepKeys = (claimed: Claimed) => void;

/**
 * Makes and claims a payment, delivers the API key that it gets, and prints the response.
 *
 * @param get - pays and claims
 * @throws as `createAndDeliver`; CommandError (unexpected_response) if the response contains no key, after it is printed
 */
export async function deliverClaimed(
  context: DeliveryContext & Pick<Context, 'output'>,
  { destination, type }: ClaimDelivery,
  get: (keep: KeepKeys) => Promise<ClaimResult>,
): Promise<void> {
  const responses = await openFallbackFile(context);
  let apiKeys: readonly string[] = [];
  let hasResponse = false;
  try {
    await createAndDeliver(context, {
      destination,
      create: (keep) =>
        get((claimed) => {
          apiKeys = claimed.apiKeys;
          for (const apiKey of apiKeys) keep({ apiKey });
          // It may have a key in another form, which only this response has.
          if (apiKeys.length === 0) responses.add(JSON.stringify(claimed.data));
          hasResponse = apiKeys.length === 0;
        }),
      print: (result, saved) => printClaimed(context, type, result, saved),
    });
  } catch (error) {
    if (!hasResponse || !(error instanceof CommandError)) {
      responses.discard();
      throw error;
    }
    throw error.with({ hint: `The payment was claimed. The response is in ${responses.keep()}.`, outcome: 'applied' });
  }
  responses.discard();
  if (!destination || apiKeys.length > 0) return;
  throw new CommandError('unexpected_response', 'The response has no API key, so nothing was saved', {
    hint: 'The payment was claimed. The response on standard output may say where the key is.',
    outcome: 'applied',
  });
}

/** Prints the response of a claim. If the key is stored, masks it. */
async function printClaimed(
  { output, world }: Pick<Context, 'output' | 'world'>,
  type: Purchase['type'],
  { data, apiKeys, hash }: ClaimResult,
  saved: Description | undefined,
): Promise<void> {
  const [apiKey] = apiKeys;
  const answer = saved ? maskedAnswer(data, apiKeys) : data;
  const { savedTo, variables = [] } = saved ?? {};
  const row: Row = {
    ...(typeof answer === 'object' && answer !== null && !Array.isArray(answer) ? answer : { response: answer }),
    txHash: hash,
    ...(apiKey !== undefined && { apiKey: saved ? masked(apiKey) : apiKey }),
    ...(saved && { savedTo: savedTo ?? null, variable: variables[0] ?? null }),
  };
  if (apiKey === undefined) output.note('The response has no API key. It is printed as it is.');
  await output.list(
    [row],
    {
      columns: [
        ...(type === 'subscription' ? subscriptionColumns : creditColumns),
        ...keyColumns,
        ...(saved ? savedColumns : []),
        ...(apiKey === undefined ? [wholeColumn(data)] : []),
      ],
      fields: [...claimFields, ...Object.keys(row)],
      empty: '',
      drawing: (style, [clean = row]) =>
        drawing({ ...clean, ...expiryOf(world, clean) }, saved === undefined, style, output.width),
    },
    row,
  );
}

/** The response of a claim, with what `ci` adds. */
type Row = Readonly<Record<string, unknown>>;

const subscriptionColumns: readonly Column<Row>[] = [
  { field: 'subscriptionId', header: 'Subscription', value: ({ subscriptionId, id }) => cellOf(subscriptionId ?? id) },
  { field: 'poolSlug', header: 'Pool', value: ({ poolSlug }) => cellOf(poolSlug) },
  { field: 'blocks', header: 'Blocks', value: ({ blocks }) => cellOf(blocks) },
  { field: 'status', header: 'Status', value: ({ status }) => cellOf(status) },
  { field: 'expiresAt', header: 'Expires', value: ({ expiresAt }) => cellOf(expiresAt) },
];

const creditColumns: readonly Column<Row>[] = [
  { field: 'credited', header: 'Credited', value: ({ credited }) => usdOf(credited) },
  { field: 'balance', header: 'Balance', value: ({ balance }) => usdOf(balance) },
];

const keyColumns: readonly Column<Row>[] = [
  { field: 'keyId', header: 'Key ID', value: ({ keyId }) => cellOf(keyId) },
  { field: 'apiKey', header: 'Key', value: ({ apiKey }) => cellOf(apiKey) },
  { field: 'txHash', header: 'Transaction', value: ({ txHash }) => cellOf(txHash) },
];

const savedColumns: readonly Column<Row>[] = [
  { field: 'savedTo', header: 'Saved to', value: ({ savedTo }) => cellOf(savedTo) },
  { field: 'variable', header: 'Variable', value: ({ variable }) => cellOf(variable) },
];

/** Returns a column with the whole response, in which no key was found: it may have one in another form. */
function wholeColumn(data: unknown): Column<Row> {
  return { field: 'response', header: 'Response', value: () => JSON.stringify(data) };
}

/** Returns what a terminal shows: the known fields with their labels, the others as they are, and the key in a frame. */
function drawing(row: Row, isKeyShown: boolean, style: Style, width: number): string {
  const known = [...subscriptionColumns, ...creditColumns, ...keyColumns, ...savedColumns];
  const others = Object.keys(row).filter((name) => name !== 'id' && !known.some(({ field }) => field === name));
  const facts = [
    ...known.map(({ field, header, value }) => [field, header, value(row)] as const),
    ...others.map((name) => [name, name, cellOf(row[name])] as const),
  ];
  const shown = facts.filter(
    ([field, , value]) => value != null && value !== '' && !(isKeyShown && field === 'apiKey'),
  );
  const lines = `${factLines(shown.map(([, header, value]) => [header, String(value)]))}\n`;
  const { apiKey } = row;
  return isKeyShown && typeof apiKey === 'string'
    ? `${lines}\n${framedKey({ apiKey, name: undefined }, style, width)}`
    : lines;
}

/** Returns when the subscription expires, for people. */
function expiryOf({ now, timeZone }: Pick<World, 'now' | 'timeZone'>, { expiresAt }: Row): Row {
  return typeof expiresAt === 'string' ? { expiresAt: dayAndDistance(expiresAt, new Date(now()), timeZone) } : {};
}

function usdOf(value: unknown): string | number | boolean | null {
  return typeof value === 'number' ? decimalUsd(value) : cellOf(value);
}

function cellOf(value: unknown): string | number | boolean | null {
  if (value == null) return null;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value.join(',');
  return JSON.stringify(value) ?? null;
}
