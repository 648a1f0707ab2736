import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { userOf } from '../support/cli.ts';
import { jobShell } from '../support/job-shell.ts';
import { recordedSandbox } from '../support/servers.ts';

test.each([
  ['', 129],
  ['2> errors', 129],
  ['> output', 129],
  ['< /dev/null > output 2> errors', 130],
])('a command ends without a crash after its terminal is closed: %s', async (streams, code) => {
  const api = await recordedSandbox();
  const me = userOf(api);
  const shell = jobShell(me);
  // The shell lives until it has read the exit code.
  shell.enter('trap : HUP');
  const line = 'echo process $$; exec ci pools watch minimax-m3 --blocks americas --interval 1h';
  shell.enter(`sh -c '${line} ${streams}'; echo $? > code`);
  const [, pid = ''] = await shell.shows(/process (\d+)/);
  await api.times('GET /api/pools', 1);
  const ended = shell.close();
  process.kill(Number(pid), 'SIGHUP');
  await ended;
  expect(readFileSync(path.join(me.home, 'code'), 'utf8')).toBe(`${code}\n`);
});
