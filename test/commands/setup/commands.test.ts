import { expect, test } from 'vitest';
import { callCommand } from '../../../src/account/keys/call-example.ts';
import { commandsOf } from '../../../src/commands/setup/commands.ts';
import { createContext } from '../../../src/context/create.ts';
import { Buffered } from '../../support/buffer.ts';
import { worldWith } from '../../support/world.ts';

const hostile = 'k;touch /tmp/x';
const key = { id: 'k1', name: 'prod', apiKey: 'sk_live_abcdefghijklmnop', subscriptionId: hostile };

test('the commands at the end quote what comes from the API', () => {
  const context = createContext(worldWith({ stdout: new Buffered(true, 80) }), () => ({ input: true, color: true }));
  const wizard = { context, prompts: context.prompts, done: [], keys: [key], keyName: 'prod' };
  const subscriptions = [{ id: 's1', poolSlug: hostile }];
  expect(commandsOf({ ...wizard, subscriptions })).toEqual([
    `ci keys create prod --subscription '${hostile}' --ensure --secret-only --reveal`,
  ]);
  expect(commandsOf({ ...wizard, subscriptions, purchase: 'pools subscribe k' })).toContain(
    `ci keys create prod --pool '${hostile}' --ensure --secret-only --reveal`,
  );
});

test('the request to try has no control sequence of the API', () => {
  const context = createContext(worldWith({ stdout: new Buffered(true, 80) }), () => ({ input: true, color: true }));
  const model = "kimi\u009b31m\u202e'; touch /tmp/x '";
  expect(callCommand(context, { saved: undefined, model }, 200)).toContain(
    String.raw`'{"model":"kimi'\''; touch /tmp/x '\''","messages":`,
  );
});
