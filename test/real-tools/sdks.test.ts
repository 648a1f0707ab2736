import { symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { sentence, toolUser } from '../support/real-tools.ts';
import { listAt, textAt } from '../support/sandbox.ts';
import { filesWith } from '../support/secret-search.ts';

test.each([
  ['openai-sdk', '/v1/chat/completions'],
  ['anthropic-sdk', '/anthropic/v1/messages'],
])('the snippet for the %s gets an answer with our key only', async (tool, request) => {
  const me = await toolUser({});
  const connected = await me.json(`ci connect ${tool} --json`);
  expect(connected).toMatchObject({ works: true, key: 'tools', files: [] });
  const snippet = listAt(connected, 'snippets').find((each) => textAt(each, 'language') === 'JavaScript');
  writeFileSync(path.join(me.home, 'project', 'app.mjs'), textAt(snippet, 'code'));
  symlinkSync(path.resolve('node_modules'), path.join(me.home, 'project', 'node_modules'));
  const start = textAt(connected, 'start');
  expect(start).toMatch(/ -- python app\.py$/);

  const { ended, calls, leaked, exposed } = await me.run(start.replace('python app.py', 'node app.mjs'));
  expect([leaked, exposed]).toEqual([[], []]);
  expect(ended).toEqual({ code: 0, signal: null, stdout: `${sentence}\n`, stderr: '' });
  expect(calls).toEqual([{ path: request, keys: [me.secret], model: 'kimi-k2.6', status: 200 }]);
  expect(filesWith(me.secret, me.home)).toEqual(['config/cheapestinference/secrets.json']);
});
