import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { type Environment, lines, type User, userOf } from './cli.ts';
import { withResolvers } from './resolvers.ts';
import { at, type TestSandbox, textAt } from './sandbox.ts';
import { type Behavior, type Received, type RecordingServer, recordedSandbox, silence } from './servers.ts';

/** What happens to a request, and what its sender receives. */
export interface Loss {
  readonly isApplied: boolean;
  readonly response: Behavior;
}

/** A response that is held back until it is released. */
export interface HeldResponse {
  readonly respond: Behavior;
  /** Sends the server's response. Resolves when all of it has left. */
  release(how: Behavior): Promise<void>;
}

/** Holds back the response to one request. */
export function heldResponse(): HeldResponse {
  const { promise: released, resolve: release } = withResolvers<Behavior>();
  const { promise: left, resolve: over } = withResolvers();
  return {
    async respond(request, response) {
      response.once('close', over).once('finish', over);
      await (await released)(request, response);
    },
    release(how) {
      release(how);
      return left;
    },
  };
}

/** A user of a sandbox that loses responses. */
export interface LossyCustomer {
  readonly me: User;
  readonly box: TestSandbox;
  readonly api: RecordingServer;
  /** Waits until this many responses are lost. What should be applied has been. */
  lost(count: number): Promise<void>;
}

export const isChange = ({ method }: Received) => method !== 'GET';

/**
 * Creates a user of a sandbox that loses responses.
 *
 * @param lossOf - called for each request with the number of lost ones; undefined means a normal response
 */
export async function lossyCustomer(
  lossOf: (request: Received, before: number) => Loss | undefined,
  env: Environment = {},
): Promise<LossyCustomer> {
  let begun = 0;
  let happened = 0;
  const waiting = new Set<() => void>();
  const api: RecordingServer & { readonly box: TestSandbox } = await recordedSandbox({
    instead(request) {
      const loss = lossOf(request, begun);
      if (!loss) return undefined;
      begun += 1;
      return async (received, response) => {
        if (loss.isApplied) await api.box.call(received.method, received.path, { text: received.body });
        happened += 1;
        for (const look of waiting) look();
        await loss.response(received, response);
      };
    },
  });
  return {
    me: userOf(api, env),
    box: api.box,
    api,
    lost: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (happened >= count) resolve();
        };
        waiting.add(look);
        look();
      }),
  };
}

/** Loses the response to the first change and no other. */
export function firstChange(isApplied: boolean, response: Behavior) {
  return (request: Received, before: number): Loss | undefined =>
    isChange(request) && before === 0 ? { isApplied, response } : undefined;
}

/**
 * Creates a user with a `ci` that was killed while it waited for the response to a change.
 *
 * @param prepare - called before the command starts
 */
export async function killedCustomer(
  line: string,
  isApplied: boolean,
  prepare: (customer: LossyCustomer) => void | Promise<void> = () => {},
): Promise<LossyCustomer> {
  const customer = await lossyCustomer(firstChange(isApplied, silence));
  await prepare(customer);
  const running = customer.me.start(line);
  await customer.lost(1);
  running.kill('SIGKILL');
  expect((await running.ended).signal).toBe('SIGKILL');
  return customer;
}

export function stateFolder({ home }: User): string {
  return path.join(home, '.local', 'state', 'cheapestinference');
}

/** Returns the names of all files in the state folder. Open changes are in a subfolder: `open/….json`. */
export function stateFiles(user: User): string[] {
  const folder = stateFolder(user);
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? [] : path.join(path.relative(folder, entry.parentPath), entry.name)))
    .sort();
}

/** Returns the lines of the record. */
export function recordOf(user: User): unknown[] {
  return linesOf(path.join(stateFolder(user), 'history.jsonl'));
}

function linesOf(file: string): unknown[] {
  if (!existsSync(file)) return [];
  const text = readFileSync(file, 'utf8');
  return text.split('\n').flatMap((line): unknown[] => (line === '' ? [] : [JSON.parse(line)]));
}

/** Returns the recorded outcome of each change, in order: `subscribe applied`, or `subscribe pending`. */
export function outcomesOf(user: User): string[] {
  const entries = recordOf(user);
  return entries
    .filter((line) => at(line, 'intent') !== undefined)
    .map((begin) => {
      const end = entries.findLast((line) => at(line, 'id') === at(begin, 'id') && at(line, 'outcome') !== undefined);
      return `${textAt(begin, 'intent', 'action')} ${end === undefined ? 'pending' : textAt(end, 'outcome')}`;
    });
}

/** Moves all times in the record to an earlier time. @param by - milliseconds */
export function madeEarlier(user: User, by: number): void {
  for (const name of stateFiles(user).filter((each) => /\.jsonl?$/.test(each))) {
    const file = path.join(stateFolder(user), name);
    const moved = linesOf(file).map((line) => {
      const time = new Date(Date.parse(textAt(line, 'at')) - by).toISOString();
      return JSON.stringify({ ...Object.fromEntries(Object.entries(line ?? {})), at: time });
    });
    writeFileSync(file, `${moved.join('\n')}\n`);
  }
}

/** Returns the error that `--json` printed on the last line of stderr. */
export function errorOf({ stderr }: { readonly stderr: string }): unknown {
  return at(JSON.parse(lines(stderr).at(-1) ?? ''), 'error');
}

/** Returns the file that an error names for secrets that weren't delivered; an empty text if it names none. */
export function undeliveredIn(error: string): string {
  return /\b(?:Its secret is|Their secrets are) in (\S+)\.(?:"|$)/.exec(error)?.[1] ?? '';
}
