import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { type Ended, type Environment, type User, words } from './cli.ts';
import { isBinary } from './program.ts';

/** A command line, and what differs from the other processes. */
interface Run {
  readonly line: string;
  readonly env?: Environment;
  readonly stdin?: string;
}

/** Runs one command line in each of several processes at the same time. */
export type Crowd = (user: User, runs: readonly (string | Run)[]) => Promise<Ended[]>;

/**
 * Starts processes that run command lines of the shipped bundle for all tests of a file. They stay: starting one takes ten times as
 * long as a command does, so commands of processes that have yet to start hardly meet each other. The binary needs none, because it
 * starts fast.
 *
 * @param size - how many there are
 */
export function crowd(size: number): Crowd {
  if (isBinary) {
    return (user, runs) =>
      Promise.all(runs.map((run) => (typeof run === 'string' ? user.ci(run) : user.ci(run.line, run))));
  }
  const members: ChildProcess[] = [];
  beforeAll(() => {
    for (let count = 0; count < size; count += 1) {
      members.push(fork(path.resolve('test/support/crowd-member.cjs'), { env: {}, execArgv: [] }));
    }
  });
  afterAll(async () => {
    await Promise.all(
      members.map((member) => {
        const closed = once(member, 'close');
        member.kill('SIGKILL');
        return closed;
      }),
    );
  });
  return ({ home, env }, runs) =>
    Promise.all(
      runs.map((run, at) => {
        const { line, env: more = {}, stdin = '' }: Run = typeof run === 'string' ? { line: run } : run;
        const member = members[at];
        if (!member) throw new Error(`there are ${members.length} processes for ${runs.length} command lines`);
        return new Promise<Ended>((resolve, reject) => {
          const gone = () => reject(new Error(`the process ended: ci ${line}`));
          member.once('close', gone);
          member.once('message', (ended: Ended) => {
            member.off('close', gone);
            resolve(ended);
          });
          member.send({ args: words(line), cwd: home, env: { ...env, ...more }, stdin });
        });
      }),
    );
}
