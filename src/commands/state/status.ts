import { describeChange } from '../../account/changes/actions.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import { durationInWords } from '../../domain/duration.ts';
import type { Column } from '../../output/output.ts';
import type { Style } from '../../output/style.ts';
import { factLines } from '../../output/text.ts';
import { timeAgo } from '../../output/time.ts';
import type { DatabaseStatus, OpenChanges, StateContents } from '../../state/postgres/status.ts';

const fields = [
  'database',
  'schema',
  'version',
  'needed',
  'fits',
  'server',
  'roundTrip',
  'clockDifference',
  'machines',
  'openChanges',
  'locks',
  'unsynced',
  'undelivered',
  'accounts',
] as const;

/** The smallest difference between the clocks to point out, in milliseconds. */
const notableDifference = 1000;

/** `ci state status`: shows the state database, and the machines that share it. */
export default function status(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      local: true,
      exits: [6, 9],
      examples: ['ci state status', "ci state status --json | jq '.openChanges.count'"],
    })
    .action(() => execute(context));
}

/** The state database as it is shown. Without tables that fit, it has no contents. */
interface ShownStatus extends DatabaseStatus, Omit<StateContents, 'openChanges'> {
  readonly database: string;
  readonly schema: string;
  readonly fits: boolean;
  readonly openChanges: ShownOpenChanges;
  /** How many changes of this machine the database lacks. */
  readonly unsynced: number;
}

interface ShownOpenChanges extends Omit<OpenChanges, 'oldest'> {
  readonly oldest: { readonly id: string; readonly at: string; readonly by: string; readonly change: string } | null;
}

const nothing: StateContents = {
  machines: [],
  openChanges: { count: 0, running: 0, oldest: null },
  locks: [],
  undelivered: [],
  accounts: [],
};

/** Shows the state database. Changes nothing there. */
export async function run(context: Pick<Context, 'clocks' | 'output' | 'record'>): Promise<void> {
  const { clocks, output, record } = context;
  const state = await record.database();
  const { label, schema } = state.database.address;
  const { StatusReader } = await import('../../state/postgres/status.ts');
  const reader = new StatusReader(state.database, clocks);
  const database = await reader.database();
  const fits = database.version === database.needed;
  const contents = fits ? await reader.contents() : nothing;
  const shown: ShownStatus = {
    database: label,
    schema,
    ...database,
    fits,
    ...contents,
    openChanges: withWords(contents.openChanges),
    unsynced: state.unsyncedCount,
  };
  await output.record(shown, {
    columns,
    fields,
    drawing: (style, clean) => drawing(clean, style, { now: clocks.wall(), width: output.width }),
  });
  if (!fits) output.note(misfit(database));
}

function withWords({ oldest, ...open }: OpenChanges): ShownOpenChanges {
  if (!oldest) return { ...open, oldest };
  const { intent, ...rest } = oldest;
  return { ...open, oldest: { ...rest, change: intent ? describeChange(intent) : 'a change of a newer version' } };
}

function misfit({ version, needed }: DatabaseStatus): string {
  if (version === 0) return 'There are no tables yet. Run `ci state init` to create them.';
  if (version < needed) return 'An older version of ci created the tables. Run `ci state init` to upgrade them.';
  return 'A newer version of ci upgraded the tables. Install the newest version of ci on this machine.';
}

const columns: readonly Column<ShownStatus>[] = [
  { field: 'database', header: 'Database', value: ({ database }) => database },
  { field: 'schema', header: 'Schema', value: ({ schema }) => schema },
  { field: 'version', header: 'Version', value: ({ version }) => version },
  { field: 'needed', header: 'Needed', value: ({ needed }) => needed },
  { field: 'fits', header: 'Fits', value: ({ fits }) => fits },
  { field: 'server', header: 'Server', value: ({ server }) => server },
  { field: 'roundTrip', header: 'Round trip', value: ({ roundTrip }) => roundTrip },
  { field: 'clockDifference', header: 'Clock', value: ({ clockDifference }) => clockDifference },
  {
    field: 'machines',
    header: 'Machines',
    value: ({ machines }) => machines.map(({ host, user }) => `${user}@${host}`).join(','),
  },
  { field: 'openChanges', header: 'Open changes', value: ({ openChanges }) => openChanges.count },
  { field: 'locks', header: 'Locks', value: ({ locks }) => locks.map(({ name }) => name).join(',') },
  { field: 'unsynced', header: 'Unsynced', value: ({ unsynced }) => unsynced },
  {
    field: 'undelivered',
    header: 'Undelivered secrets',
    value: ({ undelivered }) => undelivered.map(({ host, file }) => `${host}:${file}`).join(','),
  },
  { field: 'accounts', header: 'Accounts', value: ({ accounts }) => accounts.map(({ id }) => id).join(',') },
];

interface Screen {
  /** Epoch milliseconds. */
  readonly now: number;
  readonly width: number;
}

async function drawing(status: ShownStatus, style: Style, { now, width }: Screen): Promise<string> {
  const { fitted } = await import('../../output/table.ts');
  const { machines, locks, undelivered, accounts } = status;
  const facts = factLines(factsOf(status, style, now));
  const processes = machines.flatMap(({ host, user, seenAt, processes: running }) =>
    running.length === 0
      ? [{ host, user, seenAt, doing: '' }]
      : running.map(({ program, pid }) => ({ host, user, seenAt, doing: `${program} (pid ${pid})` })),
  );
  const sections = [
    table(processes, {
      MACHINE: ({ host }) => style.bold(host),
      USER: ({ user }) => user,
      SEEN: ({ seenAt }) => timeAgo(seenAt, now),
      RUNNING: ({ doing }) => doing,
    }),
    table(locks, {
      LOCK: ({ name }) => style.bold(name),
      BY: ({ by, pid }) => `${by} (pid ${pid})`,
      SINCE: ({ since }) => timeAgo(since, now),
      'LEASE LEFT': ({ leaseLeft }) => durationInWords(leaseLeft),
      ACCOUNT: ({ account }) => account ?? '',
    }),
    table(undelivered, {
      'UNDELIVERED SECRETS': ({ host, file }) => style.warning(`${host}:${file}`),
      USER: ({ user }) => user,
      SINCE: ({ at }) => timeAgo(at, now),
    }),
    table(accounts, {
      ACCOUNT: ({ label }) => label,
      CHANGES: ({ changes }) => String(changes),
      LAST: ({ lastChangeAt }) => timeAgo(lastChangeAt, now),
    }),
  ];
  return `${[facts, ...sections.filter((section) => section !== '')].join('\n\n').trimEnd()}\n`;

  function table<Row>(rows: readonly Row[], cells: Readonly<Record<string, (row: Row) => string>>): string {
    if (rows.length === 0) return '';
    const drawn = Object.entries(cells).map(([header, cell]) => ({ header: style.dim(header), cells: rows.map(cell) }));
    return fitted(drawn, width).trimEnd();
  }
}

function factsOf(status: ShownStatus, style: Style, now: number): (readonly [string, string])[] {
  const { database, version, needed, fits, server, roundTrip, clockDifference, openChanges, unsynced } = status;
  const { count, running, oldest } = openChanges;
  const tables = fits
    ? `version ${version}`
    : style.warning(version === 0 ? 'none' : `version ${version}, not ${needed}`);
  const isClockOff = Math.abs(clockDifference) > notableDifference;
  const direction = clockDifference > 0 ? 'ahead of' : 'behind';
  const open = [
    count === 0 ? 'none' : String(count),
    ...(running > 0 ? [`${running} running`] : []),
    ...(oldest ? [`the oldest: ${oldest.change}, ${timeAgo(oldest.at, now)}, by ${oldest.by}`] : []),
  ].join('; ');
  return [
    ['Database', database],
    ['Tables', tables],
    ['Server', `PostgreSQL ${server}, round trip ${roundTrip} ms`],
    ...(isClockOff
      ? [['Clock', style.warning(`${durationInWords(Math.abs(clockDifference))} ${direction} this machine's`)] as const]
      : []),
    ...(fits ? [['Open changes', open] as const] : []),
    ...(unsynced > 0
      ? [['Not synced', style.warning(`${counted(unsynced, 'change')} of this machine (\`ci state sync\`)`)] as const]
      : []),
  ];
}
