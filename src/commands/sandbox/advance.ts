import type { Verb } from '../../cli/verb.ts';
import { sandboxStore } from '../../context/connections.ts';
import type { Context } from '../../context/context.ts';
import { parseDuration } from '../../domain/duration.ts';
import { dateAndTime } from '../../output/time.ts';
import { refuse } from '../../sandbox/failure.ts';

const fields = ['now'] as const;

/** How far `ci sandbox advance` moves the clock. */
export interface Options {
  readonly milliseconds: number;
}

/** `ci sandbox advance`: moves the sandbox's clock forward, so that subscriptions renew or end. */
export default function advance(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      local: true,
      examples: ['ci sandbox advance 8h', 'ci sandbox advance 30d'],
    })
    .argument('<duration>', 'Duration, such as 90m, 8h or 30d')
    .action((duration: string) => execute({ milliseconds: parseDuration(duration) }, context));
}

/** Moves the sandbox's clock forward. */
export async function run(
  { milliseconds }: Options,
  { output, world }: Pick<Context, 'output' | 'world'>,
): Promise<void> {
  const { advanceSandbox } = await import('../../sandbox/state.ts');
  const time = await advanceSandbox(sandboxStore(world), milliseconds).catch(refuse);
  const now = time.toISOString();
  output.done(`The sandbox's clock now shows ${dateAndTime(time, 'UTC')} UTC.`);
  await output.record(
    { now },
    { columns: [{ field: 'now', header: 'Now', value: (row) => row.now }], fields, drawing: () => '' },
  );
}
