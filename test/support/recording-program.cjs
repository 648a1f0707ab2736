// Plays another program: records how it was run, and answers as the test says. Only Node.js itself is needed.
const { spawn } = require('node:child_process');
const { appendFileSync, readdirSync, readFileSync } = require('node:fs');

/** Returns the secret in an input: as it is, or as Base64 in a Secret of Kubernetes. */
function secretsIn(input) {
  const [secret] = /sk_[A-Za-z0-9_-]{20,}/.exec(input) ?? [];
  const [, base64] = /"data":\{"[^"]+":"([^"]+)"/.exec(input) ?? [];
  return [secret, base64, base64 && Buffer.from(base64, 'base64').toString()].filter((each) => each !== undefined);
}

/** Returns where the arguments or the environment of a running process have a secret. */
function exposed(secrets) {
  if (secrets.length === 0 || process.platform !== 'linux') return [];
  const places = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const file of ['cmdline', 'environ']) {
      try {
        const text = readFileSync(`/proc/${pid}/${file}`, 'latin1');
        if (secrets.some((secret) => text.includes(secret))) places.push(`${file} of ${pid}`);
      } catch {
        // The process has ended, or is another user's.
      }
    }
  }
  return places;
}

/** Records this run, and answers it. */
exports.play = (record, answers) => {
  const args = process.argv.slice(2);
  const words = args.join(' ');
  const answer = answers.find(({ to }) => words.startsWith(to)) ?? { code: 64, stderr: `unexpected: ${words}\n` };
  const stdin = readFileSync(0, 'utf8');
  const real =
    answer.runs &&
    spawn(answer.runs, args, { stdio: ['pipe', 'inherit', 'inherit'], env: { ...process.env, ...answer.env } });
  // A program that fails may end before it reads its input. What it says then is what matters.
  real?.stdin.on('error', () => {}).end(stdin);
  const places = exposed(secretsIn(stdin));
  appendFileSync(record, `${JSON.stringify({ args, stdin, places })}\n`);
  if (answer.hangs) return setInterval(() => {}, 60_000);
  if (real) {
    real.on('close', (code) => {
      process.exitCode = code ?? 1;
    });
    return;
  }
  if (answer.repeats) process.stderr.write(`bad value: ${stdin}`);
  process.stderr.write(answer.stderr ?? '');
  process.stdout.write(answer.stdout ?? '');
  process.exitCode = answer.code ?? 0;
  if (answer.signal) process.kill(process.pid, answer.signal);
};
