import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { emptyFolder } from '../support/folder.ts';
import {
  archiveOfVersion,
  archivesOf,
  runProgram,
  serveReleases,
  standIn,
  version,
  writeProgram,
} from '../support/releases.ts';
import { at, listAt, textAt } from '../support/sandbox.ts';

const action: unknown = parse(readFileSync('action.yml', 'utf8'));

const steps = listAt(at(action, 'runs'), 'steps');

/** Runs the step for Linux as a runner does. @returns what it wrote to the runner's files */
async function runStep(url: string, input: string) {
  const step = steps.find((each) => at(each, 'id') === 'unix');
  const folder = emptyFolder();
  const fakes = emptyFolder();
  writeProgram(path.join(fakes, 'uname'), 'case $1 in -s) echo Linux ;; -m) echo x86_64 ;; esac');
  writeProgram(path.join(fakes, 'ldd'), 'echo GNU libc');
  const file = (name: string) => path.join(folder, name);
  for (const name of ['path', 'output']) writeFileSync(file(name), '');
  writeFileSync(file('script.sh'), textAt(step, 'run'));
  const values = { 'inputs.version': input, 'github.action_path': path.resolve('.') };
  const env = Object.entries(values).map(([name, value]) => {
    const found = Object.entries(at(step, 'env') ?? {}).find(([, each]) => each === `\${{ ${name} }}`);
    return [found?.[0] ?? name, value];
  });
  const ended = await runProgram(['sh', '-e', file('script.sh')], {
    PATH: [fakes, process.env.PATH].join(path.delimiter),
    CHEAPESTINFERENCE_DOWNLOAD_URL: url,
    RUNNER_TEMP: folder,
    GITHUB_PATH: file('path'),
    GITHUB_OUTPUT: file('output'),
    ...Object.fromEntries(env),
  });
  return { ...ended, bin: file('cheapestinference/bin'), read: (name: string) => readFileSync(file(name), 'utf8') };
}

const other = '0.0.9';

const server = () =>
  serveReleases({ [other]: archiveOfVersion(other, standIn(other)), [version]: archivesOf(standIn()) });

test.each([
  ['latest', version],
  [other, other],
  [`v${other}`, other],
])('installs version %s, adds it to the PATH, and sets the outputs', async (input, installed) => {
  const { code, bin, read } = await runStep((await server()).url.href, input);
  expect([code, read('path'), read('output')]).toEqual([0, `${bin}\n`, `version=${installed}\npath=${bin}/ci\n`]);
  expect(
    (await runProgram(['sh', '-c', 'ci --version'], { PATH: read('path').trim() + path.delimiter + process.env.PATH }))
      .stdout,
  ).toBe(`${installed}\n`);
});

test('fails for a version that does not exist, and for an input that is a command', async () => {
  const { url } = await server();
  const missing = await runStep(url.href, '9.9.9');
  expect([missing.code, missing.stderr, missing.read('path'), missing.read('output')]).toEqual([
    1,
    `install.sh: There is no version 9.9.9. See the versions at ${url.origin}\n`,
    '',
    '',
  ]);
  const command = await runStep(url.href, '$(touch hacked)"; exit 0');
  expect([command.code, command.read('path')]).toEqual([2, '']);
});

test('passes inputs only as variables, and runs one step on each system', () => {
  for (const step of steps) {
    expect(textAt(step, 'run')).not.toContain('${{');
  }
  expect(steps.map((step) => at(step, 'if'))).toEqual(["runner.os != 'Windows'", "runner.os == 'Windows'"]);
  const values = ['version', 'path'].map((name) => at(action, 'outputs', name, 'value'));
  expect(values).toEqual(
    ['version', 'path'].map((name) => `\${{ steps.unix.outputs.${name} || steps.windows.outputs.${name} }}`),
  );
});
