// Tells the most memory that this process held, in KiB, on the descriptor 3 when it ends. As the system counts it since the program
// began, where it does; else with what the process that started it held.
const { readFileSync, writeSync } = require('node:fs');

process.on('exit', () => writeSync(3, String(sinceStart() ?? process.resourceUsage().maxRSS)));

function sinceStart() {
  try {
    return /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}
