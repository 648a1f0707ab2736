import { ownCommand } from '../../account/own-command.ts';
import { originOfApi } from '../../account/stored-keys/store.ts';
import { servedSandbox } from '../../account/web-pages.ts';
import { choiceArgument } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import { litellmConfiguration, secretCommand } from '../../gateway/litellm.ts';
import { type SeatContext, SeatFinder } from '../../gateway/seat-finder.ts';

const fields = ['format', 'configuration', 'variables'] as const;

const formats = ['litellm'] as const;

/** `ci gateway export`: prints a configuration for a proxy that several machines share. */
export default function exportConfiguration(command: Verb, context: Context, execute = run): void {
  command
    .tell({ fields, examples: ['ci gateway export litellm > config.yaml'] })
    .addArgument(
      choiceArgument('<format>', 'Format: litellm', formats, (typed) =>
        usageError(`"${typed}" is not a format of a proxy`, 'Use litellm.'),
      ),
    )
    .action((format: string) => execute(format, context));
}

/** Prints a configuration with a deployment for each seat. It has no secrets. */
export async function run(format: string, context: SeatContext & Pick<Context, 'settings'>): Promise<void> {
  const { output, settings } = context;
  const { seats, missing, problems } = await new SeatFinder(context, { pools: [], keys: [] }).find({
    mayListModels: () => true,
    isFirst: false,
  });
  for (const problem of problems) output.note(problem);
  for (const { pool, command } of missing) {
    output.note(`A seat of pool ${pool} is left out, because its key isn't stored here. Run \`${command}\`.`);
  }
  const known = seats.filter(({ models }) => models !== undefined);
  if (known.length === 0) {
    throw new CommandError('not_found', 'No key of a subscription is stored on this machine', {
      hint: 'Reserve a seat and store its key with `ci pools subscribe POOL --create-key NAME --store`.',
    });
  }
  const baseUrl = settings.sandbox.value ? servedSandbox : await originOfApi(settings);
  const own = ownCommand(context);
  const { text, variables } = await litellmConfiguration(known, {
    baseUrl,
    keyCommand: (key) => secretCommand(own, key),
  });
  if (output.format === undefined || output.format === 'table') output.raw(text);
  else await output.record({ format, configuration: text, variables }, { fields });
}
