// Writes the peak memory of this process, in KiB, to descriptor 3 when it ends. On Linux, that is the peak since the program
// started. Elsewhere, it includes the memory of the process that started it.
const { readFileSync, writeSync } = require('node:fs');

process.on('exit', () => writeSync(3, String(sinceStart() ?? process.resourceUsage().maxRSS)));

function sinceStart() {
  try {
    return /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}
