import { expect, test } from 'vitest';
import { startPage } from '../../src/cli/start-page.ts';
import { painted } from '../../src/output/color.ts';
import { plain } from '../../src/output/style.ts';

const signedOut = { managementKey: undefined, origin: 'profile "default"', host: 'api.test', sandbox: false };
const signedIn = { ...signedOut, managementKey: 'mk_…cdef' };
const options = { style: plain, width: 80, version: '1.2.3', hasSetup: true };

test('the start page says how to begin if you are not signed in', () => {
  expect(startPage(signedOut, options)).toBe(`CheapestInference CLI 1.2.3
Reserve GPU inference by the block, create API keys, track usage.

! You aren't signed in.

  ci setup                  Get a working API key, step by step
  ci auth login             Sign in with a management key
  ci pools list             List pools, prices and available blocks
  ci --sandbox pools list   Try it without an account

Help  ci --help, ci pools --help
Docs  https://docs.cheapestinference.com
`);
});

test('the start page shows the key and the host in use, and common commands', () => {
  expect(startPage(signedIn, options)).toBe(`CheapestInference CLI 1.2.3
Reserve GPU inference by the block, create API keys, track usage.

✓ Signed in with mk_…cdef (profile "default") at api.test.

  ci setup              Get a working API key, step by step
  ci status             Show your subscriptions and what needs attention
  ci pools list         List pools, prices and available blocks
  ci pools subscribe    Reserve blocks of a pool
  ci keys create NAME   Create an API key
  ci usage              Show requests and tokens per key

Help  ci --help, ci pools --help
Docs  https://docs.cheapestinference.com
`);
});

test('the start page does not ask you to sign in to the sandbox', () => {
  const page = startPage({ ...signedOut, sandbox: true }, options);
  expect(page).toContain('\n✓ Sandbox: no account needed, nothing is charged.\n\n  ci setup ');
  expect(page).not.toContain('auth login');
});

test('the start page leaves out `ci setup` if it does not exist', () => {
  expect(startPage(signedOut, { ...options, hasSetup: false })).not.toContain('ci setup');
});

test('the start page puts descriptions below commands on a narrow terminal', () => {
  expect(startPage(signedOut, { ...options, width: 40 })).toContain(
    '\n  ci setup\n      Get a working API key, step by step\n  ci auth login\n',
  );
});

test('the start page has the same words with and without color', () => {
  const page = startPage(signedIn, { ...options, style: painted });
  expect(page).toMatch(/\u001b\[1mci status\u001b\[22m {13}Show your/);
  expect(page.replace(/\u001b\[\d+m/g, '')).toBe(startPage(signedIn, options));
});
