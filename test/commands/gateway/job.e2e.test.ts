import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type JobShell, jobShell } from '../../support/job-shell.ts';
import { dial } from '../../support/raw-http.ts';
import {
  gatewayClient,
  gatewayPids,
  heldCompletions,
  isRunning,
  type SeatHolder,
  seatHolder,
  tokenOf,
} from '../../support/seat-holder.ts';

const start = 'ci gateway --listen 127.0.0.1:0';

/** Starts a gateway in the foreground of a shell, and waits until it shows its seats. */
async function gatewayIn(shell: JobShell, { me }: Pick<SeatHolder, 'me'>) {
  shell.enter(start);
  const [, url = ''] = await shell.shows(/Gateway {2}(http:\/\/127\.0\.0\.1:\d+)/);
  await shell.shows('seat-1');
  const [pid = 0] = gatewayPids(me);
  return { pid, ...gatewayClient(url, tokenOf(me)) };
}

describe('a gateway whose terminal is closed', () => {
  test.each([
    ['with its shell', false],
    // Such as by a system that runs out of memory. The gateway gets SIGHUP before the terminal is closed.
    ['after its shell was killed', true],
  ])('finishes its requests and ends, %s', async (_when, isKilled) => {
    const held = heldCompletions();
    const { me } = await seatHolder({ instead: held.instead });
    const shell = jobShell(me);
    const gateway = await gatewayIn(shell, { me });
    const running = gateway.chat();
    await held.asked(1);
    if (isKilled) shell.kill();
    await shell.close();
    // A gateway that stops takes no new connections.
    const connected = () =>
      dial(gateway.url).then(
        (client) => client.leave(),
        () => 'refused',
      );
    await expect.poll(connected).toBe('refused');
    expect(isRunning(gateway.pid)).toBe(true);
    held.release();
    expect((await running).status).toBe(200);
    await expect.poll(() => isRunning(gateway.pid)).toBe(false);
    expect(gatewayPids(me)).toEqual([]);
  });

  test('ends without a signal', async () => {
    const { me } = await seatHolder();
    const shell = jobShell(me);
    // The shell then sends no SIGHUP.
    shell.enter('trap : HUP');
    shell.enter(`${start} --json; echo $? > code`);
    await shell.shows('"started"');
    const [pid = 0] = gatewayPids(me);
    await shell.close();
    await expect.poll(() => isRunning(pid)).toBe(false);
    // As if SIGHUP had ended it.
    expect(readFileSync(path.join(me.home, 'code'), 'utf8')).toBe('129\n');
    expect(gatewayPids(me)).toEqual([]);
  });

  test('goes on if its output goes to a file', async () => {
    const { me, buy } = await seatHolder();
    const shell = jobShell(me);
    shell.enter(`${start} --json > events; echo`);
    const file = path.join(me.home, 'events');
    const events = () => readFileSync(file, { encoding: 'utf8', flag: 'a+' });
    await expect.poll(events).toContain('"started"');
    await shell.close();
    await buy('seat-2');
    // It checks the terminal before the keys.
    await expect.poll(events).toContain('"seat_joined"');
    const [pid = 0] = gatewayPids(me);
    expect([isRunning(pid), events()]).toEqual([true, expect.not.stringContaining('"stopping"')]);
  });
});

test('SIGHUP makes a gateway on a terminal read the account', async () => {
  const { me, api, seats } = await seatHolder({ seats: 2 });
  const shell = jobShell(me);
  const gateway = await gatewayIn(shell, { me });
  const reads = () => api.received.filter(({ path: url }) => url === '/api/keys').length;
  // More often than by itself, which is every five seconds.
  for (let each = 0; each < 4; each++) {
    const before = reads();
    process.kill(gateway.pid, 'SIGHUP');
    await expect.poll(reads).toBeGreaterThan(before);
  }
  await api.box.call('DELETE', `/api/keys/${seats[0].id}`);
  process.kill(gateway.pid, 'SIGHUP');
  await shell.shows('No longer using key "seat-1"');
  expect((await gateway.chat()).status).toBe(200);
});
