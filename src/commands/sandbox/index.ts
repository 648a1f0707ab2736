import type { Stub } from '../../cli/verb.ts';

export const notes = `The sandbox emulates the API on this machine. You don't need an account, and
nothing is charged.

  ci --sandbox COMMAND   Run a command in the sandbox
  ci sandbox serve       Serve it to curl and SDKs

To use it for all commands, set CHEAPESTINFERENCE_SANDBOX=1.

The sandbox's clock starts at 09:00 UTC, in the europe block. The sandbox
accepts any management key (mk_anything) except those that start with
mk_invalid or mk_revoked.`;

/** The commands of `ci sandbox`. */
export const commands: readonly Stub[] = [
  {
    term: 'serve',
    description: 'Serve the sandbox on this machine until Ctrl-C',
    load: () => import('./serve.ts'),
  },
  {
    term: 'reset',
    description: 'Reset the sandbox: no subscriptions, no keys, clock at 09:00 UTC',
    load: () => import('./reset.ts'),
  },
  {
    term: 'advance <duration>',
    description: "Move the sandbox's clock forward: subscriptions renew or end",
    load: () => import('./advance.ts'),
  },
  {
    term: 'schedule [pool] [block]',
    description: 'Schedule when a block opens, and how many others compete for seats',
    load: () => import('./schedule.ts'),
  },
  { term: 'path', description: "Print the directory of the sandbox's state", load: () => import('./path.ts') },
];
