// The main job from end to end on the embedded sandbox: find a pool, reserve a block, make a key, use it.
// Over real HTTP, with nothing but Node.js; what it leaves behind is in a folder of its own, removed at the end.
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
    const question = { model: 'kimi-k2.6', messages: [{ role: 'user', content: 'Hello!' }] };
    console.log(
      `\n$ curl ${url}/v1/chat/completions -H "Authorization: Bearer ${key}" -d '${JSON.stringify(question)}'`,
    );
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(question),
    });
    if (!answer.ok) throw new Error(`the key was answered with ${answer.status}: ${await answer.text()}`);
    const completion = await answer.json();
    console.log(completion.choices[0].message.content);
  });
} finally {
  rmSync(home, { recursive: true, force: true });
}

/** Runs a command and shows what it prints. */
function show(command) {
  console.log(`\n$ ${command}`);
  finish(command, spawnSync(process.execPath, words(command), { env, stdio: 'inherit' }));
}

/** Runs a command, shows what it prints and returns it. */
function capture(command) {
  console.log(`\n$ ${command}`);
  const run = spawnSync(process.execPath, words(command), {
    env,
    stdio: ['inherit', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  process.stdout.write(run.stdout);
  finish(command, run);
  return run.stdout.trim();
}

/** Serves the same sandbox to all that speaks HTTP, while the work lasts. */
async function withSandbox(work) {
  console.log('\n$ ci sandbox serve --port 0');
  const server = spawn(process.execPath, words('ci sandbox serve --port 0 --json'), {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const line = await new Promise((resolve, reject) => {
      createInterface({ input: server.stdout }).once('line', resolve);
      server.once('exit', (code) => reject(new Error(`the sandbox ended with ${code}`)));
    });
    await work(JSON.parse(line).url);
  } finally {
    server.kill();
  }
}

function words(command) {
  return [bin, ...command.split(' ').slice(1)];
}

function finish(command, { status, error }) {
  if (error) throw error;
  if (status !== 0) throw new Error(`\`${command}\` ended with ${status}`);
}
