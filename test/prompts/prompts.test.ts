import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { type PromptOptions, Prompts } from '../../src/prompts/prompts.ts';
import type { Check } from '../../src/prompts/question.ts';
import { Line, promptOptions, terminal } from '../support/person.ts';

/** A user on a terminal who presses these keys once a question is shown. */
function promptUser(keys = '', more: Partial<PromptOptions> = {}) {
  const stdin = new Line(true);
  const stderr = new Line(true);
  let shown = '';
  stderr.on('data', (chunk) => {
    if (shown === '') setImmediate(() => stdin.write(keys));
    shown += chunk.toString();
  });
  return { stdin, prompts: new Prompts({ stdin, stderr }, promptOptions(more)), shown: () => shown };
}

function nobody(yes = false) {
  return new Prompts({ stdin: new Line(false), stderr: new Line(false) }, promptOptions({ yes }));
}

/** Asks for a secret, with no entries to choose instead. */
async function secret(prompts: Prompts, message: string, missing: string, check: Check = () => undefined) {
  const answer = await prompts.textOrPick<string>(message, [], missing, { check, isSecret: true });
  return 'typed' in answer ? answer.typed : answer.chosen;
}

test.each([
  [true, true, true, true],
  [true, true, false, false],
  [false, true, true, false],
  [true, false, true, false],
  [false, false, true, false],
])(
  'with a terminal on stdin: %s, on stderr: %s, and prompts allowed: %s, the user can be asked: %s',
  (input, output, allowed, can) => {
    const streams = { stdin: new Line(input), stderr: new Line(output) };
    expect(new Prompts(streams, promptOptions({ allowed })).canAsk).toBe(can);
    expect(new Prompts(streams, promptOptions({ allowed, yes: true })).canAsk).toBe(can);
  },
);

test('a stream that does not say so is not a terminal', () => {
  expect(new Prompts({ stdin: new PassThrough(), stderr: new PassThrough() }, promptOptions()).canAsk).toBe(false);
});

describe('consent', () => {
  const refusal = {
    code: 'confirmation_required',
    exitCode: 2,
    outcome: 'not_applied',
    hint: 'Nothing was changed. Pass --yes to confirm.',
  };

  test('is required with --yes if it cannot be asked for', async () => {
    const message = "Can't ask for confirmation without a terminal";
    expect(() => nobody().requireConsent()).toThrow(expect.objectContaining({ ...refusal, message }));
    await expect(nobody().consent('Subscribe?')).rejects.toMatchObject(refusal);
    const silenced = new Prompts({ stdin: new Line(true), stderr: new Line(true) }, promptOptions({ allowed: false }));
    await expect(silenced.consent('Subscribe?')).rejects.toMatchObject(refusal);
  });

  test('is not asked for if --yes was given', async () => {
    expect(() => nobody(true).requireConsent()).not.toThrow();
    await expect(nobody(true).consent('Subscribe?')).resolves.toBeUndefined();
    const stderr = new Line(true);
    await new Prompts({ stdin: new Line(true), stderr }, promptOptions({ yes: true })).consent('Subscribe?');
    expect(stderr.read()).toBeNull();
  });

  test('is not required before the question on a terminal', () => {
    expect(() => promptUser().prompts.requireConsent()).not.toThrow();
  });

  test.each(['y\r', 'Yes\r', 'Y\n'])('is given by %j', async (keys) => {
    const { prompts, shown } = promptUser(keys);
    await expect(prompts.consent('Subscribe now?')).resolves.toBeUndefined();
    expect(stripVTControlCharacters(shown())).toContain('Subscribe now? (y/N)');
  });

  test('shows no control sequence in its question', async () => {
    const { prompts, shown } = promptUser('y\r');
    await prompts.consent('Replace key a\u001b[2Jb?');
    expect(stripVTControlCharacters(shown())).toContain('Replace key ab? (y/N)');
    expect(shown()).not.toContain('\u001b[2J');
  });

  test.each(['\r', 'n\r', 'no\r'])('is not given by %j', async (keys) => {
    await expect(promptUser(keys).prompts.consent('Subscribe?')).rejects.toMatchObject({
      code: 'declined',
      exitCode: 1,
      message: 'Declined. Nothing was changed',
      outcome: 'not_applied',
    });
  });

  test('is interrupted by a signal', async () => {
    const interrupt = new AbortController();
    const stderr = new Line(true);
    const asked = new Prompts(
      { stdin: new Line(true), stderr },
      promptOptions({ interrupt: interrupt.signal }),
    ).consent('Subscribe?');
    stderr.once('data', () => interrupt.abort());
    await expect(asked).rejects.toMatchObject({ code: 'interrupted', exitCode: 130 });
  });

  test('is interrupted by Ctrl-C', async () => {
    await expect(promptUser('\u0003').prompts.consent('Subscribe?')).rejects.toMatchObject({
      code: 'interrupted',
      exitCode: 130,
      outcome: 'not_applied',
    });
  });
});

describe('a prompt', () => {
  const choices = [
    { name: 'Kimi\u001b[2J', value: 1 },
    { name: 'MiniMax', value: 2 },
  ];

  test.each([
    ['a secret', (prompts: Prompts) => secret(prompts, 'Key', 'the key is missing')],
    ['a password', (prompts: Prompts) => prompts.secret('Password', 'the key is missing', () => undefined)],
    ['a text', (prompts: Prompts) => prompts.text('Name', 'the key is missing')],
    ['one of a few', (prompts: Prompts) => prompts.pick('Which?', choices, 'the key is missing')],
    ['one of many', (prompts: Prompts) => prompts.search('Which?', choices, 'the key is missing')],
    ['several', (prompts: Prompts) => prompts.pickSeveral('Which?', choices, 'the key is missing')],
    [
      'a text or an entry',
      (prompts: Prompts) => prompts.textOrPick('Key', choices, 'the key is missing', { check: () => undefined }),
    ],
  ])('for %s is a usage error without a terminal, also with --yes', async (_what, ask) => {
    for (const yes of [false, true]) {
      await expect(ask(nobody(yes))).rejects.toMatchObject({
        code: 'input_required',
        exitCode: 2,
        message: 'the key is missing',
      });
    }
  });

  test('for a secret does not show the secret', async () => {
    const { prompts, shown } = promptUser('mk_abc123\r');
    expect(await secret(prompts, 'Management key', '')).toBe('mk_abc123');
    expect(stripVTControlCharacters(shown())).toContain('Management key');
    expect(shown()).not.toContain('mk_abc');
  });

  test.each([false, true])('for a password keeps its spaces, on a dumb terminal: %s', async (dumb) => {
    const { prompts, stdin, shown } = promptUser(' wrong \r\n', { dumb });
    const check = (typed: string) => (typed === ' pass word ' ? undefined : `"${typed.length}" is wrong.`);
    const asked = prompts.secret('Password:', '', check);
    await expect.poll(() => stripVTControlCharacters(shown())).toContain('"7" is wrong.');
    stdin.write(' pass word \r\n');
    expect(await asked).toBe(' pass word ');
    expect(shown()).not.toMatch(/pass word|wrong /);
  });

  test('for a text takes a line', async () => {
    expect(await promptUser('prod-api\r').prompts.text('Name', '')).toBe('prod-api');
  });

  test('for a text suggests only text that can be shown as it is', async () => {
    const { prompts, shown } = promptUser('\r');
    expect(await prompts.text('Name', '', () => undefined, 'prod')).toBe('prod');
    expect(stripVTControlCharacters(shown())).toContain('Name (prod)');
    const other = promptUser('x\r');
    expect(await other.prompts.text('Name', '', undefined, 'a\u001b[2Jb')).toBe('x');
    expect(stripVTControlCharacters(other.shown())).not.toContain('(');
  });

  test('for one of a few takes the selected one, and shows no control sequences of its name', async () => {
    const { prompts, shown } = promptUser('\u001b[B\r');
    expect(await prompts.pick('Which?', choices, '')).toBe(2);
    expect(stripVTControlCharacters(shown())).toContain('Kimi\n');
    expect(shown()).not.toContain('\u001b[2J');
  });

  test('for several takes the selected ones', async () => {
    expect(await promptUser(' \r').prompts.pickSeveral('Which?', choices, '')).toEqual([1]);
  });

  test('for one of many takes the one that the typed words match', async () => {
    const { prompts, stdin, shown } = promptUser('mini');
    const asked = prompts.search('Which?', choices, '');
    await expect.poll(() => stripVTControlCharacters(shown())).toMatch(/mini\n❯ MiniMax\n(?! )/);
    stdin.write('\r');
    expect(await asked).toBe(2);
  });

  test("doesn't accept an empty text", async () => {
    const { prompts, stdin, shown } = promptUser('\r');
    const asked = prompts.text('Name', '');
    await expect.poll(() => stripVTControlCharacters(shown())).toContain('Enter a value.');
    stdin.write('x\r');
    expect(await asked).toBe('x');
  });

  test('takes what its check accepts', async () => {
    const { prompts, stdin, shown } = promptUser('sk_1\r');
    const check = (typed: string) => (typed.startsWith('mk_') ? undefined : 'Management keys start with mk_.');
    const asked = secret(prompts, 'Key', '', check);
    await expect.poll(() => stripVTControlCharacters(shown())).toContain('! Management keys start with mk_.');
    stdin.write('mk_1\r');
    expect(await asked).toBe('mk_1');
  });

  test.each([false, true])(
    'shows no key and no control sequence of the API in a mistake, on a dumb terminal: %s',
    async (dumb) => {
      const { prompts, stdin, shown } = promptUser('mk_0123456789abcdef\r', { dumb });
      const check = (typed: string) => (typed === 'mk_1' ? undefined : `Invalid key ${typed}\u001b[2J.`);
      const asked = prompts.textOrPick('Key:', choices, '', { check, isSecret: true });
      await expect.poll(() => stripVTControlCharacters(shown())).toContain('Invalid key mk_…cdef.');
      expect(shown()).not.toMatch(/0123456789|\u001b\[2J/);
      stdin.write('mk_1\r');
      expect(await asked).toEqual({ typed: 'mk_1' });
    },
  );

  test('shows no control sequence of the API in the reason why an entry is not available', async () => {
    const closed = { name: 'GLM', value: 3, disabled: 'paused\u001b[2J' };
    const { prompts, stdin, shown } = promptUser('3\n', { dumb: true });
    const asked = prompts.search('Which?', [...choices, closed], '');
    await expect.poll(shown).toContain("GLM isn't available: paused.\n");
    stdin.write('2\n');
    expect(await asked).toBe(2);
  });

  test.each(['\u0003', '\u0004'])('of any kind is interrupted by %j', async (key) => {
    const asks = [
      (prompts: Prompts) => prompts.consent('Sure?'),
      (prompts: Prompts) => secret(prompts, 'Key', ''),
      (prompts: Prompts) => prompts.secret('Password', '', () => undefined),
      (prompts: Prompts) => prompts.text('Name', ''),
      (prompts: Prompts) => prompts.pick('Which?', choices, ''),
      (prompts: Prompts) => prompts.search('Which?', choices, ''),
      (prompts: Prompts) => prompts.pickSeveral('Which?', choices, ''),
    ];
    for (const ask of asks) {
      await expect(ask(promptUser(key).prompts)).rejects.toMatchObject({
        code: 'interrupted',
        exitCode: 130,
        outcome: 'not_applied',
      });
    }
  });

  test('is interrupted by the end of the input', async () => {
    const { prompts, stdin, shown } = promptUser();
    const asked = prompts.text('Name', '');
    await expect.poll(shown).toContain('Name');
    stdin.end();
    await expect(asked).rejects.toMatchObject({ code: 'interrupted' });
  });

  test('holds the screen from before it is shown until it is answered', async () => {
    const events: string[] = [];
    const { prompts, shown } = promptUser('x\r', {
      hold: () => {
        events.push(shown() === '' ? 'held' : 'held too late');
        return () => events.push(shown().includes('✓') ? 'released' : 'released too early');
      },
    });
    await prompts.text('Name', '');
    expect(events).toEqual(['held', 'released']);
  });

  test('releases the screen when it is interrupted', async () => {
    let holds = 0;
    const hold = () => {
      holds++;
      return () => void holds--;
    };
    const { prompts } = promptUser('\u0003', { hold });
    await expect(prompts.text('Name', '')).rejects.toMatchObject({ code: 'interrupted' });
    expect(holds).toBe(0);
  });

  test('is asked line by line if the terminal cannot move its cursor', async () => {
    const { prompts, shown } = promptUser('2\n', { dumb: true });
    expect(await prompts.search('Which?', choices, '')).toBe(2);
    expect(shown()).toBe('Which?\n  1  Kimi\n  2  MiniMax\nNumber or name: ');
  });

  test('is interrupted by Ctrl-C', async () => {
    await expect(promptUser('\u0003').prompts.text('Name', '')).rejects.toMatchObject({ code: 'interrupted' });
  });
});

describe('the rows of a list', () => {
  const columns = [
    { cells: ['kimi26', 'glm\u001b[2J5'] },
    { cells: ['Kimi – K2.6', 'GLM'], optional: 1 },
    { cells: ['active', 'paused'] },
  ];
  const rows = (columnsOfTerminal: number, env = {}) =>
    promptUser('', { display: terminal(env, columnsOfTerminal) }).prompts.rows(columns);

  test('are in columns, without control sequences', async () => {
    expect(await rows(80)).toEqual(['kimi26  Kimi – K2.6  active', 'glm5    GLM          paused']);
  });

  test('leave room for the mark before them, and drop columns that do not fit', async () => {
    expect(await rows(31)).toEqual(['kimi26  Kimi – K2.6  active', 'glm5    GLM          paused']);
    expect(await rows(30)).toEqual(['kimi26  active', 'glm5    paused']);
    expect(await rows(33, { LANG: 'C' })).toEqual(['kimi26  Kimi - K2.6  active', 'glm5    GLM          paused']);
    expect(await rows(32, { LANG: 'C' })).toEqual(['kimi26  active', 'glm5    paused']);
  });

  test('are in characters that the terminal has', async () => {
    expect((await rows(80, { LANG: 'C' }))[0]).toBe('kimi26  Kimi - K2.6  active');
  });
});
