import { blockWords, durationOf, parseCount, poolArgument } from '../../cli/options.ts';
import { choiceArgument } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import { sandboxStore } from '../../context/connections.ts';
import type { Context } from '../../context/context.ts';
import { type Block, blockNames } from '../../domain/blocks.ts';
import { usageError } from '../../domain/errors.ts';
import type { Column } from '../../output/output.ts';
import { dateAndTime } from '../../output/time.ts';
import { refuse } from '../../sandbox/failure.ts';
import type { ScheduledDrop } from '../../sandbox/state.ts';

const fields = ['pool', 'block', 'opensAt', 'closesAt', 'seats', 'rivals', 'left'] as const;

interface Flags {
  /** Milliseconds. */
  readonly openIn?: number;
  /** Milliseconds. */
  readonly for?: number;
  readonly seats?: number;
  readonly rivals?: number;
  readonly clear?: true;
}

/** What `ci sandbox schedule` schedules. */
export interface Options extends Flags {
  readonly pool: string | undefined;
  readonly block: Block | undefined;
}

/** `ci sandbox schedule`: seats that open and close at given times. */
export default function schedule(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      local: true,
      examples: [
        'ci sandbox schedule minimax-m3 americas --open-in 10s --for 90s',
        'ci sandbox schedule kimi26 europe --open-in 1m --for 5m --seats 3 --rivals 5',
        'ci sandbox schedule --clear',
      ],
    })
    .addArgument(poolArgument('[pool]', 'slug or UUID; without it, what is scheduled is listed'))
    .addArgument(
      choiceArgument('[block]', blockNames.join(', '), blockWords, (typed) =>
        usageError(`there is no block "${typed}"`, `The blocks are ${blockNames.join(', ')}.`),
      ),
    )
    .option('--open-in <duration>', 'when it opens, from now (default: at once)', durationOf('--open-in'))
    .option('--for <duration>', 'for how long it is open (default: 90s)', durationOf('--for'))
    .option('--seats <count>', 'how many seats are on offer (default: 1)', parseCount('--seats'))
    .option('--rivals <count>', 'how many others take one, evenly spread over that time', parseCount('--rivals'))
    .option('--clear', 'forget all that is scheduled')
    .action((pool: string | undefined, block: Block | undefined, flags: Flags) =>
      execute({ pool, block, ...flags }, context),
    );
}

/** Schedules seats that open and close, and prints all that is scheduled. */
export async function run(
  { pool, block, clear, ...times }: Options,
  { output, world }: Pick<Context, 'output' | 'world'>,
): Promise<void> {
  const { clearDrops, scheduledDrops, scheduleDrop } = await import('../../sandbox/state.ts');
  const store = sandboxStore(world);
  if (pool === undefined) {
    if (Object.keys(times).length > 0) throw usageError('which pool and block? Name them: kimi26 europe');
    if (clear) await clearDrops(store).catch(refuse);
  } else {
    if (clear) throw usageError('--clear forgets all, and takes no pool');
    const { openIn: opensIn = 0, for: lasts = 90_000, seats = 1, rivals = 0 } = times;
    if (block === undefined) throw usageError(`which block? Name it: ${blockNames.join(', ')}`);
    const drop = { pool, block, opensIn, lasts, seats, rivals };
    await scheduleDrop(store, drop).catch(refuse);
  }
  const drops = await scheduledDrops(store).catch(refuse);
  await output.list(drops, { columns, fields, empty: 'Nothing is scheduled.' });
}

const columns: readonly Column<ScheduledDrop>[] = [
  { field: 'pool', header: 'POOL', value: ({ pool }) => pool },
  { field: 'block', header: 'BLOCK', value: ({ block }) => block },
  { field: 'opensAt', header: 'OPENS UTC', value: ({ opensAt }) => opensAt, show: ({ opensAt }) => inUtc(opensAt) },
  {
    field: 'closesAt',
    header: 'CLOSES UTC',
    value: ({ closesAt }) => closesAt,
    show: closing,
  },
  { field: 'seats', header: 'SEATS', value: ({ seats }) => seats },
  { field: 'rivals', header: 'RIVALS', value: ({ rivals }) => rivals },
  { field: 'left', header: 'LEFT', value: ({ left }) => left },
];

/** A moment of the sandbox's clock, which is not that of this machine. */
function inUtc(moment: string): string {
  return dateAndTime(new Date(moment), 'UTC');
}

/** When it closes: on the day it opens, the time alone. */
function closing({ opensAt, closesAt }: ScheduledDrop): string {
  const [day, time = ''] = inUtc(closesAt).split(' ');
  return inUtc(opensAt).startsWith(`${day} `) ? time : `${day} ${time}`;
}
