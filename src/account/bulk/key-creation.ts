import type { Key } from '../../api/keys.ts';
import type { Context } from '../../context/context.ts';
import { asClause, CommandError } from '../../domain/errors.ts';
import { couldBe } from '../../domain/reconcile.ts';
import { maskInLog } from '../../output/workflow-commands.ts';
import { isUnderWay } from '../../state/change-log.ts';
import { type KeyContext, type KeyRequest, keyIntent } from '../keys/create.ts';
import type { Destination } from '../secrets/destination.ts';
import { openFallbackFile } from '../secrets/undelivered.ts';
import { BulkProgress } from './bulk-progress.ts';
import { type BulkKey, KeyChanges, otherKey } from './key-changes.ts';
import type { KeyList } from './key-lists.ts';
import type { KeyRow } from './key-rows.ts';
import { type RecordedCreations, recordedCreations } from './recorded-creations.ts';
import type { PaceLimits } from './request-pace.ts';
import { type FailedRow, rowError, runRows } from './row-runner.ts';
import type { SecretsFile } from './secrets-file.ts';

/** The parts of the context that creating keys uses. */
type KeyCreationContext = KeyContext & Pick<Context, 'prompts' | 'settings'>;

/** How a row ended that didn't fail. `existing`: the key existed, or an earlier run delivered it. */
export type RowEnd = BulkKey['how'] | 'existing';

/** What keys are created with. */
export interface KeyCreationOptions {
  /** The names of all keys that are asked for. */
  readonly names: ReadonlySet<string>;
  readonly limits: PaceLimits;
  /** The IDs of subscriptions, by the pool or subscription that a row names. */
  readonly seats: ReadonlyMap<string, string>;
  /** The file for the secrets of rows that name no destination. */
  readonly secrets: SecretsFile | undefined;
  /** Returns the destination that the column `to` of a row names. @param force - whether to replace another secret there @throws CommandError (usage) */
  readonly destinationOf: (to: string, force: boolean) => Promise<Destination>;
}

/** Which keys to create in one run. */
interface KeyRun {
  readonly rows: Iterable<KeyRow> | AsyncIterable<KeyRow>;
  readonly count: number;
  /** Names what a row shares with others that can't be worked on at the same time. */
  readonly shares?: (row: KeyRow) => string | undefined;
  /** Called when a row has ended without a failure. @param id - of the key, if it is known */
  readonly onEnd?: ((row: KeyRow, how: RowEnd, id: string | undefined) => void) | undefined;
  /** Called when a row has ended, even if it failed. If it throws, no more rows are begun. */
  readonly onFinish?: ((row: KeyRow) => Promise<void>) | undefined;
}

/** How the rows of a run ended. */
export interface CreatedRows {
  readonly counts: Readonly<Record<RowEnd, number>>;
  readonly failed: readonly FailedRow[];
  /** What the user should know about the destinations. */
  readonly warnings: ReadonlySet<string>;
  /** Names of keys that exist, and whose secrets aren't in the file. */
  readonly unsaved: readonly string[];
  /** Number of rows that ended. */
  readonly done: number;
  /** Why the others weren't begun. */
  readonly end: CommandError | undefined;
}

/**
 * Creates keys, each exactly once, and delivers their secrets. A key that exists is left as it is. A key whose secret is lost is revoked
 * and created again.
 */
export class KeyCreation {
  readonly #context: KeyCreationContext;
  readonly #options: KeyCreationOptions;
  readonly #changes: KeyChanges;
  readonly #keys: KeyList;
  readonly #recorded: RecordedCreations;
  readonly #reading: { isOver: boolean };
  readonly #failed: FailedRow[] = [];
  readonly #warnings = new Set<string>();
  readonly #counts: Record<RowEnd, number> = { created: 0, found: 0, recreated: 0, existing: 0 };
  /** Names of keys that exist, and whose secrets aren't in the file. */
  readonly #unsaved: string[] = [];
  readonly #turns = new Map<string, Promise<unknown>>();
  #unclear = 0;

  private constructor(
    context: KeyCreationContext,
    options: KeyCreationOptions,
    { changes, keys, recorded, reading }: Opened,
  ) {
    this.#context = context;
    this.#options = options;
    this.#changes = changes;
    this.#keys = keys;
    this.#recorded = recorded;
    this.#reading = reading;
  }

  /** Reads the account and the record. @throws CommandError */
  static async open(context: KeyCreationContext, options: KeyCreationOptions): Promise<KeyCreation> {
    const reading = { isOver: false };
    const recorded = await recordedCreations(context);
    const { names, limits } = options;
    const changes = await KeyChanges.open(
      context,
      limits,
      () => reading.isOver,
      (name) => names.has(name),
    );
    return new KeyCreation(context, options, { changes, keys: await changes.list(), recorded, reading });
  }

  /** Creates keys. Doesn't throw the failures of rows. */
  async run({ rows, count, shares, onEnd, onFinish }: KeyRun): Promise<CreatedRows> {
    const progress = await BulkProgress.start(this.#context, count, () => ({
      done: this.#done,
      failed: this.#failed.length,
      unclear: this.#unclear,
    }));
    try {
      await runRows(this.#read(rows), {
        // More than the requests that run: the next ones are recorded, and the last ones delivered, meanwhile.
        places: 5 * this.#options.limits.concurrency,
        work: (row, leave) => this.#inTurn(shares?.(row), () => this.#work(row, leave, { onEnd, onFinish })),
        hasEnded: () => this.#changes.end !== undefined,
      });
    } finally {
      progress.stop();
    }
    const { secrets } = this.#options;
    const gitProblem = secrets && (await secrets.gitWarning(this.#context.world.env));
    if (gitProblem !== undefined) this.#warnings.add(gitProblem);
    return {
      counts: this.#counts,
      failed: this.#failed,
      warnings: this.#warnings,
      unsaved: this.#unsaved,
      done: this.#done,
      end: this.#changes.end,
    };
  }

  async *#read(rows: KeyRun['rows']): AsyncGenerator<KeyRow> {
    yield* rows;
    this.#reading.isOver = true;
  }

  /** Does something after everything else that shares the same thing. */
  async #inTurn(shared: string | undefined, work: () => Promise<void>): Promise<void> {
    if (shared === undefined) return work();
    const turn = (this.#turns.get(shared) ?? Promise.resolve()).then(work);
    this.#turns.set(
      shared,
      turn.catch(() => {}),
    );
    return turn;
  }

  async #work(
    row: KeyRow,
    leave: () => void,
    { onEnd = () => {}, onFinish }: Pick<KeyRun, 'onEnd' | 'onFinish'>,
  ): Promise<void> {
    try {
      const { how, id } = await this.#create(row, leave);
      this.#counts[how]++;
      onEnd(row, how, id);
    } catch (error) {
      const failure = rowError(error);
      // A row that wasn't begun hasn't failed.
      if (failure === this.#changes.end || (failure.code === 'interrupted' && failure.outcome === 'not_applied'))
        return;
      const { line, name, values } = row;
      this.#failed.push({ line, name, values, error: failure });
    }
    await onFinish?.(row).catch((error: unknown) => this.#changes.stop(rowError(error)));
  }

  async #create(row: KeyRow, leave: () => void): Promise<{ readonly how: RowEnd; readonly id: string | undefined }> {
    const { name, to } = row;
    const { secrets, destinationOf } = this.#options;
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
    if (known.key?.how === 'delivered') return { how: 'existing', id: known.key.id };
    const revoked = known.key ? [] : known.revoked;
    // What became of earlier changes, the list at the start may not show.
    const keys = earlier.length > 0 ? this.#changes.listed : this.#keys;
    const existing = known.key ? undefined : await this.#existing(row, { request, keys, revoked, onWait });
    if (existing) return { how: 'existing', id: existing };
    // Only a run that created the key can have written its secret there.
    const mayBeDelivered = known.key !== undefined || revoked.length > 0;
    const destination = to === undefined ? undefined : await destinationOf(to, mayBeDelivered);
    const reservation = await destination?.prove({ count: 1 });
    try {
      const listed = [...this.#keys.named(name), ...keys.named(name)].map(({ id }) => id);
      const before = [...new Set([...listed, ...revoked])];
      const how = revoked.length > 0 ? 'recreated' : 'created';
      const key = known.key ?? (await this.#changes.create(request, before, how, onWait));
      await this.#deliver(key, destination, 'credit' in request ? undefined : request.subscriptionId);
      return key;
    } finally {
      await reservation?.release();
    }
  }

  /** Returns the ID of the key if it exists. @throws CommandError if another key has its name, or several have */
  async #existing({ name, to }: KeyRow, { request, keys, revoked, onWait }: RequestedKey): Promise<string | undefined> {
    const { secrets } = this.#options;
    const gone = new Set(revoked);
    const active: Key[] = [];
    for (const key of keys.active(name)) {
      if (gone.has(key.id)) continue;
      if (await this.#changes.stays(key.id, onWait)) active.push(key);
      else gone.add(key.id);
    }
    if (active.length === 0) {
      // The API may have changed the name.
      return secrets?.idsOf(name).find((id) => keys.has(id) && !gone.has(id));
    }
    const isRotating = active.length === 2 && this.#recorded.rotated.has(name);
    if (active.length > 1 && !isRotating) throw rowFailure(`There are ${active.length} keys of this name`);
    const intent = keyIntent(request);
    if (!active.every((key) => couldBe(intent, key))) throw otherKey();
    if (to === undefined && !active.some(({ id }) => secrets?.has(id))) this.#unsaved.push(name);
    return active[0]?.id;
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
      else await this.#options.secrets?.add({ id, name, apiKey, subscriptionId });
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
    return { name, subscriptionId: this.#options.seats.get('pool' in seat ? seat.pool : seat.subscription) };
  }

  get #done(): number {
    const { created, found, recreated, existing } = this.#counts;
    return created + found + recreated + existing + this.#failed.length;
  }
}

/** A key that a row asks for. */
interface RequestedKey {
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
