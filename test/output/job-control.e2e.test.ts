import { expect, test } from 'vitest';
import { userOf } from '../support/cli.ts';
import { jobShell } from '../support/job-shell.ts';
import { seatHolder } from '../support/seat-holder.ts';
import { recordedSandbox } from '../support/servers.ts';

const ctrlZ = '\x1a';
const enter = '\x1b[?1049h\x1b[?25l';
const leave = '\x1b[?25h\x1b[?1049l';

/** Commands with a live view, and what it always shows. */
const views = [
  {
    name: 'ci gateway',
    line: 'ci gateway --listen 127.0.0.1:0',
    text: /0 running, 0 waiting/,
    user: async () => (await seatHolder()).me,
  },
  {
    name: 'ci pools watch',
    line: 'ci pools watch minimax-m3 --blocks americas --interval 1h',
    text: /next check in \d+ s/,
    user: async () => userOf(await recordedSandbox()),
  },
];

test.each(views)('Ctrl-Z returns to the shell from $name, and fg continues it', async ({ line, text, user }) => {
  const shell = jobShell(await user());
  shell.enter(line);
  await shell.shows(text);
  for (let times = 1; times <= 2; times++) {
    shell.type(ctrlZ);
    await shell.shows(/Stopped[^\n]*\n\$ /);
    const stopped = shell.written;
    expect(stopped.split(enter).length).toBe(times + 1);
    // The shell writes to its own screen.
    expect(stopped.slice(stopped.lastIndexOf(leave))).toContain('Stopped');
    shell.enter('fg');
    await shell.shows(text);
    expect(shell.written.slice(stopped.length)).toContain(enter);
  }
});

test.each(views)('$name draws nothing after bg, until fg', async ({ line, text, user }) => {
  const shell = jobShell(await user());
  shell.enter(line);
  await shell.shows(text);
  shell.type(ctrlZ);
  await shell.shows(/Stopped[^\n]*\n\$ /);
  const stopped = shell.written.length;
  shell.enter('bg');
  // Longer than between two drawings.
  shell.enter('sleep 1.5; jobs -r; echo do""ne');
  await shell.shows(/Running[^\n]*\n[^\n]*done/);
  expect(shell.written.slice(stopped)).not.toContain('\x1b[?1049');
  shell.enter('fg');
  await shell.shows(text);
  expect(shell.written.slice(stopped)).toContain(enter);
});
