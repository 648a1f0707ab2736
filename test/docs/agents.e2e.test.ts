import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { addressOf } from '../../src/wallet/private-key.ts';
import { post, withAnvil } from '../support/chain.ts';
import { json, lines, secret, user } from '../support/cli.ts';
import { keystoreOf, vectorPassword } from '../support/keystore.ts';
import { newKey } from '../support/payer.ts';
import { needs } from '../support/programs.ts';
import { listAt, textAt } from '../support/sandbox.ts';
import { blockLines, section } from './pages.ts';

/** Returns a line of the guide, changed to run without a terminal and with little CPU time. */
function unattended(line: string): string {
  // A wallet that opens faster takes the place of the new one.
  if (line.startsWith('ci agent wallet create'))
    return `${line} --password-file password && cp wallet ~/.foundry/keystores/throwaway`;
  // Without a terminal, a payment needs --yes and the password in a file.
  if (/^ci (?:agent subscribe|(?:agent|billing) topup) /.test(line)) return `${line} --password-file password --yes`;
  return line;
}

test('pays on a local chain with the commands of docs/agents.md', async (context) => {
  needs(context, 'bash', 'curl', 'jq');
  const [serve = '', ...typed] = blockLines(section('docs/agents.md', 'Try it on a local chain'), 'sh');
  expect(typed.length).toBeGreaterThan(15);
  const me = user();
  const key = newKey();
  const address = addressOf(Buffer.from(key, 'hex'));
  writeFileSync(path.join(me.home, 'password'), vectorPassword, { mode: 0o600 });
  const keystore = keystoreOf(key, { address: address.slice(2).toLowerCase() });
  writeFileSync(path.join(me.home, 'wallet'), keystore, { mode: 0o600 });

  expect(serve).toMatch(/^ci /);
  const server = me.start(`${serve.slice(3)} --port 0 --json`, { env: { PATH: withAnvil(me.env.PATH) } });
  const [served] = await server.stdout(/^.+\n/);
  const [url, rpcUrl] = [textAt(JSON.parse(served), 'url'), textAt(JSON.parse(served), 'rpcUrl')];
  // The chain mines a block every two seconds, which is longer than a test should take.
  const mining = setInterval(() => {
    post(new URL(rpcUrl), JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'anvil_mine', params: ['0x3'] })).catch(
      () => {},
    );
  }, 300);
  onTestFinished(() => clearInterval(mining));
  const script = ['set -e', ...typed.map(unattended), ''].join('\n');
  writeFileSync(
    path.join(me.home, 'guide'),
    script.replaceAll('http://127.0.0.1:8787', url).replaceAll('http://127.0.0.1:8545', rpcUrl),
  );

  const { code, stdout, stderr } = await me.sh('exec bash guide', { env: { ETH_RPC_URL: rpcUrl } });
  expect([code, stderr.match(/^ci: .*$/gm)]).toEqual([0, null]);
  expect(stdout).toContain('Your key and your request are correct.');
  const saved = lines(readFileSync(path.join(me.home, '.env'), 'utf8')).map((line) => line.split('=')[0]);
  expect(saved).toEqual(['CHEAPESTINFERENCE_API_KEY', 'CREDIT_API_KEY']);
  expect(lines(stdout).at(-1)).toMatch(secret);
  const changes = listAt(json(await me.ci('history --all --json')));
  const payments = changes.filter((each) => textAt(each, 'action') === 'pay');
  expect(payments.map((each) => [textAt(each, 'change'), textAt(each, 'outcome')])).toEqual([
    ['pay 10.00 USDC for credit', 'applied'],
    ['pay 25.00 USDC for credit', 'applied'],
    ['pay 49.00 USDC for kimi26 europe', 'applied'],
  ]);
});
