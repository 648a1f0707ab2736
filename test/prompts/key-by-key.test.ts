import { render } from '@inquirer/testing';
import { describe, expect, test } from 'vitest';
import type { Display } from '../../src/output/display.ts';
import { KeyQuestions } from '../../src/prompts/key-by-key.ts';
import type { Questions } from '../../src/prompts/question.ts';
import { terminal } from '../support/person.ts';

const none = () => undefined;
const up = { name: 'up' };
const down = { name: 'down' };
const pools = [
  { name: 'kimi26      Kimi K2.6   active', value: 'kimi', short: 'kimi26' },
  { name: 'minimax-m3  MiniMax M3  active', value: 'mini', short: 'minimax-m3' },
  { name: 'qwen35      Qwen 3.5    paused', value: 'qwen', short: 'qwen35' },
];
const blocks = [
  { name: 'asia      $39.00', value: 1, short: 'asia' },
  { name: 'europe    $49.00', value: 2, short: 'europe', ticked: true },
  { name: 'americas  sold out', value: 3, short: 'americas', disabled: 'it is sold out' },
];

/** Puts a question to somebody, who is at a terminal as inquirer's own tests have it. */
async function put<Answer>(ask: (questions: Questions) => Promise<Answer>, display: Display = terminal()) {
  const style = await display.style();
  return render((_config: object, context) => {
    const { input, output } = context ?? {};
    if (!input || !output) throw new Error('there is no terminal');
    const streams = { stdin: input, stderr: output };
    return ask(new KeyQuestions(streams, { display, style }, new AbortController().signal));
  }, {});
}

describe('consent', () => {
  test.each([
    ['y', true, 'Yes'],
    ['yes', true, 'Yes'],
    ['n', false, 'No'],
    ['', false, 'No'],
  ])('after %j is %s', async (typed, answer, told) => {
    const { answer: given, events, getScreen } = await put((questions) => questions.confirm('Charge $49.00 now?'));
    expect(getScreen()).toBe('? Charge $49.00 now? (y/N)');
    events.type(typed);
    events.keypress('enter');
    expect(await given).toBe(answer);
    expect(getScreen()).toBe(`✓ Charge $49.00 now? ${told}`);
  });

  test('is asked for again after anything else', async () => {
    const { events, getScreen, nextRender } = await put((questions) => questions.confirm('Sure?'));
    events.type('maybe');
    events.keypress('enter');
    await nextRender();
    expect(getScreen()).toContain('! You must answer with "Yes" or "No"');
  });
});

describe('a secret', () => {
  test('is shown as dots', async () => {
    const { answer, events, getScreen, getFullOutput } = await put((questions) => questions.secret('Key:', none));
    events.type('mk_abc');
    expect(getScreen()).toBe('? Key: ••••••');
    events.keypress('enter');
    expect(await answer).toBe('mk_abc');
    expect(await getFullOutput({ raw: true })).not.toContain('mk_');
  });

  test('cannot be made to be shown', async () => {
    const { events, getScreen } = await put((questions) => questions.secret('Key:', none));
    events.type('mk_abc');
    events.keypress({ name: 't', ctrl: true });
    expect(getScreen()).toBe('? Key: ••••••');
  });
});

test('a text is what is typed, once nothing is wrong with it', async () => {
  const check = (typed: string) => (typed === 'prod' ? undefined : 'Call it prod.');
  const { answer, events, getScreen, nextRender } = await put((questions) => questions.text('Name:', check));
  events.type('pro');
  events.keypress('enter');
  await nextRender();
  expect(getScreen()).toBe('? Name: pro\n! Call it prod.');
  events.type('d');
  events.keypress('enter');
  expect(await answer).toBe('prod');
  expect(getScreen()).toBe('✓ Name: prod');
});

test('a text that is suggested is what Enter answers', async () => {
  const { answer, events, getScreen } = await put((questions) => questions.text('Name:', none, 'prod'));
  expect(getScreen()).toBe('? Name: (prod)');
  events.keypress('enter');
  expect(await answer).toBe('prod');
  expect(getScreen()).toBe('✓ Name: prod');
});

describe('a question that is too long for a line', () => {
  const long = 'When do you work, by your own clock? 9-17, or Enter to skip:';

  test('is broken between words, with room for what is typed', async () => {
    const { answer, events, getScreen } = await put((questions) => questions.text(long, none), terminal({}, 40));
    expect(getScreen()).toBe('? When do you work, by your\n  own clock? 9-17, or Enter\n  to skip:');
    events.type('9-17');
    events.keypress('enter');
    expect(await answer).toBe('9-17');
    expect(getScreen()).toBe('✓ When do you work, by your\n  own clock? 9-17, or Enter\n  to skip: 9-17');
  });

  test('has what is wrong broken between words', async () => {
    const check = () => 'Write them by your own clock: 9-17, 9:30-18 or 22-6.';
    const { events, getScreen, nextRender } = await put(
      (questions) => questions.text('When?', check),
      terminal({}, 40),
    );
    events.keypress('enter');
    await nextRender();
    expect(getScreen()).toBe('? When?\n! Write them by your own clock: 9-17,\n9:30-18 or 22-6.');
  });

  test.each([
    [30, '✓ Which pool? minimax-m3'],
    [25, '✓ Which pool? minimax-m3'],
    [24, '✓ Which pool?\n  minimax-m3'],
  ])('of %i columns has its answer below where it does not fit behind', async (columns, line) => {
    const { answer, events, getScreen } = await put(
      (questions) => questions.pick('Which pool?', pools),
      terminal({}, columns),
    );
    events.keypress(down);
    events.keypress('enter');
    await answer;
    expect(getScreen()).toBe(line);
  });
});

test('one of a few is pointed at', async () => {
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

describe('one of many', () => {
  test('is found by any of its words, in any order and case', async () => {
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

  test('is none that is not there', async () => {
    const { events, getScreen, nextRender } = await put((questions) => questions.search('Which pool?', pools));
    await nextRender();
    events.type('gpt');
    await nextRender();
    expect(getScreen()).toContain('! No results found');
  });
});

describe('several', () => {
  test('are ticked; one that cannot be is said to be so', async () => {
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
    expect(getScreen()).toContain('! This option is disabled and cannot be toggled.');
    events.keypress('enter');
    expect(await answer).toEqual([1, 2]);
    expect(getScreen()).toBe('✓ Which blocks? asia, europe');
  });

  test('are not none', async () => {
    const { events, getScreen, nextRender } = await put((questions) => questions.pickSeveral('Which blocks?', blocks));
    events.keypress(down);
    events.keypress('space');
    events.keypress('enter');
    await nextRender();
    expect(getScreen()).toContain('! At least one choice must be selected');
  });
});

describe('the look', () => {
  const asks: readonly ((questions: Questions) => Promise<unknown>)[] = [
    (questions) => questions.confirm('Sure?'),
    (questions) => questions.secret('Key:', none),
    (questions) => questions.text('Name:', none),
    (questions) => questions.pick('Which pool?', pools),
    (questions) => questions.search('Which pool?', pools),
    (questions) => questions.pickSeveral('Which blocks?', blocks),
  ];

  test('is ASCII where the terminal has nothing else', async () => {
    for (const ask of asks) {
      const { answer, events, getFullOutput } = await put(ask, terminal({ LANG: 'C' }));
      await new Promise(setImmediate);
      for (const key of ['x', 'space']) events.keypress(key);
      events.keypress('enter');
      await answer;
      expect(await getFullOutput({ raw: true })).toMatch(/^[\x00-\x7f]*$/);
    }
  });

  test('has no colour where none is wanted, and the palette’s where some is', async () => {
    for (const ask of asks) {
      const plain = await put(ask);
      await new Promise(setImmediate);
      expect(await plain.getFullOutput({ raw: true })).not.toMatch(/\x1b\[[\d;]*m/);
      const colored = await put(ask, terminal({ NO_COLOR: '' }));
      await new Promise(setImmediate);
      const codes = (await colored.getFullOutput({ raw: true })).match(/\x1b\[[\d;]*m/g) ?? [];
      expect(codes).toContain('\x1b[1m');
      expect(codes.filter((code) => !/^\x1b\[(?:1|2|22|31|32|35|39)m$/.test(code))).toEqual([]);
    }
  });

  test('tells on a narrow terminal the keys that there is room for', async () => {
    const { getScreen } = await put((questions) => questions.pickSeveral('Which?', blocks), terminal({}, 40));
    expect(getScreen()).toMatch(/sold out\n\nspace select • a all • ⏎ submit$/);
  });
});
