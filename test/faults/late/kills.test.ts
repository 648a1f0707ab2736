import { describe, expect, test } from 'vitest';
import { random } from '../../virtual/random.ts';
import { purchase } from './changes.ts';
import { Sum } from './matrix.ts';
import { Scene, type Verdict } from './run.ts';

/** The number of purchases to kill, and of tests they are divided into. */
const kills = 500;
const batch = 25;

/** The latest commit and the latest kill, in virtual milliseconds. */
const latestCommit = 10_000;
const latestKill = 12_000;

/** Maximum number of requests in a purchase. */
const mostRequests = 6;

const ensure = { name: '--ensure', line: `${purchase.line} --ensure` };

/** Kills a purchase at a moment that the seed chooses: at a time, or when the server receives one of its requests. */
function killed(seed: number): Promise<Verdict> {
  const next = random(seed);
  const delay = Math.round(next() * latestCommit);
  const byClock = next() < 0.5;
  const moment = Math.round(next() * latestKill);
  const request = 1 + Math.floor(next() * mostRequests);
  let arrived = 0;
  const fault = { kind: 'late', delay, ending: { name: 'SIGKILL', answers: true } } as const;
  const onArrival = (_arrival: unknown, first: { kill(): void }) => {
    arrived += 1;
    if (!byClock && arrived === request) first.kill();
  };
  return Scene.play({ change: purchase, fault, seed, onArrival }, async (scene) => {
    const first = scene.startFirst();
    if (byClock) scene.machine.after(moment, () => first.kill());
    await scene.endFirst(first);
    await scene.follow(ensure);
    return scene.judge();
  });
}

describe('a purchase that is killed at a random moment and repeated with --ensure', () => {
  const sum = new Sum();
  sum.print('random kills');

  test.for(Array.from({ length: kills / batch }, (_, at) => at * batch))(
    'is charged once, with seeds from %i',
    async (from) => {
      const flawed: Record<string, readonly string[]> = {};
      for (let seed = from; seed < from + batch; seed += 1) {
        const verdict = await killed(seed);
        sum.add(verdict);
        if (verdict.flaws.length > 0) flawed[`seed ${seed}`] = verdict.flaws;
      }
      expect(flawed).toEqual({});
    },
  );
});
