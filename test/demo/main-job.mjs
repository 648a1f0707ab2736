// Finds a pool, reserves a block, creates a key and calls a model, in the sandbox over real HTTP. Needs only Node.js. Its files
// are in a temporary directory that it removes at the end.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../../bin/ci.js', import.meta.url));
const home = mkdtempSync(path.join(tmpdir(), 'ci-demo-'));
const env = {
  ...process.env,
  HOME: home,
  USERPROFILE: home,
  XDG_DATA_HOME: path.join(home, 'data'),
  XDG_CONFIG_HOME: path.join(home, 'config'),
  CHEAPESTINFERENCE_SANDBOX: '1',
};

try {
  show('ci pools list');
  show('ci pools subscribe kimi26 --blocks europe --yes');
  const key = capture('ci keys create my-first-key --secret-only');
  await withSandbox(async (url) => {
    const request = { model: 'kimi-k2.6', messages: [{ role: 'user', content: 'Hello!' }] };
    const authorization = '"Authorization: Bearer $CHEAPESTINFERENCE_API_KEY"';
    console.log(`\n$ curl ${url}/v1/chat/completions -H ${authorization} -d '${JSON.stringify(request)}'`);
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(request),
    });
    if (!response.ok) throw new Error(`the request failed with ${response.status}: ${await response.text()}`);
    const completion = await response.json();
    console.log(completion.choices[0].message.content);
  });
} finally {
  rmSync(home, { recursive: true, force: true });
}

/** Runs a command and shows what it prints. */
function show(command) {
  console.log(`\n$ ${command}`);
  checkExit(command, spawnSync(process.execPath, argumentsOf(command), { env, stdio: 'inherit' }));
}

/** Runs a command, and shows and returns what it prints. */
function capture(command) {
  console.log(`\n$ ${command}`);
  const result = spawnSync(process.execPath, argumentsOf(command), {
    env,
    stdio: ['inherit', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  process.stdout.write(result.stdout);
  checkExit(command, result);
  return result.stdout.trim();
}

/** Serves the sandbox over HTTP while a function runs. */
async function withSandbox(run) {
  console.log('\n$ ci sandbox serve --port 0');
  const server = spawn(process.execPath, argumentsOf('ci sandbox serve --port 0 --json'), {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const line = await new Promise((resolve, reject) => {
      createInterface({ input: server.stdout }).once('line', resolve);
      server.once('exit', (code) => reject(new Error(`the sandbox exited with code ${code}`)));
    });
    await run(JSON.parse(line).url);
  } finally {
    server.kill();
  }
}

function argumentsOf(command) {
  return [bin, ...command.split(' ').slice(1)];
}

function checkExit(command, { status, error }) {
  if (error) throw error;
  if (status !== 0) throw new Error(`\`${command}\` exited with code ${status}`);
}
