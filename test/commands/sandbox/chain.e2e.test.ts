import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { blockLines, textOf } from '../../docs/pages.ts';
import { startChain, withAnvil } from '../../support/chain.ts';
import { oneLine, sandboxUser, type User, user } from '../../support/cli.ts';
import { ask } from '../../support/http.ts';
import { at, textAt } from '../../support/sandbox.ts';
import { deadUrl } from '../../support/servers.ts';

const stranger = `0x${'ab'.repeat(20)}`;

/** A user with anvil on the PATH. */
function chainUser(): User {
  const me = user();
  return { ...me, start: (line) => me.start(line, { env: { PATH: withAnvil(me.env.PATH) } }) };
}

/** Starts the sandbox with a chain of its own. */
async function serving() {
  const started = chainUser().start('sandbox serve --port 0 --chain --json');
  const [line] = await started.stdout(/^.+\n/);
  return { started, url: textAt(JSON.parse(line), 'url'), rpcUrl: textAt(JSON.parse(line), 'rpcUrl') };
}

async function call(rpcUrl: string, method: string): Promise<unknown> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: [] });
  const { text } = await ask(rpcUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  return at(JSON.parse(text), 'result');
}

async function untilClosed(url: string): Promise<void> {
  await expect
    .poll(() =>
      ask(url).then(
        () => 'open',
        () => 'closed',
      ),
    )
    .toBe('closed');
}

describe('`ci sandbox serve --chain`', () => {
  test('starts a chain that mines blocks, and stops it at SIGINT', async () => {
    const { started, url, rpcUrl } = await serving();
    expect(await call(rpcUrl, 'eth_chainId')).toBe('0x2105');
    const [typed = '', shown] = blockLines(textOf('docs/sandbox.md'), 'console');
    const faucet = typed.replace('$ curl -X POST http://127.0.0.1:8787', url);
    expect(await ask(faucet, { method: 'POST' })).toMatchObject({ status: 200, text: shown });
    const first = Number(await call(rpcUrl, 'eth_blockNumber'));
    await expect.poll(async () => Number(await call(rpcUrl, 'eth_blockNumber'))).toBeGreaterThan(first);
    started.kill('SIGINT');
    const { code, stderr } = await started.ended;
    expect(code).toBe(0);
    expect(stderr).toContain(`To get test USDC and ETH: curl -X POST ${url}/sandbox/faucet/ADDRESS\n`);
    await expect(ask(rpcUrl)).rejects.toThrow();
  });

  test.runIf(process.platform !== 'win32')('leaves no chain behind if it is killed', async () => {
    const { started, rpcUrl } = await serving();
    started.kill('SIGKILL');
    await started.ended;
    await untilClosed(rpcUrl);
  });

  test('requires anvil', async () => {
    const { code, stdout, stderr } = await user().ci('sandbox serve --port 0 --chain', {
      env: { PATH: '/nonexistent' },
    });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toBe(
      'ci: anvil, which runs the local chain, is not installed. Install Foundry (https://getfoundry.sh), or pass --rpc-url with a development chain that is running.\n',
    );
  });

  test("reports why anvil doesn't start, and if it stops", async () => {
    const me = user();
    const anvil = path.join(me.home, 'bin', 'anvil');
    const fake = async (script: string, options = '') => {
      writeFileSync(anvil, `#!/bin/sh\n${script}\n`);
      chmodSync(anvil, 0o755);
      return (await me.ci(`sandbox serve --chain ${options}`)).stderr;
    };
    expect(await fake('echo "Error: Address already in use (os error 98)" >&2; exit 1')).toBe(
      'ci: The port 8545 of the local chain is in use. If a development chain is running there, pass --rpc-url http://127.0.0.1:8545 instead of --chain.\n',
    );
    expect(await fake('echo "Error: no memory" >&2; exit 1')).toBe(
      "ci: The local chain didn't start: Error: no memory. Run `anvil` to see why.\n",
    );
    expect(await fake('exit 0')).toBe("ci: The local chain didn't start. Run `anvil` to see why.\n");
    const { url, close } = await startChain();
    expect(await fake(`echo "Listening on 127.0.0.1:${url.port}"`, '--port 0')).toMatch(
      /\nci: The local chain stopped\. Start the sandbox again\.\n$/,
    );
    await close();
  });

  test("stops at Ctrl-C while the chain doesn't start", async () => {
    const me = user();
    const anvil = path.join(me.home, 'bin', 'anvil');
    writeFileSync(anvil, '#!/bin/sh\necho >"$HOME/started"\nexec sleep 600\n');
    chmodSync(anvil, 0o755);
    const running = me.start('sandbox serve --port 0 --chain');
    await expect.poll(() => existsSync(path.join(me.home, 'started'))).toBe(true);
    running.kill('SIGINT');
    expect((await running.ended).code).toBe(130);
  });

  test('refuses the URL of another chain, too', async () => {
    const { code, stderr } = await user().ci('sandbox serve --chain --rpc-url http://127.0.0.1:8545');
    expect(code).toBe(2);
    expect(stderr).toBe("ci: --chain and --rpc-url can't be combined. --chain starts a chain of its own.\n");
  });
});

describe('`ci sandbox serve --rpc-url`', () => {
  test('checks payments on a chain that is running', async () => {
    const { url: rpcUrl, close } = await startChain();
    const started = user().start(['sandbox', 'serve', '--port', '0', '--json', '--rpc-url', rpcUrl.href]);
    const [line] = await started.stdout(/^.+\n/);
    expect(textAt(JSON.parse(line), 'rpcUrl')).toBe(rpcUrl.origin);
    const { status } = await ask(`${textAt(JSON.parse(line), 'url')}/sandbox/faucet/${stranger}`, { method: 'POST' });
    expect(status).toBe(200);
    await close();
  });

  test.each(['https://mainnet.base.org', 'http://192.0.2.1:8545', 'ftp://127.0.0.1', 'http://me:secret@127.0.0.1', ''])(
    'refuses %j',
    async (url) => {
      const { code, stderr } = await user().ci(['sandbox', 'serve', '--port', '0', '--rpc-url', url]);
      expect(code).toBe(2);
      expect(stderr).toMatch(oneLine);
      expect(stderr).toMatch(/not the URL of a chain on this machine/);
      expect(stderr).not.toContain('secret');
    },
  );
});

describe('the chain of the embedded sandbox', () => {
  const faucet = ['api', 'POST', `/sandbox/faucet/${stranger}`, '--yes', '--json'];

  test('is that of ETH_RPC_URL', async () => {
    const { url, usdcOf, close } = await startChain();
    const { code } = await sandboxUser({ ETH_RPC_URL: url.href }).ci(faucet);
    expect([code, await usdcOf(stranger)]).toEqual([0, 1_000_000_000n]);
    await close();
  });

  test('is said to be missing if nothing answers', async () => {
    const { code, stderr } = await sandboxUser({ ETH_RPC_URL: deadUrl }).ci(faucet);
    expect(code).toBe(10);
    expect(stderr).toMatch(/he sandbox can't reach a chain at 127.0.0.1:1. Start one with `ci sandbox serve --chain`/);
  });
});
