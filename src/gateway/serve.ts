import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { proxiesOf } from '../api/proxies.ts';
import { stateFolder } from '../config/folders.ts';
import { CommandError } from '../domain/errors.ts';
import type { Address } from './address.ts';
import { type CertificateFiles, certificateFor } from './certificate.ts';
import { eventFields } from './events.ts';
import { Gateway } from './gateway.ts';
import { listen } from './listen.ts';
import type { Outside } from './outside.ts';
import { logVariable } from './running-gateways.ts';
import { SeatClaims } from './seat-claims.ts';
import { type FoundSeats, type SeatChoice, SeatFinder } from './seat-finder.ts';
import { type ServeContext, Session } from './session.ts';
import { readTokens, tokenCommand } from './token.ts';
import { UsageLog } from './usage-log.ts';

/** How to serve a gateway. */
export interface ServeOptions extends SeatChoice, CertificateFiles {
  readonly listen: Address;
  /** An absolute path. */
  readonly tokenFile: string;
  readonly outside: Outside;
  /** The name or ID of the key for `--outside credit`; undefined: the only one. */
  readonly creditKey: string | undefined;
  readonly queueLimit: number;
  /** Milliseconds. */
  readonly queueTimeout: number;
  /** How long to wait for running requests at the end, in milliseconds. */
  readonly drain: number;
  /** Whether to end when no command uses it. */
  readonly untilUnused: boolean;
  /** Whether not to print each request. */
  readonly quiet: boolean;
}

/**
 * Serves a gateway until it is interrupted.
 *
 * @throws CommandError if it can't start
 */
export async function serveGateway(context: ServeContext, options: ServeOptions): Promise<void> {
  saveMemory();
  const { output, world } = context;
  const { env } = world;
  output.checkFields(eventFields);
  const certificate = certificateFor(options.listen, options);
  const tokens = readTokens(options.tokenFile, env);
  const finder = new SeatFinder(context, options);
  const creditKey = options.outside === 'credit' ? await finder.creditKey(options.creditKey) : undefined;
  const api = await context.api();
  const account = await context.record.ownAccount();
  const seats = new SeatClaims(context, account.id);
  const usage = new UsageLog(stateFolder(env), env, account.id, world.now);
  const session = new Session(context, {
    ...options,
    finder,
    creditKey,
    creditKeyName: options.creditKey,
    usage,
    claim: (found) => seats.claimFree(found),
    isTaken: (id) => seats.isTaken(id),
    onStopping: () => seats.markStopping(),
    tokenCommand: tokenCommand(options.tokenFile, world),
  });
  const gateway = new Gateway({
    ...options.listen,
    api: api.client.baseUrl,
    proxies: proxiesOf(env),
    tokens,
    certificate,
    waitsOutside: options.outside === 'wait',
    creditKey,
    queueLimit: options.queueLimit,
    queueTimeout: options.queueTimeout,
    wall: () => world.now() + api.client.clockOffset,
    monotonic: world.monotonic,
    onRefused: () => session.refreshSoon(),
    onCredit: () => session.onCredit(),
    onCreditRefused: () => session.onCreditRefused(),
    onRequest: (record) => session.onRequest(record),
    onUnused: () => session.onUnused(),
  });
  try {
    await seats.exclusively(async () => {
      const found = await finder.find({ mayListModels: (id) => !seats.isTaken(id), isFirst: true });
      seats.refuseOverlap(found.seats);
      if (found.seats.length === 0 && !creditKey) throw noSeat(found, options);
      await listen(gateway, options.listen);
      seats.record({
        url: gateway.url,
        tokenFile: options.tokenFile,
        certificate: options.cert === undefined ? undefined : path.resolve(world.cwd, options.cert),
        account: account.id,
        label: account.label,
        seats: found.seats.map(({ id }) => id),
        startedAt: new Date(world.now()).toISOString(),
        drain: options.drain,
        untilUnused: options.untilUnused,
        log: env[logVariable],
      });
      await session.open(gateway, found);
    });
    await session.run();
  } finally {
    try {
      await gateway.close();
      await session.close();
    } finally {
      // Last, because `ci gateway stop` waits for it.
      seats.release();
    }
  }
  await output.written().catch(() => {});
}

/**
 * Keeps V8's young generation small. Streams fill it with chunks that are soon passed on, and by default it would grow until the process
 * uses twice the memory.
 */
function saveMemory(): void {
  if (process.versions.bun === undefined) setFlagsFromString('--semi-space-growth-factor=1');
}

function noSeat({ missing, problems }: FoundSeats, { keys, pools }: SeatChoice): CommandError {
  if (keys.length > 0) {
    const ofPools = pools.length > 0 ? ' of the pools in --pools' : '';
    return new CommandError('not_found', `No key in --keys belongs to an active subscription${ofPools}`, {
      hint: [...problems, 'Leave out --keys to use the keys of all seats.'].join(' '),
    });
  }
  const [first] = missing;
  const next = first
    ? `You have a seat of pool ${first.pool}. Run \`${first.command}\`.`
    : 'Reserve a seat and store its key with `ci pools subscribe POOL --create-key NAME --store`.';
  return new CommandError('not_found', 'No key of a subscription is stored on this machine', {
    hint: [...problems, next].join(' '),
  });
}
