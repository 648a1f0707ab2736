import { setMaxListeners } from 'node:events';
import type { Api } from '../../api/index.ts';
import type { Key } from '../../api/keys.ts';
import type { Context } from '../../context/context.ts';
import { durationInWords } from '../../domain/duration.ts';
import { asClause, CommandError, messageOf } from '../../domain/errors.ts';
import { groupBy } from '../../domain/group-by.ts';
import { timesOf } from '../../domain/pace.ts';
import { type Before, couldBe, type Intent, judgeKey, type KeyIntent, type Verdict } from '../../domain/reconcile.ts';
import { isWholeKey } from '../../domain/secrets.ts';
import {
  type ChangeLog,
  isUnderWay,
  type NewChange,
  type RecordedAccount,
  type RecordedChange,
  type Settled,
} from '../../state/change-log.ts';
import { causeOf, happened, precedesAnyWork, unreadable } from '../changes/carry-out.ts';
import { Departure } from '../changes/departure.ts';
import { idsOfOthers, isRival, settlesAt, waited } from '../changes/find-outcome.ts';
import { type KeyRequest, keyIntent, sendKeyRequest } from '../keys/create.ts';
import { secretOf } from '../keys/find.ts';
import { type KeyList, KeyLists } from './key-lists.ts';
import { shortened } from './key-rows.ts';
import { type PaceLimits, type RequestEnd, RequestPace } from './request-pace.ts';

/** How often to send a change by default. */
const usualAttempts = { failures: 5, refusals: 21 };
/** The pauses between two looks at the account while a change may still take effect, in milliseconds. The last one is repeated. */
const pauses = [500, 1000, 2000, 4000, 8000] as const;

/** How long before a change left another one may have begun that was carried out after it, in milliseconds. */
const lookBack = 10 * 60_000;

/** How far the API's clock may be behind this machine's, in milliseconds. */
const clockTolerance = 60_000;

/** The parts of the context that changing many keys uses. */
export type KeyChangesContext = Pick<
  Context,
  'api' | 'clocks' | 'connections' | 'record' | 'result' | 'settings' | 'world'
>;

/** A key that was created. */
export interface BulkKey {
  /** Undefined if neither the answer nor the account says it. */
  readonly id: string | undefined;
  readonly name: string;
  readonly apiKey: string;
  /** `found`: the answer was lost, but the account shows the key with its secret. `recreated`: a key whose secret was lost was revoked first. */
  readonly how: 'created' | 'found' | 'recreated';
  /** Records that the secret was delivered. Until then, the change counts as open, so that the next run finds a key that nobody has. */
  delivered(): Promise<void>;
}

/** What earlier processes left of a key. */
export interface EarlierKey {
  /** Changes that may have created the key. */
  readonly changes: readonly RecordedChange[];
  /** Returns whether an earlier process delivered the secret of a key. */
  readonly hasSecret: (id: string) => boolean;
}

/** A key that an earlier process created, or the IDs of those that were revoked because their secrets were lost. */
export type Recovered =
  | { readonly key: BulkKey | DeliveredKey }
  | { readonly key: undefined; readonly revoked: readonly string[] };

/** A change that was sent and has no certain outcome. */
interface Sent {
  /** The ID in the record. */
  readonly id: string;
  readonly before: Before;
  /** When it left, at the earliest, in epoch milliseconds. */
  readonly leftAt: number;
  /** When it can no longer take effect: epoch milliseconds, and milliseconds of the monotonic clock. */
  readonly settlesAt: number;
  readonly settlesAtMonotonic: number;
}

/** The end of one attempt at a change. */
type Attempt<Answer> =
  | { readonly kind: 'answered'; readonly sent: Sent; readonly answer: Answer }
  /** It certainly wasn't carried out, and was recorded so. */
  | { readonly kind: 'failed'; readonly id: string; readonly failure: CommandError }
  /** The account has to tell. `refused`: it does so at once. */
  | { readonly kind: 'unclear'; readonly sent: Sent; readonly failure: CommandError; readonly refused: boolean };

/** The limits of changes. */
export interface ChangeLimits extends PaceLimits {
  /** How long to look for a change whose answer was lost, in milliseconds; by default, until its outcome is certain. */
  readonly patience?: number | undefined;
  /** How often to send a change: after failures, and after 429. */
  readonly attempts?: { readonly failures: number; readonly refusals: number };
}

/**
 * Creates and revokes keys, many at a time, each exactly once. Each change is recorded before its request leaves. If its answer is lost or is
 * a refusal, the list of keys decides, once the change can no longer take effect; only then is it sent again.
 */
export class KeyChanges {
  readonly #context: KeyChangesContext;
  readonly #history: ChangeLog;
  readonly #account: RecordedAccount;
  readonly #pace: RequestPace;
  readonly #lists: KeyLists;
  /** How long to look for a change, in milliseconds; infinite: until its outcome is certain. */
  readonly #patience: number;
  readonly #attempts: NonNullable<ChangeLimits['attempts']>;
  /** The last failure of a request. */
  #lastFailure: CommandError | undefined;
  #sending = 0;
  /** From when the record matters, epoch milliseconds, and what it has for each list: creations by the name of the key. */
  #since: number;
  #recorded = new WeakMap<KeyList, Promise<Map<string, RecordedChange[]>>>();
  /** The IDs of the keys that the first list has. */
  #atStart: ReadonlySet<string> | undefined;
  readonly #isExpected: (name: string) => boolean;
  /** The revocations of earlier commands that may still take effect, by the ID of the key. */
  readonly #revocations: Map<string, readonly RecordedChange[]>;
  /** The keys that were created last, the latest first, and when, in milliseconds of the monotonic clock. */
  #latest: readonly { readonly id: string; readonly at: number }[] = [];
  /** Why no more requests are sent. */
  #end: CommandError | undefined;

  private constructor(
    context: KeyChangesContext,
    { history, account, revocations, limits, isIdle, isExpected }: Parts,
  ) {
    this.#context = context;
    this.#history = history;
    this.#account = account;
    this.#revocations = revocations;
    this.#isExpected = isExpected;
    this.#since = context.clocks.wall() - lookBack;
    this.#attempts = limits.attempts ?? usualAttempts;
    this.#patience = limits.patience ?? Number.POSITIVE_INFINITY;
    this.#pace = new RequestPace(context.clocks, limits);
    this.#lists = new KeyLists(context, () => this.#sending === 0 && isIdle());
    const { interrupt } = context.world;
    // Each request listens to it.
    setMaxListeners(0, interrupt);
    const onInterrupt = () => this.stop(new CommandError('interrupted', 'Interrupted', { outcome: 'not_applied' }));
    if (interrupt.aborted) onInterrupt();
    else interrupt.addEventListener('abort', onInterrupt, { once: true });
  }

  /**
   * @param isIdle - whether no other changes are about to be made
   * @param isExpected - whether a key of that name is wanted, so that no other key got this name by mistake
   */
  static async open(
    context: KeyChangesContext,
    limits: ChangeLimits,
    isIdle: () => boolean = () => true,
    isExpected: (name: string) => boolean = () => false,
  ): Promise<KeyChanges> {
    const { connections, record } = context;
    const history = await record.history();
    const { client } = await context.api();
    client.prepare(limits.concurrency);
    connections.closeAtEnd({ close: async () => client.prepare(0) });
    const account = await record.account();
    const revocations = await openRevocations(history, account);
    return new KeyChanges(context, { history, account, revocations, limits, isIdle, isExpected });
  }

  /** Why no more requests are sent: the user interrupted the command, the key was refused, or the API doesn't answer. */
  get end(): CommandError | undefined {
    return this.#end;
  }

  /** Sends no more requests. Those under way end as usual. @param reason - thrown by all changes that aren't sent */
  stop(reason: CommandError): void {
    this.#end ??= reason;
    this.#pace.stop(reason);
  }

  /** Reads the keys of the account. Several calls at once share one request. @throws CommandError */
  async list(): Promise<KeyList> {
    const list = await this.#lists.next();
    this.#atStart ??= list.ids;
    return list;
  }

  /** The keys of the last list that was read. It is at least as new as those that {@link recover} looked at. */
  get listed(): KeyList {
    return this.#lists.last;
  }

  /** Returns whether an earlier command began to revoke a key, which may still take effect. */
  mayBeRevoked(id: string): boolean {
    return this.#revocations.has(id);
  }

  /**
   * Returns whether a key stays. If an earlier command began to revoke it, waits until that can no longer take effect.
   *
   * @param onWait - as for {@link recover}
   * @throws CommandError (unavailable) if another process is revoking it; with `outcome` unknown if it isn't known whether it stays
   */
  async stays(id: string, onWait: () => () => void = () => () => {}): Promise<boolean> {
    const revocations = this.#revocations.get(id) ?? [];
    if (revocations.some(isUnderWay))
      throw new CommandError('unavailable', 'Another ci process is revoking this key', { outcome: 'not_applied' });
    if (revocations.length === 0) return true;
    const isGone = await during(onWait, async () => {
      for (const change of revocations) if (await this.#isGone(id, this.#sentEarlier(change), false)) return true;
      return false;
    });
    await this.#settleRevocations(id, isGone ? 'applied' : 'not_applied');
    return !isGone;
  }

  /**
   * Finds the key that earlier processes created, and settles their changes.
   *
   * @param intent - what the key has to be
   * @param onWait - called when only the account can tell the outcome. The function that it returns is called when the wait is over
   * @throws CommandError, with `outcome` unknown if it isn't known whether the key exists
   */
  async recover(
    intent: KeyIntent,
    { changes, hasSecret }: EarlierKey,
    onWait: () => () => void = () => () => {},
  ): Promise<Recovered> {
    const revoked: string[] = [];
    const first = Math.min(...changes.map(({ at }) => Date.parse(at))) - lookBack;
    if (first < this.#since) {
      this.#since = first;
      this.#recorded = new WeakMap();
    }
    for (const change of changes) {
      const sent = this.#sentEarlier(change);
      const found = await during(onWait, () => this.#findEarlier(change, sent));
      if (found && !couldBe(intent, found)) throw otherKey();
      const key = found && (await this.#adopt(found, sent, hasSecret));
      if (key) return { key };
      if (found) revoked.push(found.id);
      else if (change.settled?.outcome !== 'applied')
        await this.#settle(sent.id, { outcome: 'not_applied', by: 'look', ids: [] });
    }
    return { key: undefined, revoked };
  }

  /**
   * Creates a key.
   *
   * @param before - the IDs of keys of that name
   * @param how - `recreated` if it replaces a key whose secret was lost
   * @param onWait - as for {@link recover}
   * @param replaces - the ID of the key that it replaces
   * @throws CommandError, with `outcome` unknown if it isn't known whether the key exists
   */
  async create(
    request: KeyRequest & { readonly name: string },
    before: readonly string[],
    how: 'created' | 'recreated',
    onWait: () => () => void = () => () => {},
    replaces?: string,
  ): Promise<BulkKey> {
    const intent = keyIntent(request, { replaces });
    const known = [...before];
    for (let failures = 0, refusals = 0; ; ) {
      const attempt = await this.#attempt(intent, { ids: known }, (api) => sendKeyRequest(api.keys, request));
      if (attempt.kind === 'answered') {
        const { answer, sent } = attempt;
        const { id = undefined, apiKey } = answer;
        if (id != null) this.#created(id);
        if (id != null && !isNamed(answer, request.name))
          throw await this.#renamed({ ...answer, id }, request.name, sent);
        if (isWholeKey(apiKey) && id != null) return this.#keyOf({ id, name: request.name, apiKey, how }, sent);
        const found = await this.#listedAfter(intent, id, sent);
        if (isWholeKey(apiKey)) return this.#keyOf({ id: found?.id, name: request.name, apiKey, how }, sent);
        const key = found && (await this.#adopt(found, sent));
        if (key) return key;
        if (!found || ++failures >= this.#attempts.failures) {
          throw new CommandError('unexpected_response', 'The API sent no secret for the new key', {
            outcome: found ? 'not_applied' : 'applied',
          });
        }
        how = 'recreated';
        known.push(found.id);
        continue;
      }
      if (attempt.kind === 'unclear') {
        const { sent, failure, refused } = attempt;
        const found = await during(onWait, () => this.#find(intent, sent, refused)).catch(after(failure, refused));
        const key = found && (await this.#adopt(found, sent));
        if (key) return key;
        if (found) {
          // The secret was lost each time: an API that never sends one would go on forever.
          if (++failures >= this.#attempts.failures) throw causeOf(failure).with({ outcome: 'not_applied' });
          how = 'recreated';
          known.push(found.id);
          continue;
        }
        await this.#settle(sent.id, { outcome: 'not_applied', by: 'look', ids: [], code: failure.code });
        if (
          failure.code === 'rate_limited'
            ? ++refusals >= this.#attempts.refusals
            : refused || ++failures >= this.#attempts.failures
        )
          throw notApplied(failure, refused);
        continue;
      }
      if (attempt.failure.status !== undefined || ++failures >= this.#attempts.failures) throw attempt.failure;
    }
  }

  /**
   * Revokes a key. Succeeds if it is gone already.
   *
   * @param isLast - whether to do so even if no more requests are sent, because nobody has the secret of the key
   * @throws CommandError
   */
  async revoke(
    { id, name }: { readonly id: string; readonly name?: string | null | undefined },
    { isLast = false }: { readonly isLast?: boolean } = {},
  ): Promise<void> {
    const intent = { action: 'delete-key', id, name: name ?? undefined } as const;
    this.#latest = this.#latest.filter((each) => each.id !== id);
    for (let failures = 0, refusals = 0; ; ) {
      const attempt = await this.#attempt(intent, {}, (api) => api.keys.delete(id), isLast);
      if (attempt.kind === 'answered') return this.#revoked(id, attempt.sent.id, 'answer');
      if (attempt.kind === 'failed') {
        const { failure } = attempt;
        if (failure.code === 'not_found' && !(await this.#listNow()).has(id))
          return this.#revoked(id, attempt.id, 'look');
        if (failure.status !== undefined || ++failures >= this.#attempts.failures) throw failure;
        continue;
      }
      const { sent, failure, refused } = attempt;
      if (await this.#isGone(id, sent, refused).catch(after(failure, refused)))
        return this.#revoked(id, sent.id, 'look');
      await this.#settle(sent.id, { outcome: 'not_applied', by: 'look', ids: [], code: failure.code });
      if (
        failure.code === 'rate_limited'
          ? ++refusals >= this.#attempts.refusals
          : refused || ++failures >= this.#attempts.failures
      )
        throw notApplied(failure, refused);
    }
  }

  /** Records that a key is revoked. */
  async #revoked(id: string, change: string, by: Settled['by']): Promise<void> {
    await this.#settle(change, { outcome: 'applied', by, ids: [id] });
    await this.#settleRevocations(id, 'applied');
  }

  /** Records how the revocations of earlier commands ended. */
  async #settleRevocations(id: string, outcome: 'applied' | 'not_applied'): Promise<void> {
    const revocations = this.#revocations.get(id) ?? [];
    this.#revocations.delete(id);
    const ids = outcome === 'applied' ? [id] : [];
    for (const change of revocations)
      if (!isUnderWay(change)) await this.#settle(change.id, { outcome, by: 'look', ids });
  }

  /** Records a change and sends it once. */
  async #attempt<Answer>(
    intent: Intent,
    before: Before,
    send: (api: Api) => Promise<Answer>,
    isLast = false,
  ): Promise<Attempt<Answer>> {
    if (this.#end && !isLast) throw this.#end;
    const { clocks, connections, settings, result } = this.#context;
    const begun = timesOf(clocks);
    const id = await this.#begin({ intent, before, account: this.#account });
    const departure = new Departure(this.#context, this.#history, { id, begun });
    const api = await connections.changing(departure.leave, { isQuiet: true });
    let ended: Awaited<ReturnType<RequestPace['enter']>> = () => {};
    try {
      ended = await this.#pace.enter();
    } catch (error) {
      if (!isLast) {
        await this.#settle(id, { outcome: 'not_applied', by: 'answer', ids: [] });
        if (error instanceof CommandError) this.stop(error);
        throw error;
      }
    }
    const start = clocks.monotonic();
    const settlingTime = settings.settlingTime.value;
    const sent = () => ({
      id,
      before,
      leftAt: departure.left.wall,
      settlesAt: departure.left.wall + settlingTime,
      settlesAtMonotonic: departure.left.monotonic + settlingTime,
    });
    this.#sending++;
    try {
      const answer = await send(api);
      result.lastChange = 'applied';
      ended({ kind: 'answered', latency: clocks.monotonic() - start });
      return { kind: 'answered', sent: sent(), answer };
    } catch (error) {
      const failure = error instanceof CommandError ? error : unreadable(error);
      this.#lastFailure = failure;
      ended(endOf(failure, clocks.monotonic() - start));
      const refused = failure.outcome !== 'unknown';
      const isSettled = refused && precedesAnyWork(failure);
      // Before the next one leaves: none of these fails only one key.
      const { outage } = this.#pace;
      if (outage) this.stop(hopeless(outage, this.#lastFailure));
      else if (isSettled && (failure.exitCode === 4 || ['interrupted', 'file_error'].includes(failure.code)))
        this.stop(failure);
      if (!isSettled) return { kind: 'unclear', sent: sent(), failure, refused };
      await this.#settle(id, { outcome: 'not_applied', by: 'answer', ids: [], code: failure.code });
      return { kind: 'failed', id, failure };
    } finally {
      this.#sending--;
    }
  }

  /**
   * Looks at the account until it shows the key that a change created, or the change can no longer take effect.
   *
   * @param refused - whether the API refused the change, so that one look is enough
   * @returns undefined if it certainly wasn't created
   * @throws CommandError with `outcome` unknown
   */
  async #find(intent: KeyIntent, sent: Sent, refused: boolean): Promise<Key | undefined> {
    const { name = '' } = intent;
    let similar: Key[] = [];
    const found = await this.#look(sent, refused, async (list) => {
      const verdict = await this.#judge(intent, sent, list);
      if (verdict.outcome === 'unknown') throw this.#unknown(verdict.why);
      similar = verdict.outcome === 'applied' ? [] : list.similar(name);
      return verdict.outcome === 'applied' ? verdict.found : undefined;
    });
    const renamed = similar.find((key) => this.#couldBeRenamed(key, sent));
    if (renamed && !found)
      throw this.#unknown(`there is a new key ${JSON.stringify(shortened(renamed.name ?? ''))} (${renamed.id})`);
    return found;
  }

  /** Decides whether a change created one of the keys. What other commands create isn't its result. */
  async #judge(intent: KeyIntent, { id, before }: Sent, list: KeyList): Promise<Verdict<Key>> {
    const { name = '' } = intent;
    const keys = list.active(name);
    const verdict = judgeKey(intent, before, keys);
    if (verdict.outcome === 'not_applied') return verdict;
    const recorded = await this.#recordedOf(list, name);
    if (recorded.some((other) => isRival({ id, intent, account: this.#account }, other)))
      return { outcome: 'unknown', why: 'another ci process is creating a key of this name' };
    return judgeKey(intent, before, keys, idsOfOthers(recorded, { id, intent }));
  }

  /** Returns the recorded creations of keys of a name. They are at least as new as a list, and read once for it. */
  async #recordedOf(list: KeyList, name: string): Promise<readonly RecordedChange[]> {
    const known = this.#recorded.get(list) ?? this.#creationsByName();
    this.#recorded.set(list, known);
    const byName = await known;
    // A creation without a name can have any.
    return [...(byName.get(name.trim()) ?? []), ...(byName.get('') ?? [])];
  }

  async #creationsByName(): Promise<Map<string, RecordedChange[]>> {
    const changes = await this.#history.since(this.#since);
    return groupBy(changes, ({ intent }) => (intent.action === 'create-key' ? (intent.name?.trim() ?? '') : undefined));
  }

  /** Returns whether a key is new, and nobody asked for one of its name. */
  #couldBeRenamed({ id, name, createdAt }: Key, { before, leftAt }: Sent): boolean {
    if (this.#isExpected(name?.trim() ?? '') || before.ids?.includes(id)) return false;
    const isNew = this.#atStart !== undefined && !this.#atStart.has(id);
    return isNew || Date.parse(createdAt ?? '') >= leftAt - clockTolerance;
  }

  /** Returns the key that a change of an earlier process created. @throws CommandError with `outcome` unknown */
  async #findEarlier(change: RecordedChange, sent: Sent): Promise<Key | undefined> {
    const { intent, settled, lacksBefore } = change;
    if (intent.action !== 'create-key' || intent.name === undefined) return undefined;
    if (settled?.outcome === 'applied') {
      const active = (await this.#listNow()).active(intent.name);
      return active.find(({ id }) => settled.ids.includes(id));
    }
    if (lacksBefore) throw this.#unknown('the earlier state of the account is no longer known');
    return this.#find(intent, sent, false);
  }

  /** Returns the key that an answer without its ID or its secret is about. @throws CommandError with `outcome` unknown */
  async #listedAfter(intent: KeyIntent, id: string | null | undefined, sent: Sent): Promise<Key | undefined> {
    if (id == null) return this.#find(intent, sent, true);
    return (await this.#listNow()).active(intent.name ?? '').find((key) => key.id === id);
  }

  async #isGone(id: string, sent: Sent, refused: boolean): Promise<boolean> {
    return (await this.#look(sent, refused, (list) => (list.has(id) ? undefined : true))) ?? false;
  }

  async #look<Found>(
    sent: Sent,
    refused: boolean,
    judge: (list: KeyList) => Found | undefined | Promise<Found | undefined>,
  ): Promise<Found | undefined> {
    const { clocks } = this.#context;
    const giveUpAt = clocks.monotonic() + this.#patience;
    for (let count = 0; ; count++) {
      const hasSettled = clocks.wall() >= sent.settlesAt && clocks.monotonic() >= sent.settlesAtMonotonic;
      const asked = clocks.monotonic();
      const list = await this.#listNow();
      const found = await judge(list);
      if (found !== undefined) return found;
      if (hasSettled || refused) {
        this.#checkWhole(list, asked);
        return undefined;
      }
      if (this.#end || clocks.monotonic() >= giveUpAt) throw this.#unknown();
      const left = Math.max(sent.settlesAt - clocks.wall(), sent.settlesAtMonotonic - clocks.monotonic(), 1);
      const pause = pauses[count] ?? pauses[pauses.length - 1] ?? 0;
      if (!(await waited(this.#context, Math.min(pause, left)))) throw this.#unknown();
    }
  }

  /** Returns the keys as they are now. @throws CommandError with `outcome` unknown */
  #listNow(): Promise<KeyList> {
    return this.#lists.next().catch((error: unknown) => {
      throw error instanceof CommandError ? this.#unknown(asClause(error.message)) : error;
    });
  }

  /** Refuses a list that lacks the keys that the API has just created: then a key that is missing may exist. */
  #checkWhole(list: KeyList, asked: number): void {
    const before = this.#latest.filter(({ at }) => at < asked);
    const [latest] = before;
    if (latest && before.every(({ id }) => !list.has(id)))
      throw this.#unknown(`the list of keys lacks ${latest.id}, which was just created`);
  }

  /** Remembers which keys were created last. */
  #created(id: string): void {
    this.#latest = [{ id, at: this.#context.clocks.monotonic() }, ...this.#latest.slice(0, 2)];
  }

  /** Revokes a key that has another name than asked for, because no later run would find it. @returns the error */
  async #renamed(
    { id, name }: { readonly id: string; readonly name?: string | null | undefined },
    asked: string,
    sent: Sent,
  ) {
    const what = `The API named the key ${JSON.stringify(shortened(name ?? ''))} instead of ${JSON.stringify(shortened(asked))}`;
    try {
      await this.revoke({ id, name }, { isLast: true });
    } catch (error) {
      throw cantRevoke(`${what}, and it can't be revoked`, id, error);
    }
    await this.#settle(sent.id, { outcome: 'applied', by: 'answer', ids: [id] });
    return new CommandError('unexpected_response', `${what}, so later runs wouldn't find it. The new key was revoked`, {
      outcome: 'not_applied',
    });
  }

  /** Returns the key of a change that went through, with its secret. Revokes it and returns undefined if its secret is lost. */
  async #adopt(found: Key, sent: Sent): Promise<BulkKey | undefined>;
  async #adopt(found: Key, sent: Sent, hasSecret: (id: string) => boolean): Promise<BulkKey | DeliveredKey | undefined>;
  async #adopt(
    found: Key,
    sent: Sent,
    hasSecret: (id: string) => boolean = () => false,
  ): Promise<BulkKey | DeliveredKey | undefined> {
    const { id, name } = found;
    if (hasSecret(id)) {
      const stays = await this.stays(id);
      await this.#settle(sent.id, { outcome: 'applied', by: 'look', ids: [id] });
      return stays ? { id, how: 'delivered' } : undefined;
    }
    // A key that may be revoked any moment is of no use.
    const apiKey = this.mayBeRevoked(id) ? undefined : await this.#secretOf(found);
    if (apiKey !== undefined) return this.#keyOf({ id, name: name ?? '', apiKey, how: 'found' }, sent);
    try {
      await this.revoke(found);
    } catch (error) {
      throw cantRevoke(`The key was created, but its secret was lost, and it can't be revoked`, id, error);
    }
    await this.#settle(sent.id, { outcome: 'applied', by: 'look', ids: [id] });
    return undefined;
  }

  /** Returns the secret of a key if the API shows it. That of a credit key is only in the list of keys. @throws CommandError with `outcome` unknown */
  async #secretOf(key: Key): Promise<string | undefined> {
    if (isWholeKey(key.apiKey)) return key.apiKey;
    if (key.keyType === 'credit') return undefined;
    try {
      return await secretOf(await this.#context.connections.looking(), key);
    } catch (error) {
      throw error instanceof CommandError ? this.#unknown(asClause(error.message)) : error;
    }
  }

  #keyOf(key: Omit<BulkKey, 'delivered'>, { id }: Sent): BulkKey {
    const { id: keyId, how } = key;
    const ids = keyId === undefined ? [] : [keyId];
    const by = how === 'found' ? 'look' : 'answer';
    return { ...key, delivered: () => this.#settle(id, { outcome: 'applied', by, ids }) };
  }

  #sentEarlier(change: RecordedChange): Sent {
    const { clocks } = this.#context;
    const settles = settlesAt(change, this.#context);
    const settlesAtMonotonic = clocks.monotonic() + Math.max(0, settles - clocks.wall());
    const { id, at, before } = change;
    return { id, before, leftAt: Date.parse(at), settlesAt: settles, settlesAtMonotonic };
  }

  /** Records a change. @throws CommandError (file_error), which all others would be */
  async #begin(change: NewChange): Promise<string> {
    try {
      return await this.#history.begin(change);
    } catch (error) {
      if (error instanceof CommandError) this.stop(error);
      throw error;
    }
  }

  /** Records the outcome of a change. If that fails, the next run finds it, and this one sends no more. */
  async #settle(id: string, settled: Settled): Promise<void> {
    try {
      await this.#history.settle(id, settled);
    } catch (error) {
      const message = `Can't record the outcome of a change in ${this.#history.place}: ${asClause(messageOf(error))}`;
      this.stop(new CommandError('file_error', message, { outcome: 'not_applied', cause: error }));
    }
  }

  #unknown(why?: string): CommandError {
    this.#context.result.lastChange = 'unknown';
    return new CommandError(
      'outcome_unknown',
      `The change may or may not have gone through${why === undefined ? '' : `: ${why}`}`,
      {
        outcome: 'unknown',
      },
    );
  }
}

/** A key that an earlier process created and delivered. */
export interface DeliveredKey {
  readonly id: string;
  readonly how: 'delivered';
}

interface Parts {
  readonly history: ChangeLog;
  readonly account: RecordedAccount;
  readonly revocations: Map<string, readonly RecordedChange[]>;
  readonly limits: ChangeLimits;
  readonly isIdle: () => boolean;
  readonly isExpected: (name: string) => boolean;
}

/** Returns the revocations that may still take effect, by the ID of the key. */
async function openRevocations(
  history: ChangeLog,
  account: RecordedAccount,
): Promise<Map<string, readonly RecordedChange[]>> {
  return groupBy(await history.open(), ({ account: { id }, intent }) =>
    id === account.id && intent.action === 'delete-key' ? intent.id : undefined,
  );
}

function endOf(failure: CommandError, latency: number): RequestEnd {
  const { code, retryAfter, status } = causeOf(failure);
  if (code === 'rate_limited') return { kind: 'limited', retryAfter };
  return status === undefined || status >= 500 ? { kind: 'failed' } : { kind: 'answered', latency };
}

function hopeless(outage: NonNullable<RequestPace['outage']>, last: CommandError | undefined): CommandError {
  const state = { retryable: true, outcome: 'not_applied' } as const;
  const why = last ? `: ${asClause(causeOf(last).message)}` : '';
  if (outage.kind === 'failed') return new CommandError('unreachable', `The API doesn't answer${why}`, state);
  const { retryAfter } = outage;
  const hint =
    retryAfter === undefined || retryAfter === 0 ? undefined : `It asks to wait for ${durationInWords(retryAfter)}.`;
  return new CommandError('rate_limited', `The API refuses all requests${why}`, {
    ...state,
    retryAfter,
    hint,
  });
}

/** Returns a function that adds what happened to an error about an outcome. */
function after(failure: CommandError, refused: boolean): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof CommandError) || error.outcome !== 'unknown') throw error;
    throw error.with({ message: `${happened(failure, refused)}. ${error.message}`, status: causeOf(failure).status });
  };
}

/** Returns the error for a change that certainly wasn't carried out. */
function notApplied(failure: CommandError, refused: boolean): CommandError {
  const cause = causeOf(failure);
  if (refused) return cause.with({ outcome: 'not_applied' });
  const code = cause.code === 'outcome_unknown' ? 'server_error' : cause.code;
  return cause.with({
    code,
    message: `${happened(failure, refused)}. The change didn't go through`,
    outcome: 'not_applied',
  });
}

/** Returns the error if the key of that name isn't the one to create. */
export function otherKey(): CommandError {
  return new CommandError('unavailable', 'There is a key of this name with another type or subscription', {
    outcome: 'not_applied',
  });
}

function cantRevoke(message: string, id: string, error: unknown): CommandError {
  if (!(error instanceof CommandError)) throw error;
  return error.with({ message: `${message} (${id}): ${asClause(error.message)}`, outcome: 'applied' });
}

/** Returns whether a created key has the name that was asked for. Not all generations of the API say its name. */
function isNamed({ name }: { readonly name?: string | null | undefined }, asked: string): boolean {
  return name == null || name.trim() === asked.trim();
}

async function during<Result>(begin: () => () => void, work: () => Promise<Result>): Promise<Result> {
  const end = begin();
  try {
    return await work();
  } finally {
    end();
  }
}
