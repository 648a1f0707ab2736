import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { user } from '../support/cli.ts';
import { needs } from '../support/programs.ts';
import { at, textAt } from '../support/sandbox.ts';
import { served } from '../support/servers.ts';

/** The shell script that closes the vendor's Management API document, unchanged. */
const documented = readFileSync(path.join(import.meta.dirname, '../support/management-api.sh'), 'utf8');
const host = 'https://api.cheapestinference.com';

test("the Management API document's own script ends with a completion on the sandbox", async (context) => {
  needs(context, 'bash', 'curl', 'jq');
  const me = user();
  const { url, state } = await served(me);
  expect(documented.split(host)).toHaveLength(3);
  const { code, stdout } = await me.sh('exec bash', { stdin: documented.replaceAll(host, url) });
  expect(code).toBe(0);
  // The script prints the answer to the subscription, then the completion, without a line break between them.
  const completion: unknown = JSON.parse(stdout.slice(stdout.indexOf('{"id":"chatcmpl')));
  expect(textAt(completion, 'choices', 0, 'message', 'content')).toMatch(/kimi-k2\.6/);
  expect(at(completion, 'object')).toBe('chat.completion');
  expect(await state()).toMatchObject({ charges: [{ amount: '49.00' }], keys: [{ name: 'my-app' }] });
});
