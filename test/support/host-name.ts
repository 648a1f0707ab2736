import { spawnSync } from 'node:child_process';

const script = 'hostname "$1" && shift && exec "$@"';

/** Whether a process can have a host name of its own here, which takes the rights of root. */
export const hasHostNames: boolean = spawnSync('unshare', ['--uts', 'hostname', 'probe']).status === 0;

/** Returns the words to put before a command line so that it runs with a host name; none if that isn't possible here. */
export function withHostName(name: string): readonly string[] {
  return hasHostNames ? ['unshare', '--uts', 'sh', '-c', script, 'sh', name] : [];
}
