import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { render } from '@inquirer/testing';
import { describe, expect, test } from 'vitest';
import { destinationChoices } from '../../../src/account/secrets/destinations.ts';
import type { Pool } from '../../../src/api/pools.ts';
import { account } from '../../../src/commands/setup/account.ts';
import {
  chooseBlocks,
  chooseCycle,
  choosePool,
  chooseSeats,
  whatIsThere,
  workingHours,
} from '../../../src/commands/setup/choices.ts';
import { chooseDestination, completeDestination } from '../../../src/commands/setup/destination.ts';
import { chooseKeyName } from '../../../src/commands/setup/key.ts';
import { purchase } from '../../../src/commands/setup/purchase.ts';
import type { Step, Wizard } from '../../../src/commands/setup/wizard.ts';
import { createContext } from '../../../src/context/create.ts';
import { Buffered } from '../../support/buffer.ts';
import { emptyFolder, listAt, type Setting, sandbox, type TestSandbox } from '../../support/sandbox.ts';
import { worldWith } from '../../support/world.ts';

/** How long the screen is looked at for what is to come: it decides nothing. */
const patience = { timeout: 20_000 };

const select = '↑↓ navigate • ⏎ select';

/** What a step is given. */
interface Given {
  readonly told?: Partial<Wizard>;
  readonly key?: string;
  readonly setting?: Setting;
  /** The profile's `max-monthly-spend`. */
  readonly limit?: string;
  /** Done at the sandbox before. */
  readonly before?: (box: TestSandbox) => Promise<unknown>;
}

/** A step of the wizard at a terminal as inquirer's own tests have it, 80 columns wide. */
async function at(step: Step, { told = {}, key = 'mk_of_the_tests', setting = {}, limit, before }: Given = {}) {
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
    // A question ends what it wrote to, which a terminal does not mind.
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
    const wizard: Wizard = { context, prompts: context.prompts.withBack(), done: [], ...told };
    wizards.push(wizard);
    return step(wizard);
  }, {});
  const [wizard] = wizards;
  if (!wizard) throw new Error('the step did not begin');
  const { events, answer, getScreen, getFullOutput } = rendered;
  const shows = (screen: string | RegExp) =>
    expect.poll(getScreen, patience).toEqual(typeof screen === 'string' ? screen : expect.stringMatching(screen));
  const press = (...keys: readonly string[]) => {
    for (const name of keys) events.keypress(name);
  };
  return { answer, box, getFullOutput, press, shows, type: events.type, wizard };
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

describe('the key', () => {
  const question = '? Management key (mk_…), or s for the sandbox:';

  test('is masked; what is none is asked for again', async () => {
    const { type, press, answer, shows, wizard, getFullOutput } = await at(account, { key: '' });
    await shows(question);
    type('nonsense');
    press('enter');
    await expect.poll(getFullOutput, patience).toMatch(/✗ that is no management key[^?]*\? Management/);
    type('mk_another_1');
    await shows(`${question} ••••••••••••`);
    press('enter');
    expect(await answer).toBe('asked');
    expect(wizard.done).toEqual([expect.stringMatching(/^signed in as profile "default" with mk_…/)]);
    expect(await getFullOutput({ raw: true })).not.toMatch(/another|nonsense/);
  });

  test('can be left out with s, for the sandbox', async () => {
    const { type, press, answer, shows, wizard } = await at(account, { key: '' });
    await shows(question);
    type('s');
    press('enter');
    expect(await answer).toBe('asked');
    expect([wizard.context.settings.sandbox.value, wizard.done]).toEqual([true, []]);
  });
});

test('what is held already, or more', async () => {
  const before = (box: TestSandbox) => box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
  const { press, answer, shows, wizard } = await at(whatIsThere, { before });
  await shows(
    [
      '? You have 1 subscription. What next?',
      '❯ Create a key for kimi26  europe  live now  $49.00  renews in 1 month',
      '  Reserve more blocks',
      '',
      select,
    ].join('\n'),
  );
  press('enter');
  expect(await answer).toBe('asked');
  expect([wizard.subscriptions, wizard.pool]).toMatchObject([[{ poolSlug: 'kimi26' }], { slug: 'kimi26' }]);
});

test('the pool, found by typing', async () => {
  const { type, press, answer, shows, wizard } = await at(choosePool);
  await shows(
    [
      '? Which pool?',
      '❯ kimi26      Kimi K2.6   active  from $39.00  all blocks free',
      '  minimax-m3  MiniMax M3  active  from $39.00  free: asia, europe',
      '  glm5        GLM 5       active  from $49.00  all blocks free',
      '',
      `type to search • ${select}`,
    ].join('\n'),
  );
  type('GLM');
  await shows(/^\? Which pool\? GLM\n❯ glm5 .*\n\n/);
  press('enter');
  expect(await answer).toBe('asked');
  expect(wizard.pool).toMatchObject({ slug: 'glm5' });
});

describe('the working hours', () => {
  const question = '? Working hours, to suggest blocks (e.g. 9-17, Enter to skip):';

  test('are asked for until they are some', async () => {
    const { type, press, answer, shows, wizard, getFullOutput } = await at(workingHours);
    await shows(question);
    type('9-');
    press('enter');
    await shows(/ 9-\n! "9-" are no working hours\. Write them by your own clock: 9-17, 9:30-18 or\n22-6\.$/);
    type('17');
    press('enter');
    expect(await answer).toBe('asked');
    expect(wizard.work).toBeDefined();
    expect(await getFullOutput()).toContain('Suggested: europe (7 of your 8 hours).');
  });

  test('can be skipped', async () => {
    const { press, answer, shows, wizard, getFullOutput } = await at(workingHours);
    await shows(question);
    press('enter');
    expect([await answer, wizard.work]).toEqual(['asked', undefined]);
    expect(await getFullOutput()).not.toContain('Suggested');
  });
});

test('the blocks, by the local clock', async () => {
  const { press, answer, shows, wizard } = await at(chooseBlocks, { told: { pool } });
  await shows(
    [
      '? Which blocks?',
      '❯◯ asia      00:00–08:00 UTC  02:00–10:00 local  $39.00  7 free',
      ' ◯ europe    08:00–16:00 UTC  10:00–18:00 local  $49.00  8 free  live now',
      ' ◯ americas  16:00–24:00 UTC  18:00–02:00 local  $45.00  6 free',
      '',
      '↑↓ navigate • space select • a all • ⏎ submit',
    ].join('\n'),
  );
  press('space', 'down', 'space', 'enter');
  expect(await answer).toBe('asked');
  expect(wizard.blocks).toEqual(['asia', 'europe']);
});

test('the seats: Enter is one, and no more than are free', async () => {
  const { type, press, answer, shows, wizard } = await at(chooseSeats, { told: { pool, blocks: ['americas'] } });
  const question = '? How many seats? Each answers one request at a time.';
  await shows(`${question} (1)`);
  type('7');
  press('enter');
  await shows(`${question} 7\n! 6 seats are free.`);
  type('0');
  press('enter');
  await shows(`${question} 70\n! Enter a number from 1 to 20.`);
  press('backspace', 'backspace');
  await shows(`${question} (1)`);
  type('6');
  press('enter');
  expect([await answer, wizard.quantity]).toEqual(['asked', 6]);

  const alone = await at(chooseSeats, { told: { pool, blocks: ['americas'] } });
  await alone.shows(`${question} (1)`);
  alone.press('enter');
  expect([await alone.answer, alone.wizard.quantity]).toEqual(['asked', 1]);
  await alone.shows(/ at a time\. 1$/);
});

test('the cycle, with what the year saves', async () => {
  const told = { pool, blocks: ['asia', 'europe'], quantity: 2 } as const;
  const { press, answer, shows, wizard } = await at(chooseCycle, { told });
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

describe('the consent', () => {
  const told = { pool, blocks: ['europe'] } as const;

  test('is No by default', async () => {
    const { press, answer, shows, box } = await at(purchase, { told });
    await shows('? Charge $49.00 now? (y/N)');
    press('enter');
    await expect(answer).rejects.toMatchObject({ code: 'declined' });
    expect(listAt(await box.seen(), 'charges')).toEqual([]);
  });

  test('waits for a card where there is none', async () => {
    const { type, press, answer, shows } = await at(purchase, { told, setting: { card: false } });
    await shows('? Charge $49.00 now? (y/N)');
    type('y');
    press('enter');
    await shows(
      ['? The card is saved?', '❯ Yes, try again', '  Open the page in the browser', '  Stop here', '', select].join(
        '\n',
      ),
    );
    press('down', 'down', 'enter');
    await expect(answer).rejects.toMatchObject({ exitCode: 8 });
  });

  const whatNow = [
    '? What now?',
    '❯ Other blocks',
    '  Fewer seats',
    '  Another pool',
    '  Stop here, and wait for a seat with `ci pools watch`',
    '',
    select,
  ].join('\n');
  const sellOut = (box: TestSandbox) =>
    box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'], quantity: 8 });

  test('is not asked for if all was sold out before: other choices are offered', async () => {
    const { press, answer, shows, getFullOutput } = await at(purchase, {
      told: { ...told, quantity: 2 },
      before: sellOut,
    });
    await shows(whatNow);
    expect(await getFullOutput()).not.toContain('Charge');
    press('down', 'enter');
    await expect(answer).rejects.toMatchObject({ step: chooseSeats });
  });

  test('is followed by other choices if all was sold out while the question was on the screen', async () => {
    const { box, type, press, answer, shows } = await at(purchase, { told: { ...told, quantity: 2 } });
    await shows('? Charge $98.00 now? (y/N)');
    await sellOut(box);
    type('y');
    press('enter');
    await shows(whatNow);
    press('down', 'enter');
    await expect(answer).rejects.toMatchObject({ step: chooseSeats });
  });

  test('is not asked for above max-monthly-spend', async () => {
    const { answer, box, getFullOutput } = await at(purchase, { told, limit: '48.99' });
    await expect(answer).rejects.toMatchObject({ code: 'price_above_maximum', outcome: 'not_applied' });
    expect(await getFullOutput()).not.toContain('Charge $49.00 now?');
    expect(listAt(await box.seen(), 'charges')).toEqual([]);
  });

  test('comes with what is held already', async () => {
    const before = (box: TestSandbox) => box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
    const { press, answer, shows, getFullOutput } = await at(purchase, { told, before });
    await shows('? Charge $49.00 now? (y/N)');
    expect(await getFullOutput()).toMatch(/You hold +1 seat in europe already/);
    press('enter');
    await expect(answer).rejects.toMatchObject({ code: 'declined' });
  });
});

test('the name of the key: Enter is that of the folder', async () => {
  const { type, press, answer, shows, wizard } = await at(chooseKeyName);
  await shows('? Key name: (some-project)');
  type('x'.repeat(101));
  press('enter');
  await shows(/\n! Use at most 100 characters\.$/);
  press('backspace', 'enter');
  expect([await answer, wizard.keyName]).toEqual(['asked', 'x'.repeat(100)]);

  const alone = await at(chooseKeyName);
  await alone.shows('? Key name: (some-project)');
  alone.press('enter');
  expect([await alone.answer, alone.wizard.keyName]).toEqual(['asked', 'some-project']);
});

test('where the key goes', async () => {
  const { press, answer, shows, wizard } = await at(chooseDestination);
  await shows(
    [
      '? Save the key to:',
      '❯ .env in this folder',
      '  Another dotenv file',
      '  Load it in new shells (edits ~/.zshrc)',
      '  The screen, once',
      '',
      select,
    ].join('\n'),
  );
  press('down', 'down', 'down', 'enter');
  expect([await answer, wizard.destination?.describe(1)]).toEqual(['asked', { count: 1, words: 'shown once' }]);
});

test('where the key goes, until it is a place that can be written', async () => {
  const { press, answer, shows, wizard, getFullOutput } = await at(chooseDestination);
  await shows(/^\? Save the key to:\n❯ /);
  // The folder of the test is not there.
  press('enter');
  await expect
    .poll(getFullOutput, patience)
    .toMatch(/✗ \/home\/me\/some-project\/\.env cannot be written: [^?]*\? Save the key to:/);
  expect(wizard.destination).toBeUndefined();
  press('down', 'down', 'enter');
  expect([await answer, wizard.destination?.describe(1).words]).toEqual(['asked', 'loaded by every new zsh']);
});

/** Asks for a file, as after "Another dotenv file". */
const chooseFile: Step = (wizard) => {
  const [destinationQuestion] = destinationChoices(wizard.context).flatMap(({ choice }) =>
    'question' in choice ? [choice] : [],
  );
  if (!destinationQuestion) throw new Error('no destination has a question');
  return completeDestination(Object.assign(wizard, { destinationQuestion }));
};

test('the file, until it is one that can be written', async () => {
  const folder = emptyFolder();
  const { type, press, answer, shows, wizard } = await at(chooseFile);
  await shows('? File:');
  press('enter');
  await shows('? File:\n! Enter the path of a file.');
  type(folder);
  press('enter');
  await shows(/\n! \S+ cannot be\s+written: it is a\s+folder\.$/);
  type('/.env');
  press('enter');
  expect(await answer).toBe('asked');
  expect(wizard.destination?.describe(1).savedTo).toBe(path.join(folder, '.env'));
});

test('Esc goes back from each', async () => {
  const told = { pool, blocks: ['europe'] } as const;
  const steps: readonly Step[] = [
    choosePool,
    workingHours,
    chooseBlocks,
    chooseSeats,
    chooseCycle,
    purchase,
    chooseKeyName,
    chooseDestination,
    chooseFile,
  ];
  for (const step of steps) {
    const { press, answer, shows } = await at(step, { told });
    await shows(/^\? /);
    press('escape');
    await expect(answer).rejects.toMatchObject({ name: 'WentBack' });
  }
});
