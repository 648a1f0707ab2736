import { forgetSandboxKeys } from '../../account/stored-keys/store.ts';
import type { Verb } from '../../cli/verb.ts';
import { cacheFolder, sandboxFolder } from '../../config/folders.ts';
import { sandboxAccount } from '../../config/settings.ts';
import type { Context } from '../../context/context.ts';
import { refuse } from '../../sandbox/failure.ts';

const fields = ['folder', 'card'] as const;

/** How `ci sandbox reset` resets the sandbox. */
export interface Options {
  /** False with `--no-card`. */
  readonly card: boolean;
}

/** `ci sandbox reset`: resets the sandbox. */
export default function reset(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      local: true,
      examples: ['ci sandbox reset', 'ci sandbox reset --no-card'],
    })
    .option('--no-card', 'Start without a saved card')
    .action((options: Options) => execute(options, context));
}

/** Resets the sandbox. */
export async function run(
  { card }: Options,
  context: Pick<Context, 'clocks' | 'output' | 'profiles' | 'world'>,
): Promise<void> {
  const { output, world } = context;
  const { env, now } = world;
  const folder = sandboxFolder(env);
  const { resetSandbox } = await import('../../sandbox/state.ts');
  await resetSandbox({ folder, env, now }, { card }).catch(refuse);
  const { UsageCache } = await import('../../config/usage-cache.ts');
  new UsageCache(cacheFolder(env), env, sandboxAccount(folder), now).forget();
  const { forgetNames } = await import('../../completion/cache.ts');
  forgetNames(() => cacheFolder(env));
  await forgetSandboxKeys(context);
  output.done(`The sandbox was reset, ${card ? 'with' : 'without'} a saved card.`);
  await output.record({ folder, card }, { fields, drawing: () => '' });
}
