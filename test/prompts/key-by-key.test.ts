import { render } from '@inquirer/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Display } from '../../src/output/display.ts';
import { KeyQuestions } from '../../src/prompts/key-by-key.ts';
import type { Check, Questions } from '../../src/prompts/question.ts';
import { terminal } from '../support/person.ts';
import { withResolvers } from '../support/resolvers.ts';
import { Screen } from '../support/screen.ts';

const anything = { check: () => undefined };
const up = { name: 'up' };
const down = { name: 'down' };
const pools = [
  { name: 'kimi26      Kimi K2.6   active', value: 'kimi', short: 'kimi26' },
  { name: 'minimax-m3  MiniMax M3  active', value: 'mini', short: 'minimax-m3' },
  { name: 'qwen35      Qwen 3.5    paused', value: 'qwen', short: 'qwen35' },
];
const blocks = [
  { name: 'asia      $39.00', value: 1, short: 'asia' },
  { name: 'europe    $49.00', value: 2, short: 'europe', selected: true },
  { name: 'americas  sold out', value: 3, short: 'americas', disabled: 'sold out' },
];
const places = [
  { name: '.env in this folder', value: 1, short: '.env' },
  { name: 'The clipboard', value: 2 },
];

/** Asks a question on a terminal as inquirer's own tests have it. The end of the test quits a question that is still open. */
async function put<Answer>(
  ask: (questions: Questions) => Promise<Answer>,
  {
    display = terminal(),
    hasBack = false,
    namesBack,
  }: { display?: Display; hasBack?: boolean; namesBack?: boolean } = {},
) {
  const style = await display.style();
  const quit = new AbortController();
  const asked = await render((_config: object, context) => {
    const { input, output } = context ?? {};
    if (!input || !output) throw new Error('there is no terminal');
    const streams = { stdin: input, stderr: output };
    return ask(new KeyQuestions(streams, { display, style }, quit.signal, { hasBack, namesBack }));
  }, {});
  onTestFinished(async () => {
    const ended = asked.answer.catch(() => undefined);
    quit.abort();
    await ended;
  });
  return asked;
}

/** Asks for a secret, with no entries to choose instead. */
async function secret(questions: Questions, check: Check = anything.check): Promise<string> {
  const answer = await questions.textOrPick<string>('Key:', [], { check, isSecret: true });
  return 'typed' in answer ? answer.typed : answer.chosen;
}

describe('a yes-or-no question', () => {
  test.each([
    ['y', true, 'Yes'],
    ['yes', true, 'Yes'],
    ['n', false, 'No'],
    ['', false, 'No'],
  ])('takes %j as %s', async (typed, answer, shown) => {
    const { answer: given, events, getScreen } = await put((questions) => questions.confirm('Charge $49.00 now?'));
    expect(getScreen()).toBe('? Charge $49.00 now? (y/N)');
    events.type(typed);
    events.keypress('enter');
    expect(await given).toBe(answer);
    expect(getScreen()).toBe(`✓ Charge $49.00 now? ${shown}`);
  });

  test('asks again after anything else', async () => {
    const { answer, events, getScreen, nextRender } = await put((questions) => questions.confirm('Sure?'));
    events.type('maybe');
    events.keypress('enter');
    await nextRender();
    expect(getScreen()).toBe('? Sure? (y/N)\n! Enter y or n.');
    events.type('y');
    events.keypress('enter');
    expect(await answer).toBe(true);
  });
});

describe('a secret', () => {
  test('is shown as dots', async () => {
    const { answer, events, getScreen, getFullOutput } = await put((questions) => secret(questions));
    events.type('mk_abc');
    expect(getScreen()).toBe('? Key: ••••••');
    events.keypress('enter');
    expect(await answer).toBe('mk_abc');
    expect(await getFullOutput({ raw: true })).not.toContain('mk_');
  });

  test('is never revealed by a key', async () => {
    const { events, getScreen } = await put((questions) => secret(questions));
    events.type('mk_abc');
    events.keypress({ name: 't', ctrl: true });
    expect(getScreen()).toBe('? Key: ••••••');
  });

  test('is removed from the line when it is refused, so that another can be pasted', async () => {
    const check = (typed: string) => (typed === 'mk_good' ? undefined : 'Not a valid key.');
    const { answer, events, getScreen, nextRender } = await put((questions) => secret(questions, check));
    events.type('mk_bad');
    events.keypress('enter');
    await nextRender();
    expect(getScreen()).toBe('? Key:\n! Not a valid key.');
    events.type('mk_good');
    expect(getScreen()).toBe('? Key: •••••••');
    events.keypress('enter');
    expect(await answer).toBe('mk_good');
    expect(getScreen()).toBe('✓ Key: •••••••');
  });
});

describe('keys that are typed while an answer is checked', () => {
  test("don't become part of the next answer", async () => {
    const { promise: refused, resolve: refuse } = withResolvers<string>();
    const check = (typed: string) => (typed === 'mk_bad' ? refused : undefined);
    const { answer, events, getScreen, nextRender } = await put((questions) => secret(questions, check));
    events.type('mk_bad');
    events.keypress('enter');
    events.type('mk_early');
    refuse('Not a valid key.');
    await nextRender();
    expect(getScreen()).toBe('? Key:\n! Not a valid key.');
    events.type('mk_good');
    events.keypress('enter');
    expect(await answer).toBe('mk_good');
  });
});

describe('a text', () => {
  test('is taken once it is valid, and stays in the line until then', async () => {
    const check = (typed: string) => (typed === 'prod' ? undefined : 'Call it prod.');
    const { answer, events, getScreen, nextRender } = await put((questions) => questions.text('Name:', { check }));
    events.type('pro');
    events.keypress('enter');
    await nextRender();
    expect(getScreen()).toBe('? Name: pro\n! Call it prod.');
    events.type('d');
    events.keypress('enter');
    expect(await answer).toBe('prod');
    expect(getScreen()).toBe('✓ Name: prod');
  });

  test('is the suggestion after Enter', async () => {
    const { answer, events, getScreen } = await put((questions) =>
      questions.text('Name:', { ...anything, suggestion: 'prod' }),
    );
    expect(getScreen()).toBe('? Name: (prod)');
    events.keypress('enter');
    expect(await answer).toBe('prod');
    expect(getScreen()).toBe('✓ Name: prod');
  });

  test('gets the suggestion to edit with Tab', async () => {
    const { answer, events, getScreen } = await put((questions) =>
      questions.text('Name:', { ...anything, suggestion: 'prod' }),
    );
    events.keypress('tab');
    events.type('-2');
    expect(getScreen()).toBe('? Name: prod-2');
    events.keypress('enter');
    expect(await answer).toBe('prod-2');
  });

  test('starts with the earlier answer, which can be edited or removed', async () => {
    const ask = (questions: Questions) => questions.text('Hours:', { ...anything, earlier: '9-17' });
    const kept = await put(ask);
    expect(kept.getScreen()).toBe('? Hours: 9-17');
    kept.events.keypress('enter');
    expect(await kept.answer).toBe('9-17');
    const removed = await put(ask);
    for (let count = 0; count < 4; count++) removed.events.keypress('backspace');
    removed.events.keypress('enter');
    expect(await removed.answer).toBe('');
  });

  test('reports what its check throws', async () => {
    const check = () => Promise.reject(new Error('the network is down'));
    const { answer, events } = await put((questions) => questions.text('Name:', { check }));
    events.keypress('enter');
    await expect(answer).rejects.toThrow('the network is down');
  });
});

describe('a text or an entry of a list', () => {
  const ask = (questions: Questions) =>
    questions.textOrPick('Save to:', places, {
      check: (typed) => (typed === 'x' ? 'Not x.' : undefined),
      tip: 'a path',
    });

  test('is the selected entry after Enter in an empty line', async () => {
    const { answer, events, getScreen } = await put(ask);
    expect(getScreen()).toBe(
      '? Save to:\n❯ .env in this folder\n  The clipboard\n\ntype a path • ↑↓ navigate • ⏎ select',
    );
    events.keypress(down);
    events.keypress(down);
    expect(getScreen()).toContain('\n  .env in this folder\n❯ The clipboard\n');
    events.keypress(up);
    events.keypress('enter');
    expect(await answer).toEqual({ chosen: 1 });
    expect(getScreen()).toBe('✓ Save to: .env');
  });

  test('is the text if one is typed and valid', async () => {
    const { answer, events, getScreen, nextRender } = await put(ask);
    events.type('x');
    expect(getScreen()).toContain('? Save to: x\n  .env in this folder\n  The clipboard\n');
    events.keypress('enter');
    await nextRender();
    expect(getScreen()).toContain('? Save to: x\n! Not x.\n');
    events.type('y');
    events.keypress('enter');
    expect(await answer).toEqual({ typed: 'xy' });
    expect(getScreen()).toBe('✓ Save to: xy');
  });
});

describe('a prompt longer than a line', () => {
  const long = 'Working hours, to suggest blocks (for example 9-17, or Enter):';

  test('is broken between words, with room for the answer', async () => {
    const { answer, events, getScreen } = await put((questions) => questions.text(long, anything), {
      display: terminal({}, 40),
    });
    expect(getScreen()).toBe('? Working hours, to suggest\n  blocks (for example 9-17,\n  or Enter):');
    events.type('9-17');
    events.keypress('enter');
    expect(await answer).toBe('9-17');
    expect(getScreen()).toBe('✓ Working hours, to suggest\n  blocks (for example 9-17,\n  or Enter): 9-17');
  });

  test('has its error broken between words', async () => {
    const check = () => 'Use hours in your local time, such as 9-17 or 9am-5pm.';
    const { events, getScreen, nextRender } = await put((questions) => questions.text('When?', { check }), {
      display: terminal({}, 40),
    });
    events.keypress('enter');
    await nextRender();
    expect(getScreen()).toBe('? When?\n! Use hours in your local time, such as\n9-17 or 9am-5pm.');
  });

  test.each([
    [30, '✓ Which pool? minimax-m3'],
    [25, '✓ Which pool? minimax-m3'],
    [24, '✓ Which pool?\n  minimax-m3'],
  ])('shows its answer below on %i columns, if it does not fit behind', async (columns, line) => {
    const { answer, events, getScreen } = await put((questions) => questions.pick('Which pool?', pools), {
      display: terminal({}, columns),
    });
    events.keypress(down);
    events.keypress('enter');
    await answer;
    expect(getScreen()).toBe(line);
  });
});

describe('one of a few', () => {
  test('is selected with the arrow keys', async () => {
    const { answer, events, getScreen } = await put((questions) => questions.pick('Which pool?', pools));
    expect(getScreen()).toBe(
      [
        '? Which pool?',
        '❯ kimi26      Kimi K2.6   active',
        '  minimax-m3  MiniMax M3  active',
        '  qwen35      Qwen 3.5    paused',
        '',
        '↑↓ navigate • ⏎ select',
      ].join('\n'),
    );
    events.keypress(up);
    events.keypress(down);
    expect(getScreen()).toContain('\n❯ minimax-m3');
    events.keypress('enter');
    expect(await answer).toBe('mini');
    expect(getScreen()).toBe('✓ Which pool? minimax-m3');
  });

  test('is the one that is selected at first after Enter', async () => {
    const choices = pools.map((pool) => ({ ...pool, selected: pool.value === 'mini' }));
    for (const way of ['pick', 'search'] as const) {
      const { answer, events, getScreen } = await put((questions) => questions[way]('Which pool?', choices));
      await expect.poll(getScreen).toContain('\n❯ minimax-m3');
      events.keypress('enter');
      expect(await answer).toBe('mini');
    }
  });
});

describe('one of many choices', () => {
  test('is found by its words in any order and case', async () => {
    const { answer, events, getScreen, nextRender } = await put((questions) => questions.search('Which pool?', pools));
    await nextRender();
    expect(getScreen()).toContain('❯ kimi26      Kimi K2.6   active\n  minimax-m3');
    events.type('ACTIVE mini');
    await nextRender();
    expect(getScreen()).toBe(
      '? Which pool? ACTIVE mini\n❯ minimax-m3  MiniMax M3  active\n\ntype to search • ↑↓ navigate • ⏎ select',
    );
    events.keypress('enter');
    expect(await answer).toBe('mini');
    expect(getScreen()).toBe('✓ Which pool? minimax-m3');
  });

  test('is not found if no entry has the words', async () => {
    const { events, getScreen, nextRender } = await put((questions) => questions.search('Which pool?', pools));
    await nextRender();
    events.type('gpt');
    await nextRender();
    expect(getScreen()).toContain('! No results found');
  });

  test('skips an entry that is not available, and dims it in line with the others', async () => {
    const choices = [{ name: 'kimi26  paused', value: 1, disabled: 'paused' }, ...blocks];
    const { answer, events, getScreen, getFullOutput } = await put((questions) => questions.search('Which?', choices), {
      display: terminal({ NO_COLOR: '' }),
    });
    await expect.poll(getScreen).toContain('? Which?\n- kimi26  paused\n');
    expect(await getFullOutput({ raw: true })).toContain('\x1b[2m- kimi26  paused\x1b[22m');
    events.keypress('enter');
    expect(await answer).toBe(2);
  });

  test('can be a dimmed entry, which Tab completes', async () => {
    const choices = [{ name: 'kimi26  paused', value: 1, dimmed: true }];
    const { answer, events, getScreen, getFullOutput } = await put((questions) => questions.search('Which?', choices), {
      display: terminal({ NO_COLOR: '' }),
    });
    await expect.poll(getScreen).toContain('❯ kimi26  paused\n');
    expect(await getFullOutput({ raw: true })).toContain('\x1b[2mkimi26  paused\x1b[22m');
    events.keypress('tab');
    await expect.poll(getScreen).toMatch(/\? Which\? kimi26 {2}paused\n❯ kimi26/);
    events.keypress('enter');
    expect(await answer).toBe(1);
  });
});

describe('several', () => {
  test('are selected with the space bar, but not those that are not available', async () => {
    const { answer, events, getScreen } = await put((questions) => questions.pickSeveral('Which blocks?', blocks));
    expect(getScreen()).toBe(
      [
        '? Which blocks?',
        '❯◯ asia      $39.00',
        ' ◉ europe    $49.00',
        ' - americas  sold out',
        '',
        '↑↓ navigate • space select • a all • ⏎ submit',
      ].join('\n'),
    );
    events.keypress('space');
    events.keypress(down);
    events.keypress(down);
    events.keypress('space');
    expect(getScreen()).toContain("! This entry isn't available. Choose another one.");
    events.keypress('enter');
    expect(await answer).toEqual([1, 2]);
    expect(getScreen()).toBe('✓ Which blocks? asia, europe');
  });

  test('are at least one', async () => {
    const { events, getScreen, nextRender } = await put((questions) => questions.pickSeveral('Which blocks?', blocks));
    events.keypress(down);
    events.keypress('space');
    events.keypress('enter');
    await nextRender();
    expect(getScreen()).toContain('! Choose at least one.');
  });
});

const kinds: readonly (readonly [string, (questions: Questions) => Promise<unknown>])[] = [
  ['a yes-or-no question', (questions) => questions.confirm('Sure?')],
  ['a secret', (questions) => secret(questions)],
  ['a text', (questions) => questions.text('Name:', anything)],
  ['one of a few', (questions) => questions.pick('Which pool?', pools)],
  ['one of many', (questions) => questions.search('Which pool?', pools)],
  ['several', (questions) => questions.pickSeveral('Which blocks?', blocks)],
  ['a text or an entry', (questions) => questions.textOrPick('Save to:', places, anything)],
];

test.each(kinds)('%s names Esc below, erases itself and goes back at Esc', async (_kind, ask) => {
  const { answer, events, getScreen, getFullOutput } = await put(ask, { hasBack: true });
  await expect.poll(getScreen).toMatch(/\n(?:[^\n]+ • )?esc back$/);
  events.keypress('escape');
  await expect(answer).rejects.toMatchObject({ name: 'WentBack' });
  const screen = new Screen(80);
  screen.write((await getFullOutput({ raw: true })).replaceAll('\n', '\r\n'));
  expect(screen.text).toBe('');
});

test.each(kinds)('%s goes back at Esc without naming it, if there is nothing to go back to', async (_kind, ask) => {
  const { answer, events, getScreen } = await put(ask, { hasBack: true, namesBack: false });
  await expect.poll(getScreen).not.toBe('');
  expect(getScreen()).not.toMatch(/esc/);
  events.keypress('escape');
  await expect(answer).rejects.toMatchObject({ name: 'WentBack' });
});

describe('the look', () => {
  test('is ASCII if the terminal has nothing else', async () => {
    for (const [, ask] of kinds) {
      const { answer, events, getFullOutput } = await put(ask, { display: terminal({ LANG: 'C' }) });
      await new Promise(setImmediate);
      for (const key of ['x', 'space']) events.keypress(key);
      events.keypress('enter');
      await answer;
      expect(await getFullOutput({ raw: true })).toMatch(/^[\x00-\x7f]*$/);
    }
  });

  test("has no color if none is wanted, and the palette's otherwise", async () => {
    for (const [, ask] of kinds) {
      const plain = await put(ask);
      await new Promise(setImmediate);
      expect(await plain.getFullOutput({ raw: true })).not.toMatch(/\x1b\[[\d;]*m/);
      const colored = await put(ask, { display: terminal({ NO_COLOR: '' }) });
      await new Promise(setImmediate);
      const codes = (await colored.getFullOutput({ raw: true })).match(/\x1b\[[\d;]*m/g) ?? [];
      expect(codes).toContain('\x1b[1m');
      expect(codes.filter((code) => !/^\x1b\[(?:1|2|22|31|32|35|39)m$/.test(code))).toEqual([]);
    }
  });

  test.each([
    [80, '↑↓ navigate • space select • a all • ⏎ submit • esc back'],
    [50, 'space select • a all • ⏎ submit • esc back'],
    [40, 'space select • ⏎ submit • esc back'],
  ])('names on %i columns the keys that fit', async (columns, tips) => {
    const { getScreen } = await put((questions) => questions.pickSeveral('Which?', blocks), {
      display: terminal({}, columns),
      hasBack: true,
    });
    expect(getScreen()).toMatch(new RegExp(`sold out\n\n${tips}$`));
  });
});
