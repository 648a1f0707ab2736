import { expect, test } from 'vitest';
import { startPage } from '../../src/cli/start-page.ts';
import { painted } from '../../src/output/color.ts';
import { plain } from '../../src/output/style.ts';

const nobody = { managementKey: undefined, origin: 'profile "default"', host: 'api.test', sandbox: false };
const somebody = { ...nobody, managementKey: 'mk_…cdef' };
const paper = { style: plain, width: 80, version: '1.2.3', hasSetup: true };

test('whoever is not signed in is told how to begin', () => {
  expect(startPage(nobody, paper)).toBe(`ci, the command line of CheapestInference 1.2.3
Reserve GPU inference by the block, make API keys, see what is used.

! Not signed in.

  ci setup                  step by step from nothing to a working key
  ci auth login             sign in with a management key of the dashboard
  ci pools list             see pools, prices and free blocks
  ci --sandbox pools list   try it all: no account is needed, no money moves

Help  ci --help, ci pools --help
Docs  https://docs.cheapestinference.com
`);
});

test('whoever is signed in is told with which key and where, and what can be done', () => {
  expect(startPage(somebody, paper)).toBe(`ci, the command line of CheapestInference 1.2.3
Reserve GPU inference by the block, make API keys, see what is used.

✓ Signed in with mk_…cdef (profile "default") at api.test.

  ci setup              step by step to a working key
  ci status             what is live, what ends, what needs care
  ci pools list         pools, prices and free blocks
  ci pools subscribe    reserve blocks of a pool
  ci keys create NAME   create an API key
  ci usage              what the keys were used for

Help  ci --help, ci pools --help
Docs  https://docs.cheapestinference.com
`);
});

test('in the sandbox nobody has to sign in', () => {
  const page = startPage({ ...nobody, sandbox: true }, paper);
  expect(page).toContain('\n✓ In the sandbox: no account is needed, no money moves.\n\n  ci setup ');
  expect(page).not.toContain('auth login');
});

test('the setup is named where there is one', () => {
  expect(startPage(nobody, { ...paper, hasSetup: false })).not.toContain('ci setup');
});

test('where there is little room, what a command is for stands below it', () => {
  expect(startPage(nobody, { ...paper, width: 40 })).toContain(
    '\n  ci setup\n      step by step from nothing to a working key\n  ci auth login\n',
  );
});

test('its colours say nothing that its words do not', () => {
  const page = startPage(somebody, { ...paper, style: painted });
  expect(page).toMatch(/\u001b\[1mci status\u001b\[22m {13}what is live/);
  expect(page.replace(/\u001b\[\d+m/g, '')).toBe(startPage(somebody, paper));
});
