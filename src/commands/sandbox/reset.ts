import { type Verb, verb } from '../command.ts';
import type { Context } from '../context.ts';
import { refuse } from './failure.ts';

const fields = ['folder', 'card'] as const;

interface Options {
  /** False with `--no-card`. */
  readonly card: boolean;
}

/** `ci sandbox reset`: a fresh sandbox. */
export default function reset(context: Context): Verb {
  const command = verb('reset', 'start the sandbox afresh: no subscriptions, no keys, its clock at 09:00 UTC', {
    fields,
    changes: true,
    local: true,
    examples: ['ci sandbox reset', 'ci sandbox reset --no-card'],
  });
  command.option('--no-card', 'with no card on file').action((options: Options) => resetState(context, options));
  return command;
}

async function resetState(context: Context, { card }: Options): Promise<void> {
  const { output, sandboxFolder: folder, clock } = context;
  const { resetSandbox } = await import('../../sandbox/state.ts');
  await resetSandbox(folder, { card }, clock).catch(refuse);
  const { UsageCache } = await import('../../config/usage-cache.ts');
  new UsageCache(context.cacheFolder, context.sandboxId, clock).forget();
  await context.forgetNames();
  output.done(`The sandbox is fresh, ${card ? 'with' : 'without'} a card on file.`);
  await output.record({ folder, card }, { fields, drawing: () => '' });
}
