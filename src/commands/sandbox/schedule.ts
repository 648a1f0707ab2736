import { blockWords, durationOf, parseCount, poolArgument } from '../../cli/options.ts';
import { choiceArgument } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import { sandboxStore } from '../../context/connections.ts';
import type { Context } from '../../context/context.ts';
import { type Block, blockNames } from '../../domain/blocks.ts';
import { usageError } from '../../domain/errors.ts';
import type { Column } from '../../output/output.ts';
import { inWords } from '../../output/text.ts';
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

/** `ci sandbox schedule`: schedules when seats of a block are available. */
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
    .addArgument(poolArgument('[pool]', 'Slug or UUID (default: list the schedule)'))
    .addArgument(
      choiceArgument('[block]', `Block: ${inWords(blockNames, 'or')}`, blockWords, (typed) =>
        usageError(`"${typed}" is not a block`, `Choose ${inWords(blockNames, 'or')}.`),
      ),
    )
    .option('--open-in <duration>', 'Time until it opens (default: now)', durationOf('--open-in'))
    .option('--for <duration>', 'How long it stays open (default: 90s)', durationOf('--for'))
    .option('--seats <count>', 'Number of seats (default: 1)', parseCount('--seats'))
    .option(
      '--rivals <count>',
      'Number of other buyers, spread evenly over the time it is open',
      parseCount('--rivals'),
    )
    .option('--clear', 'Clear the schedule')
    .action((pool: string | undefined, block: Block | undefined, flags: Flags) =>
      execute({ pool, block, ...flags }, context),
    );
}

/** Schedules when seats of a block are available, and prints the schedule. */
export async function run(
  { pool, block, clear, ...times }: Options,
  { output, world }: Pick<Context, 'output' | 'world'>,
): Promise<void> {
  const { clearDrops, scheduledDrops, scheduleDrop } = await import('../../sandbox/state.ts');
  const store = sandboxStore(world);
  if (pool === undefined) {
    if (Object.keys(times).length > 0)
      throw usageError('Missing arguments: pool and block', 'Pass both, such as kimi26 europe.');
    if (clear) await clearDrops(store).catch(refuse);
  } else {
    if (clear) throw usageError("--clear and a pool can't be combined", 'It clears the whole schedule.');
    const { openIn: opensIn = 0, for: lasts = 90_000, seats = 1, rivals = 0 } = times;
    if (block === undefined) throw usageError('Missing argument: block', `Choose ${inWords(blockNames, 'or')}.`);
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

/** Formats a time of the sandbox's clock, which differs from this machine's. */
function inUtc(moment: string): string {
  return dateAndTime(new Date(moment), 'UTC');
}

/** Formats the time at which a block closes, without the date if it closes on the day it opens. */
function closing({ opensAt, closesAt }: ScheduledDrop): string {
  const [day, time = ''] = inUtc(closesAt).split(' ');
  return inUtc(opensAt).startsWith(`${day} `) ? time : `${day} ${time}`;
}
