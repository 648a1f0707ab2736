import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FollowUp, type LateChange, reconcile } from './changes.ts';
import { delays, endings, refusals } from './endings.ts';
import { type Figures, Scene, type Verdict } from './run.ts';
import type { Fault } from './server.ts';

/** How long after the first command the next one starts, in milliseconds: immediately, and after the settling time. */
const pauses = [0, 130_000] as const;

/** All faults, by name. */
const faults: readonly (readonly [string, Fault])[] = [
  ...endings.flatMap((ending) =>
    delays.map((delay): [string, Fault] => [
      `${ending.name}, commit after ${delay / 1000} s`,
      { kind: 'late', delay, ending },
    ]),
  ),
  ...refusals.flatMap((refusal) =>
    [true, false].map((commits): [string, Fault] => [
      `${refusal.name} ${commits ? 'after a commit' : 'without a commit'}`,
      { kind: 'refused', refusal, commits },
    ]),
  ),
];

/** The totals of all cases. */
export class Sum implements Figures {
  cases = 0;
  secondCharges = 0;
  wrongOutcomes = 0;
  lostSecrets = 0;
  openRecords = 0;
  failedFollowUps = 0;
  laterThanSettling = 0;

  add(verdict: Verdict): void {
    this.cases += 1;
    this.secondCharges += verdict.secondCharges;
    this.wrongOutcomes += verdict.wrongOutcomes;
    this.lostSecrets += verdict.lostSecrets;
    this.openRecords += verdict.openRecords;
    this.failedFollowUps += verdict.failedFollowUps;
    this.laterThanSettling += verdict.laterThanSettling;
  }

  /** Prints the figures after all tests of the file or the `describe` in which it is called. */
  print(name: string): void {
    let started = 0;
    beforeAll(() => {
      started = performance.now();
    });
    afterAll(() => {
      console.table({ [name]: { ...this, seconds: Math.round((performance.now() - started) / 1000) } });
    });
  }
}

/** Tests a change with every fault, followed by nothing, by each command that can come next, by `history reconcile`, or by that and each. */
export function testMatrix(change: LateChange): void {
  describe(change.name, () => {
    const sum = new Sum();
    sum.print(change.name);

    test.for(faults)('%s', async ([, fault]) => {
      const flawed: Record<string, readonly string[]> = {};
      await Scene.play({ change, fault }, async (scene) => {
        const judge = async (pause: number, ...ran: readonly FollowUp[]) => {
          const verdict = await scene.judge();
          sum.add(verdict);
          if (verdict.flaws.length > 0) flawed[inWords(pause, ran)] = verdict.flaws;
        };
        await scene.endFirst();
        await scene.branch(() => judge(0));
        for (const pause of pauses) {
          await scene.branch(async () => {
            if (pause > 0) await scene.machine.pass(pause);
            const followedByEach = async (...ran: readonly FollowUp[]) => {
              for (const next of change.followUps) {
                await scene.branch(async () => {
                  await scene.follow(next);
                  await judge(pause, ...ran, next);
                });
              }
            };
            await followedByEach();
            await scene.follow(reconcile);
            await followedByEach(reconcile);
            await judge(pause, reconcile);
          });
        }
      });
      expect(flawed).toEqual({});
    });
  });
}

function inWords(pause: number, ran: readonly FollowUp[]): string {
  const names = ran.map(({ name }) => name).join(', ');
  return `${pause === 0 ? 'then' : `${pause / 1000} s later`} ${names || 'nothing'}`;
}
