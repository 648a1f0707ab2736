// Runs npm scripts at the same time: `node test/at-once.mjs typecheck lint`. Prints the output of each once it has ended, and fails
// if one of them does. Its own code starts the commands, because each `npm run` takes half a second.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** The environment that npm gives a script. */
const env = { ...process.env, PATH: [path.resolve('node_modules/.bin'), process.env.PATH].join(path.delimiter) };

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));

/** Runs a script. Returns whether it succeeded. */
function run(name) {
  const child = spawn(scripts[name], { env, shell: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  return new Promise((resolve) => {
    child.once('close', (code) => {
      console.log(`> ${name}: ${scripts[name]}\n${output}`);
      if (code !== 0) console.error(`${name} failed`);
      resolve(code === 0);
    });
  });
}

const results = await Promise.all(process.argv.slice(2).map(run));
process.exitCode = results.includes(false) ? 1 : 0;
