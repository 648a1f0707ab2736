import type { Key } from '../../api/keys.ts';
import { accountLabel } from '../../config/settings.ts';
import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import { asClause, CommandError, usageError } from '../../domain/errors.ts';
import { formatUsd, parseUsd } from '../../domain/money.ts';
import { couldBe } from '../../domain/reconcile.ts';
import { factLines, grouped } from '../../output/text.ts';
import { maskInLog } from '../../output/workflow-commands.ts';
import { isUnderWay } from '../../state/history.ts';
import { checkedPool } from '../choose-pool.ts';
import { type KeyContext, type KeyRequest, keyIntent } from '../keys/create.ts';
import { PoolCatalog } from '../pool-catalog.ts';
import type { Destination } from '../secrets/destination.ts';
import { openFallbackFile } from '../secrets/undelivered.ts';
import { expandSubscription, fetchSubscriptions, type PoolSubscription } from '../subscriptions.ts';
import { BulkProgress } from './bulk-progress.ts';
import { FailedRowsFile } from './failed-rows.ts';
import { type BulkKey, KeyChanges, otherKey } from './key-changes.ts';
import type { KeyList } from './key-lists.ts';
import { createColumns, type KeyRow, keyRowOf, Mistakes, repeatedNames, unknownColumns } from './key-rows.ts';
import { type RecordedCreations, recordedCreations } from './recorded-creations.ts';
import { destinationChecker } from './row-destinations.ts';
import { RowFile } from './row-file.ts';
import { type FailedRow, rowError, runRows } from './row-runner.ts';
import { type BulkOptions, endOfRun, type RunSummary, showFailures } from './run-result.ts';
import { refuseSameFile } from './same-file.ts';
import { SecretsFile } from './secrets-file.ts';

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
    await record.exclusively('keys', async () => {
      // Another run may have written to it until now.
      secrets = options.saveTo === undefined ? undefined : await SecretsFile.open(world, options.saveTo);
      const creation = await agreed(context, { file, order, options, secrets }).catch((error: unknown) => {
        secrets?.discard();
        throw error;
      });
      await creation.run(failedFile);
    });
  } finally {
    secrets?.close();
    failedFile?.discard();
  }
}

/** Reads the account, and asks for consent. @throws CommandError; nothing was sent then */
async function agreed(context: CreateKeysContext, parts: Omit<Parts, 'seats'>): Promise<KeyCreation> {
  const { file, order, options } = parts;
  const seats = await subscriptionsOf(context, file, order);
  await agree(context, file, order, options);
  return KeyCreation.open(context, { ...parts, seats });
}

/** Checks all rows of a file. @throws CommandError (usage) */
async function checkedOrder(file: RowFile, { saveTo, destinationOf }: CreateKeysOptions): Promise<Order> {
  const mistakes = new Mistakes();
  const unknown = unknownColumns(createColumns);
  const repeated = repeatedNames();
  const seats = new Map<string, { count: number; line: number; isPool: boolean }>();
  const names = new Set<string>();
  const homeless: number[] = [];
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
  return { rows, names, credit, budget, seats, delivered };
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

/** How a row ended that didn't fail. `existing`: the key existed, or an earlier run delivered it. */
type RowEnd = BulkKey['how'] | 'existing';

/** What a run works with. */
interface Parts {
  readonly file: RowFile;
  readonly order: Order;
  readonly options: CreateKeysOptions;
  readonly seats: ReadonlyMap<string, string>;
  readonly secrets: SecretsFile | undefined;
}

/** One run through the rows of a file. */
class KeyCreation {
  readonly #context: CreateKeysContext;
  readonly #parts: Parts;
  readonly #changes: KeyChanges;
  readonly #keys: KeyList;
  readonly #recorded: RecordedCreations;
  readonly #reading: { isOver: boolean };
  readonly #failed: FailedRow[] = [];
  readonly #warnings = new Set<string>();
  readonly #counts: Record<RowEnd, number> = { created: 0, found: 0, recreated: 0, existing: 0 };
  /** Names of keys that exist, and whose secrets aren't in the file. */
  readonly #unsaved: string[] = [];
  #unclear = 0;

  private constructor(context: CreateKeysContext, parts: Parts, { changes, keys, recorded, reading }: Opened) {
    this.#context = context;
    this.#parts = parts;
    this.#changes = changes;
    this.#keys = keys;
    this.#recorded = recorded;
    this.#reading = reading;
  }

  /** Reads the account and the record. @throws CommandError */
  static async open(context: CreateKeysContext, parts: Parts): Promise<KeyCreation> {
    const reading = { isOver: false };
    const recorded = await recordedCreations(context);
    const changes = await KeyChanges.open(
      context,
      parts.options,
      () => reading.isOver,
      (name) => parts.order.names.has(name),
    );
    return new KeyCreation(context, parts, { changes, keys: await changes.list(), recorded, reading });
  }

  /** Creates the keys, and prints the result. @throws CommandError if the run ended before the last row */
  async run(failedFile: FailedRowsFile | undefined): Promise<void> {
    const { context, file, order, options, secrets } = { context: this.#context, ...this.#parts };
    const start = context.clocks.monotonic();
    const progress = await BulkProgress.start(context, order.rows, () => ({
      done: this.#done,
      failed: this.#failed.length,
      unclear: this.#unclear,
    }));
    try {
      await runRows(this.#rows(), {
        // More than the requests that run: the next ones are recorded, and the last ones delivered, meanwhile.
        places: 5 * options.concurrency,
        work: (row, leave) => this.#work(row, leave),
        hasEnded: () => this.#changes.end !== undefined,
      });
    } finally {
      progress.stop();
    }
    const gitProblem = secrets && (await secrets.gitWarning(context.world.env));
    if (gitProblem !== undefined) this.#warnings.add(gitProblem);
    for (const warning of this.#warnings) context.output.note(warning);
    const isFailedWritten = failedFile?.write(this.#failed, this.#changes.end !== undefined, (message) =>
      context.output.note(message),
    );
    this.#noteUnsaved();
    const summary: RunSummary = {
      rows: order.rows,
      ...this.#counts,
      failed: this.#failed.length,
      savedTo: secrets?.path ?? null,
      failures: showFailures(this.#failed),
      seconds: Math.round(context.clocks.monotonic() - start) / 1000,
    };
    await endOfRun(context, {
      summary,
      failed: this.#failed,
      failedFile: isFailedWritten ? failedFile?.name : undefined,
      done: this.#done,
      end: this.#changes.end,
      file,
      doneText: this.#doneText(),
    });
  }

  async *#rows(): AsyncGenerator<KeyRow> {
    for await (const each of this.#parts.file.rows()) {
      const row = keyRowOf(each);
      if (typeof row !== 'string') yield row;
    }
    this.#reading.isOver = true;
  }

  async #work(row: KeyRow, leave: () => void): Promise<void> {
    try {
      const how = await this.#create(row, leave);
      this.#counts[how]++;
    } catch (error) {
      const failure = rowError(error);
      // A row that wasn't begun hasn't failed.
      if (failure === this.#changes.end || (failure.code === 'interrupted' && failure.outcome === 'not_applied'))
        return;
      const { line, name, values } = row;
      this.#failed.push({ line, name, values, error: failure });
    }
  }

  async #create(row: KeyRow, leave: () => void): Promise<RowEnd> {
    const { name, to } = row;
    const { secrets, options } = this.#parts;
    const request = this.#requestOf(row);
    const earlier = this.#recorded.unfinished.get(name) ?? [];
    if (earlier.some(isUnderWay)) throw rowFailure('Another ci process is creating this key');
    const onWait = () => {
      this.#unclear++;
      leave();
      return () => this.#unclear--;
    };
    const hasSecret = (id: string) => secrets?.has(id) ?? false;
    const known = await this.#changes.recover(keyIntent(request), { changes: earlier, hasSecret }, onWait);
    if (known.key?.how === 'delivered') return 'existing';
    const revoked = known.key ? [] : known.revoked;
    // What became of earlier changes, the list at the start may not show.
    const keys = earlier.length > 0 ? this.#changes.listed : this.#keys;
    if (!known.key && (await this.#exists(row, { request, keys, revoked, onWait }))) return 'existing';
    // Only a run that created the key can have written its secret there.
    const mayBeDelivered = known.key !== undefined || revoked.length > 0;
    const destination = to === undefined ? undefined : await options.destinationOf(to, mayBeDelivered);
    const reservation = await destination?.prove({ count: 1 });
    try {
      const listed = [...this.#keys.named(name), ...keys.named(name)].map(({ id }) => id);
      const before = [...new Set([...listed, ...revoked])];
      const how = revoked.length > 0 ? 'recreated' : 'created';
      const key = known.key ?? (await this.#changes.create(request, before, how, onWait));
      await this.#deliver(key, destination, 'credit' in request ? undefined : request.subscriptionId);
      return key.how;
    } finally {
      await reservation?.release();
    }
  }

  /** Returns whether the key exists. @throws CommandError if another key has its name, or several have */
  async #exists({ name, to }: KeyRow, { request, keys, revoked, onWait }: Wanted): Promise<boolean> {
    const { secrets } = this.#parts;
    const gone = new Set(revoked);
    const active: Key[] = [];
    for (const key of keys.active(name)) {
      if (gone.has(key.id)) continue;
      if (await this.#changes.stays(key.id, onWait)) active.push(key);
      else gone.add(key.id);
    }
    if (active.length === 0) {
      // The API may have changed the name.
      return secrets?.idsOf(name).some((id) => keys.has(id) && !gone.has(id)) ?? false;
    }
    const isRotating = active.length === 2 && this.#recorded.rotated.has(name);
    if (active.length > 1 && !isRotating) throw rowFailure(`There are ${active.length} keys of this name`);
    const intent = keyIntent(request);
    if (!active.every((key) => couldBe(intent, key))) throw otherKey();
    if (to === undefined && !active.some(({ id }) => secrets?.has(id))) this.#unsaved.push(name);
    return true;
  }

  /** Delivers a secret. If that fails, nobody has it, so the key is revoked. */
  async #deliver(
    key: BulkKey,
    destination: Destination | undefined,
    subscriptionId: string | undefined,
  ): Promise<void> {
    const { id, name, apiKey } = key;
    maskInLog(this.#context.world, [apiKey]);
    try {
      if (destination) await destination.write([{ id, name, apiKey, subscriptionId }]);
      else await this.#parts.secrets?.add({ id, name, apiKey, subscriptionId });
    } catch (error) {
      const failure = rowError(error);
      // The file fails for all keys.
      if (!destination) this.#changes.stop(failure.with({ outcome: undefined }));
      throw await this.#takenBack(key, failure);
    }
    const warning = await destination?.warning?.();
    if (warning !== undefined) this.#warnings.add(warning);
    await key.delivered();
  }

  /** Revokes a key whose secret nobody has. If that fails, too, keeps the secret. @returns the error, which says so */
  async #takenBack(key: BulkKey, failure: CommandError): Promise<CommandError> {
    const { id, name, apiKey } = key;
    try {
      if (id === undefined) throw rowFailure('the API sent no ID');
      await this.#changes.revoke({ id, name }, { isLast: true });
      await key.delivered();
      return failure.with({ message: `${failure.message}. The new key was revoked`, outcome: 'not_applied' });
    } catch (error) {
      const message = `${failure.message}. The new key ${id ?? name} can't be revoked: ${asClause(rowError(error).message)}`;
      const place = await this.#keptElsewhere(apiKey);
      if (place !== undefined) await key.delivered();
      // Until it is delivered, the next run revokes it.
      const secret =
        place === undefined ? 'Its secret is lost, so the next run revokes it' : `Its secret is in ${place}`;
      return failure.with({ message: `${message}. ${secret}`, outcome: 'applied' });
    }
  }

  /** Keeps a secret that can't be delivered. @returns where; undefined if it can't be kept */
  async #keptElsewhere(apiKey: string): Promise<string | undefined> {
    try {
      const fallback = await openFallbackFile(this.#context);
      fallback.add(apiKey);
      return fallback.keep();
    } catch {
      return undefined;
    }
  }

  #requestOf({ name, seat, limits }: KeyRow): KeyRequest & { readonly name: string } {
    if (!seat) return { credit: true, name, ...limits };
    return { name, subscriptionId: this.#parts.seats.get('pool' in seat ? seat.pool : seat.subscription) };
  }

  get #done(): number {
    const { created, found, recreated, existing } = this.#counts;
    return created + found + recreated + existing + this.#failed.length;
  }

  #doneText(): string {
    const { created, found, recreated, existing } = this.#counts;
    const made = created + found + recreated;
    const redone = recreated > 0 ? `, ${grouped(recreated)} of them a second time because their secrets were lost` : '';
    return `Created ${counted(made, 'key')}${redone}.${existing > 0 ? ` ${grouped(existing)} existed already.` : ''}`;
  }

  /** Points out keys that exist and whose secrets aren't in the file. */
  #noteUnsaved(): void {
    const { secrets } = this.#parts;
    if (!secrets || this.#unsaved.length === 0) return;
    const shown = this.#unsaved.slice(0, 10).join(', ');
    const more = this.#unsaved.length > 10 ? ` and ${grouped(this.#unsaved.length - 10)} more` : '';
    this.#context.output.note(
      `${secrets.name} doesn't have the secrets of keys that existed already: ${shown}${more}. To create one again, revoke it with \`ci keys delete NAME\`, and run this command again.`,
    );
  }
}

/** A key that a row asks for. */
interface Wanted {
  readonly request: KeyRequest;
  readonly keys: KeyList;
  /** The IDs of keys that were revoked since the list was read. */
  readonly revoked: readonly string[];
  readonly onWait: () => () => void;
}

interface Opened {
  readonly changes: KeyChanges;
  readonly keys: KeyList;
  readonly recorded: RecordedCreations;
  readonly reading: { isOver: boolean };
}

function rowFailure(message: string): CommandError {
  return new CommandError('unavailable', message, { outcome: 'not_applied' });
}
