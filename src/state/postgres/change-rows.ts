import * as z from 'zod/mini';
import type { RecordedChange, Settled } from '../change-log.ts';
import { beforeSchema, intentSchema, processSchema } from '../change-schema.ts';
import { hasEnded } from '../process.ts';
import { isAlive, milliseconds } from './expressions.ts';
import type { ServerClock } from './server-clock.ts';

/** The columns of a change, for `select`. Times are epoch milliseconds of the server's clock. */
export function changeColumns(schema: string): string {
  return `id, account, label, intent, before, process, username, host,
    ${milliseconds('at')} as at,
    ${milliseconds('sent_at')} as sent_at,
    outcome, found_by, ids, code, charge,
    ${milliseconds('settled_at')} as settled_at,
    exists (
      select from ${schema}.sessions where sessions.id = changes.session and ${isAlive}
    ) as is_running,
    ${milliseconds('clock_timestamp()')} as now`;
}

/** A row with {@link changeColumns}. */
export interface ChangeRow {
  readonly id: string;
  readonly account: string;
  readonly label: string;
  readonly intent: unknown;
  readonly before: unknown;
  readonly process: unknown;
  readonly username: string;
  readonly host: string;
  readonly at: number;
  readonly sent_at: number | null;
  readonly outcome: Settled['outcome'] | null;
  readonly found_by: Settled['by'] | null;
  readonly ids: unknown;
  readonly code: string | null;
  readonly charge: number | null;
  readonly settled_at: number | null;
  readonly is_running: boolean;
  readonly now: number;
}

const idsSchema = z.array(z.string());

/**
 * Converts a row; returns undefined if a newer version of `ci` recorded a kind of change that this one doesn't know.
 *
 * @param ownTime - when this process began the change, epoch milliseconds by this machine's clock; undefined if another one did
 */
export function changeOfRow(row: ChangeRow, clock: ServerClock, ownTime?: number): RecordedChange | undefined {
  const { id, account, label, username, host, sent_at, outcome, found_by, code, charge, settled_at, is_running } = row;
  const intent = intentSchema.safeParse(row.intent);
  if (!intent.success) return undefined;
  const process = processSchema.parse(row.process);
  const time = (serverTime: number) => new Date(clock.toLocal(serverTime)).toISOString();
  return {
    id,
    at: ownTime === undefined ? time(row.at) : new Date(ownTime).toISOString(),
    ...(sent_at !== null && { sentAt: time(sent_at) }),
    intent: intent.data,
    before: beforeSchema.parse(row.before),
    account: { id: account, label },
    process,
    by: userOn(username, host),
    // A process of this machine may have been killed.
    isRunning: is_running && !hasEnded(process),
    ...(outcome !== null && {
      settled: {
        at: time(settled_at ?? row.at),
        outcome,
        by: found_by ?? 'look',
        ids: idsSchema.parse(row.ids ?? []),
        ...(code !== null && { code }),
        ...(charge !== null && { charge }),
      },
    }),
  };
}

/** Returns who made a change, for people. */
export function userOn(user: string, host: string): string {
  return user === '' ? host : `${user} on ${host}`;
}
