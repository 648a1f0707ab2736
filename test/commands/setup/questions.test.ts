import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { render } from '@inquirer/testing';
import { describe, expect, test } from 'vitest';
import type { Pool } from '../../../src/api/pools.ts';
import { account } from '../../../src/commands/setup/account.ts';
import {
  chooseBlocks,
  chooseCycle,
  choosePool,
  chooseSeats,
  workingHours,
} from '../../../src/commands/setup/choices.ts';
import { chooseDestination } from '../../../src/commands/setup/destination.ts';
import { useExistingSeats } from '../../../src/commands/setup/existing-seats.ts';
import { chooseKeyName } from '../../../src/commands/setup/key.ts';
import { purchase } from '../../../src/commands/setup/purchase.ts';
import type { Step, Wizard } from '../../../src/commands/setup/wizard.ts';
import { createContext } from '../../../src/context/create.ts';
import { Buffered } from '../../support/buffer.ts';
import { emptyFolder } from '../../support/folder.ts';
import { listAt, type Setting, sandbox, type TestSandbox, textAt } from '../../support/sandbox.ts';
import { Screen } from '../../support/screen.ts';
import { worldWith } from '../../support/world.ts';

const select = '↑↓ navigate • ⏎ select • esc back';

/** What a step starts with. */
interface Given {
  /** The earlier answers. */
  readonly answers?: Partial<Wizard>;
  readonly key?: string;
  readonly setting?: Setting;
  /** The profile's `max-monthly-spend`. */
  readonly limit?: string;
  /** Called before the step. */
  readonly before?: (box: TestSandbox) => Promise<unknown>;
}

/** Runs a step of the wizard on a terminal of 80 columns, as inquirer's own tests have it. */
async function at(step: Step, { answers = {}, key = 'mk_of_the_tests', setting = {}, limit, before }: Given = {}) {
  const box = await sandbox(setting);
  await before?.(box);
  const home = emptyFolder();
  const config = path.join(home, 'config');
  if (limit !== undefined) {
    mkdirSync(config, { mode: 0o700 });
    const saved = JSON.stringify({ profiles: { default: { maxMonthlySpend: limit } } });
    writeFileSync(path.join(config, 'config.json'), saved, { mode: 0o600 });
  }
  const wizards: Wizard[] = [];
  const rendered = await render((_config: object, streams) => {
    const { input, output } = streams ?? {};
    if (!input || !output) throw new Error('there is no terminal');
    // A question ends its output, which doesn't close a terminal.
    const stderr = Object.assign(output, { isTTY: true, columns: 80, end: () => output });
    const context = createContext(
      worldWith({
        stdin: Object.assign(input, { isTTY: true }),
        stdout: new Buffered(true, 80),
        stderr,
        env: {
          HOME: home,
          CHEAPESTINFERENCE_CONFIG_DIR: config,
          LANG: 'C.UTF-8',
          NO_COLOR: '1',
          SHELL: '/bin/zsh',
          CHEAPESTINFERENCE_API_URL: box.url,
          CHEAPESTINFERENCE_MANAGEMENT_KEY: key,
        },
        now: () => Date.UTC(2026, 3, 14, 9),
        timeZone: 'Europe/Berlin',
        cwd: '/home/me/some-project',
      }),
      () => ({ input: true, color: true }),
    );
    const wizard: Wizard = { context, prompts: context.prompts.withBack(), done: [], ...answers };
    wizards.push(wizard);
    return step(wizard);
  }, {});
  const [wizard] = wizards;
  if (!wizard) throw new Error('the step did not begin');
  const { events, answer, getScreen } = rendered;
  const written = () => rendered.getFullOutput({ raw: true });
  // inquirer's own emulates a terminal of 40 million characters.
  const getFullOutput = async () => {
    const screen = new Screen(10_000);
    screen.write((await written()).replaceAll('\n', '\r\n'));
    return screen.text;
  };
  const shows = (screen: string | RegExp) =>
    expect.poll(getScreen).toEqual(typeof screen === 'string' ? screen : expect.stringMatching(screen));
  const press = (...keys: readonly string[]) => {
    for (const name of keys) events.keypress(name);
  };
  return { answer, box, getFullOutput, press, shows, type: events.type, wizard, written };
}

const pool: Pool = {
  id: '6b1d3c8e-4f0a-4c57-9d26-0a1f5e7c2601',
  slug: 'kimi26',
  annualDiscount: 0.15,
  blocks: [
    { block: 'asia', pricePerMonth: 39 },
    { block: 'europe', pricePerMonth: 49 },
    { block: 'americas', pricePerMonth: 45 },
  ],
};

describe('the account', () => {
  const question = '? Paste a management key (mk_…), or choose:';
  const create = 'Create a key: open cheapestinference.com in the browser';
  const sandbox = 'Use the sandbox: no account needed, nothing is charged';

  test('is a management key, which is asked for until it is valid, and is never shown', async () => {
    const { type, press, answer, shows, wizard, written } = await at(account, { key: '' });
    await shows(`${question}\n❯ ${create}\n  ${sandbox}\n\n${select}`);
    type('nonsense');
    press('enter');
    await shows(
      new RegExp(
        `^\\${question}\\n! Not a valid management key\\. Management keys start with mk_\\. [^?]*\\n❯ ${create}\\n`.replace(
          '(mk_…)',
          '\\(mk_…\\)',
        ),
      ),
    );
    type('mk_invalid_1');
    press('enter');
    await shows(/\n! Invalid management key\. Copy the whole key from the dashboard/);
    type('mk_another_1');
    await shows(/^\? Paste [^\n]* ••••••••••••\n {2}Create/);
    press('enter');
    expect(await answer).toBe('changed');
    expect(wizard.done).toEqual([expect.stringMatching(/^signed in as profile "default" with mk_…/)]);
    const output = await written();
    expect(output).not.toMatch(/another_|nonsense|invalid_/);
    expect(output.match(/✓ Paste/g)).toHaveLength(1);
  });

  test('is the sandbox if that is chosen, and can be chosen again after going back', async () => {
    const chosen = await at(account, { key: '' });
    await chosen.shows(new RegExp(`❯ ${create}`));
    chosen.press('down', 'enter');
    expect(await chosen.answer).toBe('asked');
    const { settings } = chosen.wizard.context;
    expect([settings.sandbox.value, chosen.wizard.done]).toEqual([true, []]);

    const again = await at(account, { key: '', answers: { choseSandbox: true } });
    await again.shows(new RegExp(`\\n  ${create}\\n❯ ${sandbox}\\n`));
    again.type('mk_another_1');
    again.press('enter');
    expect(await again.answer).toBe('changed');
    expect(again.wizard.context.settings.sandbox.value).toBe(false);
  });

  test('is not asked for if the environment sets a key that is refused, which would take precedence', async () => {
    const { answer } = await at(account, { key: 'mk_invalid_1' });
    await expect(answer).rejects.toMatchObject({
      exitCode: 4,
      hint: 'Set CHEAPESTINFERENCE_MANAGEMENT_KEY to a valid key, or unset it, then run `ci setup` again.',
    });
  });
});

describe('the existing seats', () => {
  const subscribe =
    (quantity: number, block = 'europe') =>
    (box: TestSandbox) =>
      box.data('POST', '/api/pools/kimi26/subscribe', { blocks: [block], quantity });

  test('without a key are one choice, and each with a key is another', async () => {
    const before = async (box: TestSandbox) => {
      await subscribe(3)(box);
      await box.data('POST', '/api/keys/subscription', { name: 'my-app' });
      await subscribe(1, 'asia')(box);
    };
    const { press, answer, shows, wizard, box } = await at(useExistingSeats, { before });
    const keys = await box.data('GET', '/api/keys');
    const seat = textAt(keys, 0, 'subscriptionId').slice(0, 8);
    await shows(
      [
        '? You have 4 active subscriptions. Create a key for:',
        '❯ kimi26  asia    1 seat, no key         live in 15 hours  renews in 1 month',
        '  kimi26  europe  2 seats, no key        live now          renews in 1 month',
        `  kimi26  europe  key my-app (${seat})  live now          renews in 1 month`,
        '  Reserve more blocks instead',
        '',
        select,
      ].join('\n'),
    );
    press('down', 'enter');
    expect(await answer).toBe('asked');
    expect([wizard.subscriptions, wizard.pool]).toMatchObject([
      [{ poolSlug: 'kimi26' }, { poolSlug: 'kimi26' }],
      { slug: 'kimi26' },
    ]);
    await shows(/^✓ You have 4 active subscriptions\. Create a key for: kimi26 europe \(2 seats\)$/);
  });

  test('can be left as they are, to reserve more', async () => {
    const { press, answer, shows, wizard } = await at(useExistingSeats, {
      before: subscribe(1),
      answers: { reservesMore: true },
    });
    await shows(/\n❯ Reserve more blocks instead\n/);
    press('enter');
    expect([await answer, wizard.subscriptions, wizard.reservesMore]).toEqual(['asked', undefined, true]);
  });
});

describe('the pool', () => {
  test('is found by typing', async () => {
    const { type, press, answer, shows, wizard } = await at(choosePool);
    await shows(/^\? Pool:\n❯ kimi26 +Kimi K2\.6 [\s\S]*\n- deepseek-v4 [\s\S]*\n- qwen35 [^\n]*paused/);
    await shows(new RegExp(`\n\ntype to search • ${select}$`));
    type('GLM');
    await shows(/^\? Pool: GLM\n❯ glm5 .*\n\n/);
    press('enter');
    expect(await answer).toBe('asked');
    expect(wizard.pool).toMatchObject({ slug: 'glm5' });
  });

  test('is selected again after going back, and another one resets the blocks', async () => {
    const { press, answer, shows, wizard } = await at(choosePool, { answers: { pool, blocks: ['europe'] } });
    await shows(/\n❯ kimi26 /);
    press('down', 'enter');
    expect([await answer, wizard.pool?.slug, wizard.blocks]).toEqual(['asked', 'minimax-m3', undefined]);
  });
});

describe('the working hours', () => {
  const question = '? Working hours, to suggest blocks (e.g. 9-17, Enter to skip):';

  test('are asked for until they are valid', async () => {
    const { type, press, answer, shows, wizard, getFullOutput } = await at(workingHours);
    await shows(`${question}\nesc back`);
    type('9-');
    press('enter');
    await shows(
      / 9-\n! "9-" is not a valid time range\. Use hours in your local time, such as\s9-17,\s9:30-18\sor\s9am-5pm\.\nesc back$/,
    );
    type('17');
    press('enter');
    expect(await answer).toBe('asked');
    expect(wizard.work).toBeDefined();
    expect(await getFullOutput()).toContain('Suggested: europe (7 of your 8 hours).');
  });

  test('can be skipped', async () => {
    const { press, answer, shows, wizard, getFullOutput } = await at(workingHours);
    await shows(/^\? Working hours/);
    press('enter');
    expect([await answer, wizard.work]).toEqual(['asked', undefined]);
    expect(await getFullOutput()).not.toContain('Suggested');
  });

  test('are in the line after going back, and can be removed', async () => {
    const answers: Partial<Wizard> = { typedHours: '9-17', blocks: ['asia'] };
    const kept = await at(workingHours, { answers });
    await kept.shows(`${question} 9-17\nesc back`);
    kept.press('enter');
    expect([await kept.answer, kept.wizard.blocks]).toEqual(['asked', ['asia']]);
    const removed = await at(workingHours, { answers });
    await removed.shows(/ 9-17\n/);
    removed.press('backspace', 'backspace', 'backspace', 'backspace', 'enter');
    expect([await removed.answer, removed.wizard.work, removed.wizard.blocks]).toEqual(['asked', undefined, undefined]);
  });
});

describe('the blocks', () => {
  test('are shown in local time', async () => {
    const { press, answer, shows, wizard } = await at(chooseBlocks, { answers: { pool } });
    await shows(
      [
        '? Blocks:',
        '❯◯ asia      00:00–08:00 UTC  02:00–10:00 local  $39.00  7 seats left',
        ' ◯ europe    08:00–16:00 UTC  10:00–18:00 local  $49.00  8 seats left  live now',
        ' ◯ americas  16:00–24:00 UTC  18:00–02:00 local  $45.00  6 seats left',
        '',
        '↑↓ navigate • space select • a all • ⏎ submit • esc back',
      ].join('\n'),
    );
    press('space', 'down', 'space', 'enter');
    expect(await answer).toBe('asked');
    expect(wizard.blocks).toEqual(['asia', 'europe']);
  });

  test('are selected again after going back', async () => {
    const answers: Partial<Wizard> = { pool, blocks: ['americas'], work: { from: 540, to: 1020 } };
    const { press, answer, shows, wizard } = await at(chooseBlocks, { answers });
    await shows(/\n❯◯ asia [\s\S]*\n ◯ europe [\s\S]*\n ◉ americas /);
    press('enter');
    expect([await answer, wizard.blocks]).toEqual(['asked', ['americas']]);
  });
});

describe('the number of seats', () => {
  const question = '? Seats (each handles one request at a time):';
  const answers: Partial<Wizard> = { pool, blocks: ['americas'] };

  test('is at most the number of available seats', async () => {
    const { type, press, answer, shows, wizard } = await at(chooseSeats, { answers });
    await shows(`${question} (1)\nesc back`);
    type('7');
    press('enter');
    await shows(`${question} 7\n! Only 6 seats left. Enter a smaller number.\nesc back`);
    type('0');
    press('enter');
    await shows(`${question} 70\n! Enter a number from 1 to 20.\nesc back`);
    press('backspace', 'backspace');
    await shows(`${question} (1)\nesc back`);
    type('6');
    press('enter');
    expect([await answer, wizard.quantity]).toEqual(['asked', 6]);
  });

  test('is 1 after Enter', async () => {
    const { press, answer, shows, wizard } = await at(chooseSeats, { answers });
    await shows(`${question} (1)\nesc back`);
    press('enter');
    expect([await answer, wizard.quantity]).toEqual(['asked', 1]);
    await shows(/ at a time\): 1$/);
  });

  test('is in the line after going back', async () => {
    const { press, answer, shows, wizard } = await at(chooseSeats, { answers: { ...answers, quantity: 3 } });
    await shows(`${question} 3\nesc back`);
    press('enter');
    expect([await answer, wizard.quantity]).toEqual(['asked', 3]);
  });
});

describe('the billing cycle', () => {
  const answers: Partial<Wizard> = { pool, blocks: ['asia', 'europe'], quantity: 2 };

  test('shows how much yearly billing saves', async () => {
    const { press, answer, shows, wizard } = await at(chooseCycle, { answers });
    await shows(
      [
        '? Billing cycle:',
        '❯ Monthly: $176.00 today, then every month',
        '  Yearly: $1,795.20 today, saves $316.80 per year',
        '',
        select,
      ].join('\n'),
    );
    press('down', 'enter');
    expect([await answer, wizard.billingCycle]).toEqual(['asked', 'year']);
  });

  test('is selected again after going back', async () => {
    const { press, answer, shows, wizard } = await at(chooseCycle, { answers: { ...answers, billingCycle: 'year' } });
    await shows(/\n❯ Yearly/);
    press('enter');
    expect([await answer, wizard.billingCycle]).toEqual(['asked', 'year']);
  });
});

describe('the consent', () => {
  const answers = { pool, blocks: ['europe'] } as const;

  test('is No by default', async () => {
    const { press, answer, shows, box } = await at(purchase, { answers });
    await shows('? Charge $49.00 now? (y/N)\nesc back');
    press('enter');
    await expect(answer).rejects.toMatchObject({ code: 'declined' });
    expect(listAt(await box.seen(), 'charges')).toEqual([]);
  });

  test('waits for a card if none is saved', async () => {
    const { type, press, answer, shows } = await at(purchase, { answers, setting: { card: false } });
    await shows('? Charge $49.00 now? (y/N)\nesc back');
    type('y');
    press('enter');
    await shows(
      [
        '? Have you saved the card?',
        '❯ Yes, try again',
        '  Open the page in the browser',
        '  No, quit',
        '',
        select,
      ].join('\n'),
    );
    press('down', 'down', 'enter');
    await expect(answer).rejects.toMatchObject({ exitCode: 8 });
  });

  const alternatives = [
    '? What would you like to do?',
    '❯ Choose other blocks',
    '  Choose fewer seats',
    '  Choose another pool',
    '  Quit',
    '',
    select,
  ].join('\n');
  const sellOut = (box: TestSandbox) =>
    box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'], quantity: 8 });

  test('is not asked for if the seats are sold out, and other choices are offered', async () => {
    const { press, answer, shows, getFullOutput } = await at(purchase, {
      answers: { ...answers, quantity: 2 },
      before: sellOut,
    });
    await shows(alternatives);
    expect(await getFullOutput()).not.toContain('Charge');
    press('down', 'enter');
    await expect(answer).rejects.toMatchObject({ step: chooseSeats });
  });

  test('is followed by other choices if the seats are sold out meanwhile', async () => {
    const { box, type, press, answer, shows } = await at(purchase, { answers: { ...answers, quantity: 2 } });
    await shows('? Charge $98.00 now? (y/N)\nesc back');
    await sellOut(box);
    type('y');
    press('enter');
    await shows(alternatives);
    press('down', 'enter');
    await expect(answer).rejects.toMatchObject({ step: chooseSeats });
  });

  test('is not asked for above max-monthly-spend', async () => {
    const { answer, box, getFullOutput } = await at(purchase, { answers, limit: '48.99' });
    await expect(answer).rejects.toMatchObject({ code: 'price_above_maximum', outcome: 'not_applied' });
    expect(await getFullOutput()).not.toContain('Charge $49.00 now?');
    expect(listAt(await box.seen(), 'charges')).toEqual([]);
  });

  test('shows the existing seats', async () => {
    const before = (box: TestSandbox) => box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
    const { press, answer, shows, getFullOutput } = await at(purchase, { answers, before });
    await shows('? Charge $49.00 now? (y/N)\nesc back');
    expect(await getFullOutput()).toMatch(/You have +1 seat in europe already/);
    press('enter');
    await expect(answer).rejects.toMatchObject({ code: 'declined' });
  });
});

describe('the name of the key', () => {
  const listed = async (box: TestSandbox) => {
    await box.data('POST', '/api/keys/credit', { name: 'some-project' });
  };

  test('is the name of the folder after Enter', async () => {
    const { press, answer, shows, wizard } = await at(chooseKeyName);
    await shows('? Key name: (some-project)\nesc back');
    press('enter');
    expect([await answer, wizard.keyName]).toEqual(['asked', 'some-project']);
  });

  test('has at most 100 characters', async () => {
    const { type, press, answer, shows, wizard } = await at(chooseKeyName);
    await shows(/^\? Key name:/);
    type('x'.repeat(101));
    press('enter');
    await shows(/\n! Use at most 100 characters\.\n/);
    press('backspace', 'enter');
    expect([await answer, wizard.keyName]).toEqual(['asked', 'x'.repeat(100)]);
  });

  test('is not the name of another key', async () => {
    const { type, press, answer, shows, wizard } = await at(chooseKeyName, { before: listed });
    await shows('? Key name: (some-project-2)\nesc back');
    type('some-project');
    press('enter');
    await shows(/\n! Key "some-project" already exists\. Enter another name\.\n/);
    type('-3');
    press('enter');
    expect([await answer, wizard.keyName]).toEqual(['asked', 'some-project-3']);
  });

  test('gets a number for each of several seats', async () => {
    const seat = { id: 'a', poolSlug: 'kimi26', status: 'active', monthlyPrice: 49 };
    const subscriptions = [seat, { ...seat, id: 'b' }, { ...seat, id: 'c', status: 'pending_key' }];
    const { press, answer, shows, wizard } = await at(chooseKeyName, { answers: { subscriptions }, before: listed });
    await shows('? Key name (2 keys: NAME-1 to NAME-2): (some-project)\nesc back');
    press('enter');
    expect([await answer, wizard.keyName]).toEqual(['asked', 'some-project']);
  });
});

describe('the place for the key', () => {
  test('is chosen from a list', async () => {
    const { press, answer, shows, wizard } = await at(chooseDestination);
    await shows(
      [
        '? Save the key to:',
        '❯ This machine (for `ci run`)',
        '  .env in this directory',
        '  Load it in new shells (edits ~/.zshrc)',
        '  The screen (not saved)',
        '',
        `type the path of another file • ${select}`,
      ].join('\n'),
    );
    press('down', 'down', 'down', 'enter');
    expect([await answer, wizard.destination?.describe(1)]).toEqual(['asked', { count: 1, words: 'on the screen' }]);
  });

  test('is asked for again, with the earlier answer, if it cannot be written', async () => {
    const { press, answer, shows, wizard, getFullOutput } = await at(chooseDestination);
    await shows(/^\? Save the key to:\n❯ /);
    // The folder of the test doesn't exist.
    press('down', 'enter');
    await expect
      .poll(getFullOutput)
      .toMatch(/✗ Can't write \/home\/me\/some-project\/\.env: [^?]*\? Save the key to:\n[^\n]*\n❯ \.env/);
    expect(wizard.destination).toBeUndefined();
    press('down', 'enter');
    expect([await answer, wizard.destination?.describe(1).words]).toEqual(['asked', 'loaded by every new zsh shell']);
  });

  test('is a dotenv file if a path is typed', async () => {
    const file = path.join(emptyFolder(), '.env');
    const { type, press, answer, shows, wizard } = await at(chooseDestination);
    await shows(/^\? Save the key to:\n❯ /);
    type(file);
    press('enter');
    expect(await answer).toBe('asked');
    expect(wizard.destination?.describe(1).savedTo).toBe(file);
  });
});

const steps: Readonly<Record<string, Step>> = {
  account,
  choosePool,
  workingHours,
  chooseBlocks,
  chooseSeats,
  chooseCycle,
  purchase,
  chooseKeyName,
  chooseDestination,
};

test.each(Object.entries(steps))('Esc goes back from %s', async (_name, step) => {
  const answers: Partial<Wizard> = { pool, blocks: ['europe'] };
  const { press, answer, shows } = await at(step, { answers, key: step === account ? '' : 'mk_of_the_tests' });
  await shows(/^\? /);
  press('escape');
  await expect(answer).rejects.toMatchObject({ name: 'WentBack' });
});
