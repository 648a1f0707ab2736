import { createHash } from 'node:crypto';
import { accountLabel } from '../../config/settings.ts';
import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import { usageError } from '../../domain/errors.ts';
import { formatUsd, parseUsd } from '../../domain/money.ts';
import { factLines, grouped } from '../../output/text.ts';
import type { WorkShare } from '../../state/work-share.ts';
import { checkedPool } from '../choose-pool.ts';
import type { KeyContext } from '../keys/create.ts';
import { PoolCatalog } from '../pool-catalog.ts';
import type { Destination } from '../secrets/destination.ts';
import { expandSubscription, fetchSubscriptions, type PoolSubscription } from '../subscriptions.ts';
import { FailedRowsFile } from './failed-rows.ts';
import { type CreatedRows, KeyCreation } from './key-creation.ts';
import { createColumns, type KeyRow, keyRowOf, Mistakes, repeatedNames, unknownColumns } from './key-rows.ts';
import { destinationChecker } from './row-destinations.ts';
import { RowFile } from './row-file.ts';
import { type BulkOptions, endOfRun, type RunSummary, showFailures } from './run-result.ts';
import { refuseSameFile } from './same-file.ts';
import { SecretsFile } from './secrets-file.ts';
import { SharedRows } from './shared-rows.ts';

/** Which keys to create, and where their secrets go. */
export interface CreateKeysOptions extends BulkOptions {
  /** The file for the secrets of rows that name no destination. */
  readonly saveTo: string | undefined;
  /** Returns the destination that the column `to` of a row names. @param force - whether to replace another secret there @throws CommandError (usage) */
  readonly destinationOf: (to: string, force: boolean) => Promise<Destination>;
}

/** The parts of the context that creating many keys uses. */
export type CreateKeysContext = KeyContext & Pick<Context, 'prompts' | 'settings'>;

/** What a file asks for. */
interface Order {
  /** Identifies the keys: the same for another file that asks for the same ones in the same order. */
  readonly id: string;
  readonly rows: number;
  readonly names: ReadonlySet<string>;
  readonly credit: number;
  /** The sum of the spending limits, in USD cents. */
  readonly budget: number;
  /** Number of keys, by pool or subscription. */
  readonly seats: ReadonlyMap<string, { readonly count: number; readonly line: number; readonly isPool: boolean }>;
  /** Number of rows that name a destination. */
  readonly delivered: number;
}

/**
 * Creates the keys of a file, each exactly once, and delivers their secrets. A key that exists is left as it is. A key whose secret is lost is
 * revoked and created again.
 *
 * @throws CommandError (usage) with the lines of all mistakes, before anything is sent
 */
export async function createKeys(context: CreateKeysContext, options: CreateKeysOptions): Promise<void> {
  const { prompts, world, record } = context;
  const file = await RowFile.read(world, options.from);
  const order = await checkedOrder(file, options);
  const { from, saveTo, failed } = options;
  refuseSameFile(world, ['--save-to', saveTo], ['--from', from]);
  refuseSameFile(world, ['--failed', failed], ['--save-to', saveTo]);
  prompts.requireConsent();
  const api = await context.api();
  api.client.requireSignedIn();
  const failedFile =
    options.failed === undefined
      ? undefined
      : new FailedRowsFile(world, options.failed, { ...options, format: file.format, columns: createColumns });
  let secrets: SecretsFile | undefined;
  try {
    await record.share('keys', { id: order.id, rows: order.rows }, async (share) => {
      // Another run may have written to it until now.
      secrets = options.saveTo === undefined ? undefined : await SecretsFile.open(world, options.saveTo);
      const parts = { file, order, options, secrets, share };
      const open = await agreed(context, parts).catch((error: unknown) => {
        secrets?.discard();
        throw error;
      });
      await runToEnd(context, open, parts, failedFile);
    });
  } finally {
    secrets?.close();
    failedFile?.discard();
  }
}

/**
 * Asks for consent.
 *
 * @returns what reads the account and the record, and then can create the keys
 * @throws CommandError; nothing was sent then
 */
async function agreed(
  context: CreateKeysContext,
  { file, order, options, secrets, share }: Parts,
): Promise<() => Promise<KeyCreation>> {
  const seats = await subscriptionsOf(context, file, order);
  await agree(context, file, order, options);
  const { destinationOf, concurrency, rate } = options;
  const limits = { concurrency, rate, reserve: share.reserve?.bind(share) };
  return () => KeyCreation.open(context, { names: order.names, limits, seats, secrets, destinationOf });
}

/** Checks all rows of a file. @throws CommandError (usage) */
async function checkedOrder(file: RowFile, { saveTo, destinationOf }: CreateKeysOptions): Promise<Order> {
  const mistakes = new Mistakes();
  const unknown = unknownColumns(createColumns);
  const repeated = repeatedNames();
  const seats = new Map<string, { count: number; line: number; isPool: boolean }>();
  const names = new Set<string>();
  const homeless: number[] = [];
  const digest = createHash('sha256');
  const checkDestination = destinationChecker((to) => destinationOf(to, false));
  let [rows, credit, budget, delivered] = [0, 0, 0, 0];
  for await (const each of file.rows()) {
    rows++;
    const row = keyRowOf(each);
    unknown(each, mistakes);
    const problem = typeof row === 'string' ? row : repeated(row.name, row.line);
    if (problem !== undefined) mistakes.add(each.line, problem);
    if (typeof row === 'string') continue;
    const { name: keyName, to, seat, limits, line } = row;
    names.add(keyName);
    digest.update(JSON.stringify([keyName, seat, limits]));
    if (seat) {
      const isPool = 'pool' in seat;
      const name = isPool ? seat.pool : seat.subscription;
      seats.set(name, { line, isPool, ...seats.get(name), count: (seats.get(name)?.count ?? 0) + 1 });
    } else credit++;
    budget += limits.maxBudget === undefined ? 0 : parseUsd(limits.maxBudget);
    if (to !== undefined) delivered++;
    else if (saveTo === undefined) homeless.push(line);
    await checkDestination(row, mistakes);
  }
  // Without any destination, the option was forgotten. The rows aren't mistakes.
  const isForgotten = delivered === 0 && homeless.length > 0;
  if (!isForgotten) {
    for (const line of homeless)
      mistakes.add(line, 'nothing says where its secret goes; pass --save-to, or fill the column "to"');
  }
  mistakes.check(file);
  if (isForgotten) {
    throw usageError(
      `Nothing says where the secrets of ${file.name} go`,
      'Pass --save-to FILE, such as --save-to secrets.ndjson, or fill the column "to".',
    );
  }
  return { id: digest.digest('hex').slice(0, 32), rows, names, credit, budget, seats, delivered };
}

/**
 * Returns the IDs of the subscriptions that the rows name, by what they name.
 *
 * @throws CommandError (usage) if one doesn't exist, or a pool has several
 */
async function subscriptionsOf(
  context: CreateKeysContext,
  file: RowFile,
  { seats }: Order,
): Promise<ReadonlyMap<string, string>> {
  const ids = new Map<string, string>();
  if (seats.size === 0) return ids;
  const mine = await fetchSubscriptions(await context.api());
  const catalog = new PoolCatalog(context);
  const mistakes = new Mistakes();
  for (const [name, { line, isPool }] of seats) {
    const found = isPool
      ? await ofPool(mine, await catalog.nameOf(await catalog.expand(checkedPool(name))))
      : ofId(mine, await expandSubscription(context, name));
    if (typeof found === 'string') mistakes.add(line, found);
    else ids.set(name, found.id);
  }
  mistakes.check(file);
  return ids;
}

function ofPool(mine: readonly PoolSubscription[], pool: string): PoolSubscription | string {
  const [only, second] = mine.filter(({ poolSlug, status }) => poolSlug === pool && status === 'active');
  if (!only) return `you have no active subscription on ${pool}`;
  return second ? `you have several subscriptions on ${pool}; fill the column "subscription" instead` : only;
}

function ofId(mine: readonly PoolSubscription[], id: string): PoolSubscription | string {
  return mine.find((each) => each.id === id) ?? `you have no subscription ${id}`;
}

/** Shows what will be created, and asks for consent. */
async function agree(
  { output, prompts, settings }: CreateKeysContext,
  { name }: RowFile,
  { rows, credit, budget, seats, delivered }: Order,
  { saveTo }: CreateKeysOptions,
): Promise<void> {
  if (!prompts.canAsk || rows === 0) return;
  const saved = rows - delivered;
  output.note(
    factLines([
      ['Keys', `${grouped(rows)} from ${name}`],
      ...(credit > 0
        ? [['Credit', `${grouped(credit)}${budget > 0 ? `, limits of ${formatUsd(budget)} in all` : ''}`] as const]
        : []),
      ...[...seats].map(
        ([seat, { count, isPool }]) => [isPool ? 'Pool' : 'Seat', `${seat}, ${grouped(count)}`] as const,
      ),
      ...(saved > 0 ? [['Secrets', saveTo ?? ''] as const] : []),
      ...(delivered > 0 ? [['Sent to', `the destinations of ${counted(delivered, 'row')}`] as const] : []),
      ['Account', accountLabel(settings)],
    ]),
  );
  output.note(
    'Keys that exist already are left as they are. If the secret of a new key is lost, the key is revoked and created again.',
  );
  await prompts.consent(`Create ${rows === 1 ? 'this key' : `these ${grouped(rows)} keys`}?`);
}

/** What a run works with. */
interface Parts {
  readonly file: RowFile;
  readonly order: Order;
  readonly options: CreateKeysOptions;
  readonly secrets: SecretsFile | undefined;
  /** The part of this process. */
  readonly share: WorkShare;
}

/** Creates the keys, and prints the result. @throws CommandError if the run ended before the last row */
async function runToEnd(
  context: CreateKeysContext,
  open: () => Promise<KeyCreation>,
  { file, order, options, secrets, share }: Parts,
  failedFile: FailedRowsFile | undefined,
): Promise<void> {
  const { clocks, output } = context;
  const start = clocks.monotonic();
  const rows = new SharedRows(share, () => keyRows(file), 2 * options.concurrency);
  const onWait = (left: number) => output.note(`Waiting for ${counted(left, 'row')} that other machines work on.`);
  const passes: CreatedRows[] = [];
  do {
    const creation = await open();
    passes.push(await creation.run({ rows: rows.pass(), count: order.rows, onFinish: (row) => rows.finish(row) }));
  } while (passes.at(-1)?.end === undefined && (await rows.hasMore(onWait)));
  const { counts, failed, warnings, unsaved, done, end } = inAll(passes);
  for (const warning of warnings) output.note(warning);
  const isFailedWritten = failedFile?.write(failed, end !== undefined, (message) => output.note(message));
  noteUnsaved(context, secrets, unsaved, end === undefined && done < order.rows);
  const summary: RunSummary = {
    rows: order.rows,
    ...counts,
    failed: failed.length,
    elsewhere: end ? 0 : order.rows - done,
    savedTo: secrets?.path ?? null,
    failures: showFailures(failed),
    seconds: Math.round(clocks.monotonic() - start) / 1000,
  };
  await endOfRun(context, {
    summary,
    failed,
    failedFile: isFailedWritten ? failedFile?.name : undefined,
    done,
    end,
    file,
    doneText: `${doneText(counts)}${end || done === order.rows ? '' : ` Other machines did ${counted(order.rows - done, 'row')}.`}`,
  });
}

/** Adds up the results of several passes. */
function inAll(passes: readonly CreatedRows[]): CreatedRows {
  const sum = (how: keyof CreatedRows['counts']) => passes.reduce((count, { counts }) => count + counts[how], 0);
  return {
    counts: { created: sum('created'), found: sum('found'), recreated: sum('recreated'), existing: sum('existing') },
    failed: passes.flatMap(({ failed }) => failed),
    warnings: new Set(passes.flatMap(({ warnings }) => [...warnings])),
    unsaved: passes.flatMap(({ unsaved }) => unsaved),
    done: passes.reduce((count, { done }) => count + done, 0),
    end: passes.at(-1)?.end,
  };
}

async function* keyRows(file: RowFile): AsyncGenerator<KeyRow> {
  for await (const each of file.rows()) {
    const row = keyRowOf(each);
    if (typeof row !== 'string') yield row;
  }
}

function doneText({ created, found, recreated, existing }: CreatedRows['counts']): string {
  const made = created + found + recreated;
  const redone = recreated > 0 ? `, ${grouped(recreated)} of them a second time because their secrets were lost` : '';
  return `Created ${counted(made, 'key')}${redone}.${existing > 0 ? ` ${grouped(existing)} existed already.` : ''}`;
}

/** Points out keys that exist and whose secrets aren't in the file. */
function noteUnsaved(
  { output }: Pick<Context, 'output'>,
  secrets: SecretsFile | undefined,
  names: readonly string[],
  isShared: boolean,
): void {
  if (!secrets || names.length === 0) return;
  const shown = names.slice(0, 10).join(', ');
  const more = names.length > 10 ? ` and ${grouped(names.length - 10)} more` : '';
  const elsewhere = isShared ? ' Look for them in the files of the other machines first.' : '';
  output.note(
    `${secrets.name} doesn't have the secrets of keys that existed already: ${shown}${more}.${elsewhere} To create one again, revoke it with \`ci keys delete NAME\`, and run this command again.`,
  );
}
