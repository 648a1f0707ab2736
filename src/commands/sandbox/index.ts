import type { Stub } from '../../cli/verb.ts';

export const notes = `The sandbox is the whole API on this machine: no money moves, no account is
needed.
  ci --sandbox COMMAND   runs any command on it (or CHEAPESTINFERENCE_SANDBOX=1)
  ci sandbox serve       serves it to curl and SDKs
Its clock starts at 09:00 UTC of the day of its reset, within the europe block.
Any management key signs in (mk_anything), but mk_invalid… and mk_revoked….`;

/** The commands of `ci sandbox`. */
export const commands: readonly Stub[] = [
  {
    term: 'serve [options]',
    description: 'serve the sandbox on this machine until Ctrl-C',
    load: () => import('./serve.ts'),
  },
  {
    term: 'reset [options]',
    description: 'start the sandbox afresh: no subscriptions, no keys, its clock at 09:00 UTC',
    load: () => import('./reset.ts'),
  },
  {
    term: 'advance <duration>',
    description: "move the sandbox's clock: periods renew, canceled subscriptions end",
    load: () => import('./advance.ts'),
  },
  {
    term: 'schedule [options] [pool] [block]',
    description: 'open a block at a given time, for a time, with rivals for its seats',
    load: () => import('./schedule.ts'),
  },
  { term: 'path', description: 'print the folder of its state', load: () => import('./path.ts') },
];
