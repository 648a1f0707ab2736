import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cruise } from 'dependency-cruiser';
import extractDepcruiseConfig from 'dependency-cruiser/config-utl/extract-depcruise-config';
import { expect, test } from 'vitest';
import { emptyFolder } from './support/folder.ts';

const root = path.join(import.meta.dirname, '..');
const { forbidden = [], options } = await extractDepcruiseConfig(path.join(root, '.dependency-cruiser.mjs'));

/** Checks a src/ with these files, and returns each violation as `rule: from → to`. */
async function violationsIn(files: Readonly<Record<string, string>>): Promise<string[]> {
  const folder = emptyFolder();
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, 'src', name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  const { output } = await cruise(['src'], { ...options, baseDir: folder, ruleSet: { forbidden }, validate: true });
  if (typeof output === 'string') throw new Error(output);
  return output.summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`).sort();
}

/** A src/ that follows every rule. */
const valid = {
  'main.ts': "import './cli/run.ts';\nexport const nouns = import('./commands/pools/list.ts');\n",
  'cli/run.ts': "import type { Pool } from '../account/pools.ts';\nexport type Run = (pool: Pool) => void;\n",
  'commands/pools/list.ts': "import { fields } from './fields.ts';\nexport * from '../../account/pools.ts';\n",
  'commands/pools/fields.ts': 'export const fields = [];\n',
  'account/pools.ts': 'export interface Pool { readonly id: string }\n',
};

test('finds nothing in modules that import only from below', async () => {
  expect(await violationsIn(valid)).toEqual([]);
});

test.each([
  [
    'an import from above',
    {
      'account/pools.ts': "import { run } from '../cli/run.ts';\nrun();\n",
      'cli/run.ts': 'export const run = () => {};\n',
    },
    ['account-imports-only-from-below: src/account/pools.ts → src/cli/run.ts'],
  ],
  [
    'an import of a type from above',
    {
      'account/pools.ts':
        "import type { fields } from '../commands/pools/fields.ts';\nexport type Pool = typeof fields;\n",
    },
    ['account-imports-only-from-below: src/account/pools.ts → src/commands/pools/fields.ts'],
  ],
  [
    'a dynamic import from above',
    {
      'account/pools.ts': "export const run = () => import('../cli/run.ts');\n",
      'cli/run.ts': 'export const one = 1;\n',
    },
    ['account-imports-only-from-below: src/account/pools.ts → src/cli/run.ts'],
  ],
  [
    'an import from another folder of the same layer',
    {
      'account/pools.ts': "import '../api/client.ts';\n",
      'api/client.ts': "import '../output/text.ts';\n",
      'output/text.ts': '',
    },
    ['api-imports-only-from-below: src/api/client.ts → src/output/text.ts'],
  ],
  [
    'a circular import of types',
    { 'commands/pools/fields.ts': "import type { Pool } from './list.ts';\nexport const fields: Pool[] = [];\n" },
    ['no-circles: src/commands/pools/fields.ts → src/commands/pools/list.ts'],
  ],
  [
    "an import of another noun's command",
    {
      'main.ts': "import './cli/run.ts';\nimport './commands/pools/list.ts';\nimport './commands/status.ts';\n",
      'commands/status.ts': "export { fields } from './pools/fields.ts';\n",
    },
    ['commands-of-one-noun: src/commands/status.ts → src/commands/pools/fields.ts'],
  ],
  [
    'a module that no program loads',
    { 'domain/money.ts': 'export const cents = 100;\n' },
    ['reachable: src/domain/money.ts → src/domain/money.ts'],
  ],
  [
    'a folder without a layer',
    {
      'account/pools.ts': "import '../extras/list.ts';\n",
      'extras/list.ts': "import '../domain/money.ts';\n",
      'domain/money.ts': '',
    },
    ['in-a-layer: src/extras/list.ts → src/domain/money.ts'],
  ],
  [
    'an import of a missing file',
    { 'account/pools.ts': "import './nowhere.ts';\n" },
    ['resolvable: src/account/pools.ts → ./nowhere.ts'],
  ],
])('finds %s', async (_case, broken, violations) => {
  expect(await violationsIn({ ...valid, ...broken })).toEqual(violations);
});

test('finds no folder of src/ with more than a quarter of its lines', () => {
  const lines = new Map<string, number>();
  for (const file of readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const folder = file.split(path.sep)[0] ?? '';
    const count = readFileSync(path.join(root, 'src', file), 'utf8').split('\n').length - 1;
    lines.set(folder, (lines.get(folder) ?? 0) + count);
  }
  const all = [...lines.values()].reduce((sum, count) => sum + count, 0);
  expect(all).toBeGreaterThan(10_000);
  expect([...lines].filter(([, count]) => count > all / 4)).toEqual([]);
});
