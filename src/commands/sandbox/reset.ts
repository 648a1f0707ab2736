import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { refuse } from '../../sandbox/failure.ts';

const fields = ['folder', 'card'] as const;

interface Options {
  /** False with `--no-card`. */
  readonly card: boolean;
}

/** `ci sandbox reset`: a fresh sandbox. */
export default function reset(command: Verb, context: Context): void {
  command
    .tell({
      fields,
      changes: true,
      local: true,
      examples: ['ci sandbox reset', 'ci sandbox reset --no-card'],
    })
    .option('--no-card', 'with no card on file')
    .action((options: Options) => resetState(context, options));
}

async function resetState(context: Context, { card }: Options): Promise<void> {
  const { output, sandboxFolder: folder, env, clock } = context;
  const { resetSandbox } = await import('../../sandbox/state.ts');
  await resetSandbox({ folder, env, now: clock }, { card }).catch(refuse);
  const { UsageCache } = await import('../../config/usage-cache.ts');
  new UsageCache(context.cacheFolder, env, context.sandboxId, clock).forget();
  await context.forgetNames();
  output.done(`The sandbox is fresh, ${card ? 'with' : 'without'} a card on file.`);
  await output.record({ folder, card }, { fields, drawing: () => '' });
}
