import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { json, lines, secret, type User } from '../../support/cli.ts';
import { customer } from '../../support/customer.ts';
import { heldResponse, lossyCustomer } from '../../support/lost.ts';
import { listAt, type TestSandbox, textAt } from '../../support/sandbox.ts';
import { filesWith, processesWith } from '../../support/secret-search.ts';
import { answer, type Received, reset } from '../../support/servers.ts';
import { enter, onTerminal } from '../../support/terminal.ts';

const credit = ['run', '--temporary', '--max-budget', '5', '--'];
/** Prints its process ID and the secret, and waits until its standard input is closed. */
const waiting = ['sh', '-c', 'echo "$$ $OPENAI_API_KEY"; cat; exit 7'];

/** Returns the keys that an account has. */
async function keysIn(box: TestSandbox): Promise<unknown[]> {
  return listAt(await box.data('GET', '/api/keys'));
}

/** Starts a command with a temporary key, and waits until it runs. */
async function running(me: User) {
  const ci = me.start([...credit, ...waiting], { stdin: null });
  const [, pid = '', apiKey = ''] = await ci.stdout(/^(\d+) (\S+)\n/);
  return { ci, pid: Number(pid), apiKey };
}

describe('ci run --temporary', () => {
  test('creates a key with the budget, and revokes it when the command has ended', async () => {
    const { me, api } = await customer();
    const script = 'printf %s "$OPENAI_API_KEY"; exit 3';
    const { code, stdout, stderr } = await me.process([...credit, 'sh', '-c', script]);
    expect([code, stdout, stderr]).toEqual([3, expect.stringMatching(secret), '']);
    expect(api.changes).toEqual(['POST /api/keys/credit', expect.stringMatching(/^DELETE \/api\/keys\/[^/]{36}$/)]);
    expect(JSON.parse(api.received.find(({ method }) => method === 'POST')?.body ?? '')).toEqual({
      name: expect.stringMatching(/^ci-run-[0-9a-f]{8}$/),
      maxBudget: 5,
    });
    expect(await keysIn(api.box)).toEqual([]);
  });

  test.skipIf(process.platform !== 'linux')(
    'leaves its secret in no file, no argument, and no other environment',
    async () => {
      const { me } = await customer();
      const { ci, pid, apiKey } = await running(me);
      expect(processesWith(apiKey, 'cmdline')).toEqual([]);
      expect(processesWith(apiKey, 'environ').filter((each) => each !== pid && !isBelow(each, pid))).toEqual([]);
      expect(filesWith(apiKey, me.home)).toEqual([]);
      ci.kill('SIGTERM');
      await ci.ended;
      expect(filesWith(apiKey, me.home)).toEqual([]);
    },
  );

  test.each(['SIGTERM', 'SIGHUP'] as const)('revokes the key after %s, which ends the command', async (signal) => {
    const { me, api } = await customer();
    const { ci } = await running(me);
    ci.kill(signal);
    const { code } = await ci.ended;
    expect([code, await keysIn(api.box)]).toEqual([signal === 'SIGTERM' ? 143 : 129, []]);
  });

  test('revokes the key if the command was killed', async () => {
    const { me, api } = await customer();
    const { code } = await me.process([...credit, 'sh', '-c', 'kill -KILL $$']);
    expect([code, await keysIn(api.box)]).toEqual([137, []]);
  });

  test('creates nothing if the command does not exist', async () => {
    const { me, api } = await customer();
    const { code, stderr } = await me.process([...credit, 'no-such-program']);
    expect([code, stderr, api.changes]).toEqual([
      127,
      expect.stringMatching(/^ci: Can't find "no-such-program"\./),
      [],
    ]);
  });

  test('exits with 125 and runs nothing if no key can be created', async () => {
    const { me } = await customer({
      instead: ({ method }: Received) =>
        method === 'POST' ? answer(402, { success: false, error: 'No credit' }) : undefined,
    });
    const ended = await me.process([...credit, 'echo', 'ran']);
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([125, '', 'ci: No credit.\n']);
  });

  test('exits with 125 without a subscription or a budget', async () => {
    const { me, api } = await customer();
    const ended = await me.process('run --temporary -- echo ran');
    expect([ended.code, ended.stdout, ended.stderr, api.changes]).toEqual([
      125,
      '',
      'ci: You have no active subscription. Run `ci pools subscribe` to get one, or pass --max-budget to use prepaid credit.\n',
      [],
    ]);
  });

  test('revokes the key without running the command if it is interrupted before', async () => {
    const held = heldResponse();
    const { me, box, lost } = await lossyCustomer(({ method }, before) =>
      method === 'POST' && before === 0 ? { isApplied: true, response: held.respond } : undefined,
    );
    const ci = me.start([...credit, 'echo', 'ran']);
    await lost(1);
    ci.kill('SIGINT');
    void held.release(reset);
    const { code, stdout, stderr } = await ci.ended;
    expect([code, stdout, await keysIn(box)]).toEqual([130, '', []]);
    expect(stderr).toContain('Interrupted. Revoking the temporary key…\n');
  });

  test('keeps the exit code of the command if the key cannot be revoked, and says how to revoke it', async () => {
    const { me, api } = await customer({
      instead: ({ method }: Received) =>
        method === 'DELETE' ? answer(403, { success: false, error: 'Not today' }) : undefined,
    });
    const { code, stderr } = await me.process([...credit, 'sh', '-c', 'exit 3']);
    const id = textAt((await keysIn(api.box))[0], 'id');
    expect([code, stderr]).toEqual([
      3,
      expect.stringMatching(
        new RegExp(
          `^Warning: the temporary key ci-run-[0-9a-f]{8} may still be valid: Not today\\. Run \`ci keys delete ${id}\`\\.\\n$`,
        ),
      ),
    ]);
  });
});

describe('the temporary key of a ci run that was killed', () => {
  /** A customer whose `ci run` was killed while its command was running. */
  async function killedRun() {
    const one = await customer();
    const { ci, apiKey } = await running(one.me);
    ci.kill('SIGKILL');
    await ci.ended;
    const [key] = await keysIn(one.api.box);
    return { ...one, apiKey, id: textAt(key, 'id'), name: textAt(key, 'name') };
  }

  test('is named by history reconcile, which revokes it with --yes', async () => {
    const { me, api, id, name, apiKey } = await killedRun();
    const named = await me.ci('history reconcile');
    expect([named.code, named.stdout, lines(named.stderr)]).toEqual([
      0,
      '',
      [
        `The temporary key ${name} (${id}) was created just now by a \`ci run\` that was killed, and is still valid. Revoke it with \`ci keys delete ${id}\`, or all such keys with \`ci history reconcile --yes\`.`,
      ],
    ]);
    expect(await keysIn(api.box)).toHaveLength(1);
    const revoked = await me.ci('history reconcile --yes --json');
    expect([revoked.code, json(revoked), await keysIn(api.box)]).toEqual([0, [], []]);
    expect(revoked.stderr).toBe(`Revoked temporary key ${name} (${id}).\n`);
    expect((await me.ci('history reconcile --yes')).stderr).toBe('');
    expect(filesWith(apiKey, me.home)).toEqual([]);
  });

  test('is revoked on a terminal after a confirmation', async () => {
    const { me, api, name } = await killedRun();
    const declined = onTerminal(me, 'history reconcile');
    await declined.shows(`Revoke key ${name}?`);
    declined.type(enter);
    expect([await declined.exit, (await keysIn(api.box)).length]).toEqual([0, 1]);
    const agreed = onTerminal(me, 'history reconcile');
    await agreed.shows(`Revoke key ${name}?`);
    agreed.type('y\r');
    expect([await agreed.exit, await keysIn(api.box)]).toEqual([0, []]);
  });

  test('is not offered while the command runs', async () => {
    const { me, api } = await customer();
    const { ci } = await running(me);
    expect((await me.ci('history reconcile --yes')).stderr).toBe('');
    expect(await keysIn(api.box)).toHaveLength(1);
    ci.kill('SIGTERM');
    await ci.ended;
  });
});

/** Returns whether a process was started by another, or by one that it started. */
function isBelow(pid: number, ancestor: number): boolean {
  const parent = parentOf(pid);
  return parent === ancestor || (parent > 1 && isBelow(parent, ancestor));
}

function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}
