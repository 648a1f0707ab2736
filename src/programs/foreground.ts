import { readFileSync } from 'node:fs';

/**
 * Returns the place of this process among those of its terminal, which sends Ctrl-C and Ctrl-Z to all in its foreground; `none` if it has no
 * terminal. Undefined if the system has no `/proc`.
 */
export function placeOnTerminal(): 'foreground' | 'background' | 'none' | undefined {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    // Fields 5 and 8: the process group, and the one in the terminal's foreground. Field 2 may contain spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return placeOf(Number(fields[2]), Number(fields[5]));
  } catch {
    return undefined;
  }
}

/**
 * Returns the place of a process.
 *
 * @param group - its process group
 * @param foreground - the process group in the foreground of its terminal; 0 or less if it has no terminal
 */
export function placeOf(group: number, foreground: number): 'foreground' | 'background' | 'none' {
  if (foreground <= 0) return 'none';
  return group === foreground ? 'foreground' : 'background';
}
