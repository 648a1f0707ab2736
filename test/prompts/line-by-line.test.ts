import { describe, expect, test } from 'vitest';
import { LineQuestions } from '../../src/prompts/line-by-line.ts';
import type { Questions } from '../../src/prompts/question.ts';
import { Line, terminal } from '../support/person.ts';

const anything = { check: () => undefined };
const pools = [
  { name: 'kimi26      Kimi K2.6', value: 'kimi', short: 'kimi26' },
  { name: 'minimax-m3  MiniMax M3', value: 'mini', short: 'minimax-m3' },
  { name: 'kimi-next   Kimi', value: 'next', short: 'kimi-next' },
  { name: 'qwen35      sold out', value: 'qwen', short: 'qwen35', disabled: 'sold out' },
];
const list =
  'Which?\n  1  kimi26      Kimi K2.6\n  2  minimax-m3  MiniMax M3\n  3  kimi-next   Kimi\n  -  qwen35      sold out\n';

/** Returns the pools, some of them selected at first. */
function preselected(...values: readonly string[]) {
  return pools.map((pool) => ({ ...pool, selected: values.includes(pool.value) }));
}

/** Asks a question, and types these lines, each when there is something to answer. */
async function put<Answer>(
  ask: (questions: Questions) => Promise<Answer>,
  lines: readonly string[],
  { hasBack = false } = {},
) {
  const stdin = new Line(true);
  const stderr = new Line(true);
  const left = [...lines];
  let shown = '';
  stderr.on('data', (chunk) => {
    shown += chunk.toString();
    if (!/[?:)] $/.test(shown)) return;
    const next = left.shift();
    setImmediate(() => (next === undefined ? stdin.end() : stdin.write(`${next}\n`)));
  });
  const interrupt = new AbortController();
  const asked = ask(new LineQuestions({ stdin, stderr }, terminal(), interrupt.signal, hasBack));
  const answer = await asked.catch((error: unknown) => error);
  return { answer, shown };
}

describe('a yes-or-no question', () => {
  test.each([
    ['y', true],
    ['YES', true],
    ['n', false],
    ['', false],
  ])('takes %j as %s', async (line, given) => {
    const { answer, shown } = await put((questions) => questions.confirm('Charge now?'), [line]);
    expect([answer, shown]).toEqual([given, 'Charge now? (y/N) ']);
  });

  test('asks again after anything else', async () => {
    const { answer, shown } = await put((questions) => questions.confirm('Sure?'), ['maybe', 'y']);
    expect([answer, shown]).toEqual([true, 'Sure? (y/N) Enter y or n.\nSure? (y/N) ']);
  });
});

describe('a text', () => {
  test('is a valid line without the spaces around it', async () => {
    const check = (typed: string) => (typed === 'prod' ? undefined : 'Call it prod.');
    const { answer, shown } = await put((questions) => questions.text('Name:', { check }), ['x', ' prod ']);
    expect([answer, shown]).toEqual(['prod', 'Name: Call it prod.\nName: ']);
  });

  test('is the suggestion after an empty line', async () => {
    const ask = (questions: Questions) => questions.text('Name:', { ...anything, suggestion: 'prod' });
    expect(await put(ask, [''])).toEqual({ answer: 'prod', shown: 'Name: (prod) ' });
    expect(await put(ask, ['test'])).toEqual({ answer: 'test', shown: 'Name: (prod) ' });
  });

  test('is the earlier answer after an empty line', async () => {
    const ask = (questions: Questions) => questions.text('Name:', { ...anything, suggestion: 'prod', earlier: 'test' });
    expect(await put(ask, [''])).toEqual({ answer: 'test', shown: 'Name: (test) ' });
  });
});

describe('one entry', () => {
  test.each([
    ['its number', '2', 'mini'],
    ['its name', 'kimi26', 'kimi'],
    ['words that only it has', 'MINI m3', 'mini'],
  ])('is chosen by %s', async (_how, line, picked) => {
    for (const way of ['pick', 'search'] as const) {
      const { answer, shown } = await put((questions) => questions[way]('Which?', pools), [line]);
      expect([answer, shown]).toEqual([picked, `${list}Number or name: `]);
    }
  });

  test('is the one that is selected at first after an empty line', async () => {
    const { answer, shown } = await put((questions) => questions.pick('Which?', preselected('mini')), ['']);
    expect([answer, shown]).toEqual(['mini', `${list}Number or name (minimax-m3): `]);
  });

  test.each([
    ['', 'Choose one.'],
    ['5', '"5" isn\'t in the list.'],
    ['0', '"0" isn\'t in the list.'],
    ['gpt', '"gpt" isn\'t in the list.'],
    ['kimi', '2 entries match "kimi". Enter a number.'],
    ['4', "qwen35 isn't available: sold out."],
    ['qwen35', "qwen35 isn't available: sold out."],
  ])('is not chosen by %j', async (line, why) => {
    const { answer, shown } = await put((questions) => questions.pick('Which?', pools), [line, '1']);
    expect([answer, shown]).toEqual(['kimi', `${list}Number or name: ${why}\nNumber or name: `]);
  });
});

describe('several entries', () => {
  const question = 'Numbers or names, separated by commas, or all: ';

  test.each([
    ['by numbers and names, in the order of the list', '3, kimi26', ['kimi', 'next']],
    ['once each', '1,1,kimi26', ['kimi']],
    ['with "all", without those that are not available', 'all', ['kimi', 'mini', 'next']],
  ])('are chosen %s', async (_how, line, picked) => {
    const { answer, shown } = await put((questions) => questions.pickSeveral('Which?', pools), [line]);
    expect([answer, shown]).toEqual([picked, `${list}${question}`]);
  });

  test('are those that are selected at first after an empty line', async () => {
    const choices = preselected('mini', 'next', 'qwen');
    const { answer, shown } = await put((questions) => questions.pickSeveral('Which?', choices), ['']);
    expect([answer, shown]).toEqual([
      ['mini', 'next'],
      `${list}Numbers or names, separated by commas, or all (minimax-m3, kimi-next): `,
    ]);
  });

  test.each([
    ['', 'Choose one.'],
    ['1,4', "qwen35 isn't available: sold out."],
    ['1,nothing', '"nothing" isn\'t in the list.'],
    ['kimi,2', '2 entries match "kimi". Enter a number.'],
  ])('are not chosen by %j', async (line, why) => {
    const { answer, shown } = await put((questions) => questions.pickSeveral('Which?', pools), [line, '2']);
    expect([answer, shown]).toEqual([['mini'], `${list}${question}${why}\n${question}`]);
  });
});

describe('a text or an entry', () => {
  const check = (typed: string) => (typed.startsWith('mk_') ? undefined : 'Not a valid key.');
  const choices = [{ name: 'The sandbox', value: 'sandbox' }];

  test.each([
    ['a number of the list', '1', { chosen: 'sandbox' }],
    ['other text', 'mk_1', { typed: 'mk_1' }],
  ])('is chosen by %s', async (_how, line, given) => {
    const ask = (questions: Questions) => questions.textOrPick('Key:', choices, { check, isSecret: true });
    const { answer, shown } = await put(ask, ['nonsense', line]);
    const question = 'Number, or text: ';
    expect([answer, shown]).toEqual([given, `Key:\n  1  The sandbox\n${question}Not a valid key.\n${question}`]);
  });
});

const kinds: readonly (readonly [string, (questions: Questions) => Promise<unknown>])[] = [
  ['a yes-or-no question', (questions) => questions.confirm('Sure?')],
  ['a secret', (questions) => questions.textOrPick('Key:', [], { ...anything, isSecret: true })],
  ['a text', (questions) => questions.text('Name:', anything)],
  ['one entry', (questions) => questions.pick('Which?', pools)],
  ['several entries', (questions) => questions.pickSeveral('Which?', pools)],
  ['a text or an entry', (questions) => questions.textOrPick('Which?', pools, anything)],
];

test.each(kinds)('the question for %s ends with the input', async (_kind, ask) => {
  const { answer, shown } = await put(ask, []);
  expect(answer).toMatchObject({ code: 'interrupted', exitCode: 130, outcome: 'not_applied' });
  expect(shown).toMatch(/[:)] \n$/);
});

test.each(kinds)('the question for %s goes back with <', async (_kind, ask) => {
  expect((await put(ask, ['<'], { hasBack: true })).answer).toMatchObject({ name: 'WentBack' });
});

test('a question ends with a signal, before and while it is asked', async () => {
  const interrupt = new AbortController();
  const stderr = new Line(true);
  const questions = new LineQuestions({ stdin: new Line(true), stderr }, terminal(), interrupt.signal);
  stderr.once('data', () => interrupt.abort());
  await expect(questions.text('Name:', anything)).rejects.toMatchObject({ code: 'interrupted' });
  await expect(questions.text('Name:', anything)).rejects.toMatchObject({ code: 'interrupted' });
});
