import { describe, expect, test } from 'vitest';
import { purchase, watch } from './changes.ts';
import { refusals } from './endings.ts';
import { Sum } from './matrix.ts';
import { Scene } from './run.ts';

describe('a watch with a purchase that is refused after the commit', () => {
  const sum = new Sum();
  sum.print('pools watch --subscribe');

  test.for(refusals.map((refusal) => [refusal.name, refusal] as const))(
    'buys once and ends: %s',
    async ([, refusal]) => {
      const change = { ...purchase, line: `${watch} --for 5m` };
      const fault = { kind: 'refused', refusal, commits: true } as const;
      const verdict = await Scene.play({ change, fault }, async (scene) => {
        await scene.endFirst();
        return scene.judge();
      });
      sum.add(verdict);
      expect(verdict).toMatchObject({ flaws: [], firstExit: 0 });
    },
  );
});
