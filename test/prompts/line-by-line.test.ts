import { describe, expect, test } from 'vitest';
import { LineQuestions } from '../../src/prompts/line-by-line.ts';
import type { Questions } from '../../src/prompts/question.ts';
import { Line, terminal } from '../support/person.ts';

const none = () => undefined;
const pools = [
  { name: 'kimi26      Kimi K2.6', value: 'kimi', short: 'kimi26' },
  { name: 'minimax-m3  MiniMax M3', value: 'mini', short: 'minimax-m3' },
  { name: 'kimi-next   Kimi', value: 'next', short: 'kimi-next' },
  { name: 'qwen35      sold out', value: 'qwen', short: 'qwen35', disabled: 'it is sold out' },
];
const list =
  'Which?\n  1  kimi26      Kimi K2.6\n  2  minimax-m3  MiniMax M3\n  3  kimi-next   Kimi\n  -  qwen35      sold out\n';

/** Puts a question to somebody who types these lines, each when there is something to answer. */
async function put<Answer>(ask: (questions: Questions) => Promise<Answer>, ...lines: readonly string[]) {
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
  const asked = ask(new LineQuestions({ stdin, stderr }, terminal(), interrupt.signal));
  const answer = await asked.catch((error: unknown) => error);
  return { answer, shown };
}

describe('consent', () => {
  test.each([
    ['y', true],
    ['YES', true],
    ['n', false],
    ['', false],
  ])('after %j is %s', async (line, given) => {
    const { answer, shown } = await put((questions) => questions.confirm('Charge now?'), line);
    expect([answer, shown]).toEqual([given, 'Charge now? (y/N) ']);
  });

  test('is asked for again after anything else', async () => {
    const { answer, shown } = await put((questions) => questions.confirm('Sure?'), 'maybe', 'y');
    expect([answer, shown]).toEqual([true, 'Sure? (y/N) Answer yes or no.\nSure? (y/N) ']);
  });
});

test('a text is a line without the blanks around it, once nothing is wrong with it', async () => {
  const check = (typed: string) => (typed === 'prod' ? undefined : 'Call it prod.');
  const { answer, shown } = await put((questions) => questions.text('Name:', check), 'x', ' prod ');
  expect([answer, shown]).toEqual(['prod', 'Name: Call it prod.\nName: ']);
});

test('a text that is suggested is what an empty line answers', async () => {
  const ask = (questions: Questions) => questions.text('Name:', none, 'prod');
  expect(await put(ask, '')).toEqual({ answer: 'prod', shown: 'Name: (prod) ' });
  expect(await put(ask, 'test')).toEqual({ answer: 'test', shown: 'Name: (prod) ' });
});

describe('one is picked', () => {
  test.each([
    ['by its number', '2', 'mini'],
    ['by its name', 'kimi26', 'kimi'],
    ['by words that it alone has', 'MINI m3', 'mini'],
  ])('%s', async (_how, line, picked) => {
    for (const way of ['pick', 'search'] as const) {
      const { answer, shown } = await put((questions) => questions[way]('Which?', pools), line);
      expect([answer, shown]).toEqual([picked, `${list}Its number or name: `]);
    }
  });

  test.each([
    ['', 'Choose one.'],
    ['5', 'There is no "5".'],
    ['0', 'There is no "0".'],
    ['gpt', 'There is no "gpt".'],
    ['kimi', '2 are like "kimi": take the number.'],
    ['4', 'qwen35 cannot be chosen: it is sold out.'],
    ['qwen35', 'qwen35 cannot be chosen: it is sold out.'],
  ])('not by %j', async (line, why) => {
    const { answer, shown } = await put((questions) => questions.pick('Which?', pools), line, '1');
    expect([answer, shown]).toEqual(['kimi', `${list}Its number or name: ${why}\nIts number or name: `]);
  });
});

describe('several are picked', () => {
  const question = 'Their numbers or names, with commas between them, or all: ';

  test.each([
    ['by numbers and names, in the order of the list', '3, kimi26', ['kimi', 'next']],
    ['each once', '1,1,kimi26', ['kimi']],
    ['all that can be', 'all', ['kimi', 'mini', 'next']],
  ])('%s', async (_how, line, picked) => {
    const { answer, shown } = await put((questions) => questions.pickSeveral('Which?', pools), line);
    expect([answer, shown]).toEqual([picked, `${list}${question}`]);
  });

  test.each([
    ['', 'Choose one.'],
    ['1,4', 'qwen35 cannot be chosen: it is sold out.'],
    ['1,nothing', 'There is no "nothing".'],
    ['kimi,2', '2 are like "kimi": take the number.'],
  ])('not by %j', async (line, why) => {
    const { answer, shown } = await put((questions) => questions.pickSeveral('Which?', pools), line, '2');
    expect([answer, shown]).toEqual([['mini'], `${list}${question}${why}\n${question}`]);
  });
});

test('a question is left when the input ends', async () => {
  const asks: readonly ((questions: Questions) => Promise<unknown>)[] = [
    (questions: Questions) => questions.confirm('Sure?'),
    (questions: Questions) => questions.text('Name:', none),
    (questions: Questions) => questions.pick('Which?', pools),
    (questions: Questions) => questions.pickSeveral('Which?', pools),
  ];
  for (const ask of asks) {
    const { answer, shown } = await put(ask);
    expect(answer).toMatchObject({ code: 'interrupted', exitCode: 130, outcome: 'not_applied' });
    expect(shown).toMatch(/[:)] \n$/);
  }
});

test('a question is taken back by a signal, before and while it is asked', async () => {
  const interrupt = new AbortController();
  const stderr = new Line(true);
  const questions = new LineQuestions({ stdin: new Line(true), stderr }, terminal(), interrupt.signal);
  stderr.once('data', () => interrupt.abort());
  await expect(questions.text('Name:', none)).rejects.toMatchObject({ code: 'interrupted' });
  await expect(questions.text('Name:', none)).rejects.toMatchObject({ code: 'interrupted' });
});
