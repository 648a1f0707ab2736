import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { Prompts } from '../../src/prompts/prompts.ts';

/** A stream that a terminal is behind, or not. */
class Line extends PassThrough {
  readonly isTTY: boolean;

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }
}

/** Somebody at a terminal, who presses these keys once there is a question. */
function somebody(keys = '') {
  const stdin = new Line(true);
  const stderr = new Line(true);
  let shown = '';
  stderr.on('data', (chunk) => {
    if (shown === '') setImmediate(() => stdin.write(keys));
    shown += chunk.toString();
  });
  return { prompts: new Prompts({ stdin, stderr }, true, false), shown: () => shown };
}

function nobody(yes = false) {
  return new Prompts({ stdin: new Line(false), stderr: new Line(false) }, true, yes);
}

test.each([
  [true, true, true, true],
  [true, true, false, false],
  [false, true, true, false],
  [true, false, true, false],
  [false, false, true, false],
])(
  'with a terminal on stdin %s, on stderr %s, and asking allowed %s, somebody can be asked: %s',
  (input, output, allowed, can) => {
    const terminal = { stdin: new Line(input), stderr: new Line(output) };
    expect(new Prompts(terminal, allowed, false).canAsk).toBe(can);
    expect(new Prompts(terminal, allowed, true).canAsk).toBe(can);
  },
);

test('a stream that does not say is no terminal', () => {
  expect(new Prompts({ stdin: new PassThrough(), stderr: new PassThrough() }, true, false).canAsk).toBe(false);
});

describe('consent', () => {
  const refusal = {
    code: 'confirmation_required',
    exitCode: 2,
    outcome: 'not_applied',
    hint: 'Nothing was changed. Run it again with --yes to consent.',
  };

  test('that cannot be asked for is required with --yes', async () => {
    const message = 'a subscription charges the saved card, which needs consent, and there is nobody to ask';
    expect(() => nobody().requireConsent('a subscription charges the saved card, which')).toThrow(
      expect.objectContaining({ ...refusal, message }),
    );
    await expect(nobody().consent('Subscribe?')).rejects.toMatchObject(refusal);
    const silenced = new Prompts({ stdin: new Line(true), stderr: new Line(true) }, false, false);
    await expect(silenced.consent('Subscribe?')).rejects.toMatchObject(refusal);
  });

  test('that was given on the command line is not asked for', async () => {
    expect(() => nobody(true).requireConsent('x')).not.toThrow();
    await expect(nobody(true).consent('Subscribe?')).resolves.toBeUndefined();
    const stderr = new Line(true);
    await new Prompts({ stdin: new Line(true), stderr }, true, true).consent('Subscribe?');
    expect(stderr.read()).toBeNull();
  });

  test('may be needed where it can be asked for', () => {
    expect(() => somebody().prompts.requireConsent('x')).not.toThrow();
  });

  test.each(['y\r', 'Yes\r', 'Y\n'])('is given by %j', async (keys) => {
    const { prompts, shown } = somebody(keys);
    await expect(prompts.consent('Subscribe now?')).resolves.toBeUndefined();
    expect(stripVTControlCharacters(shown())).toContain('Subscribe now? (y/N)');
  });

  test.each(['\r', 'n\r', 'no\r'])('is not given by %j', async (keys) => {
    await expect(somebody(keys).prompts.consent('Subscribe?')).rejects.toMatchObject({
      code: 'declined',
      exitCode: 1,
      message: 'declined: nothing was changed',
      outcome: 'not_applied',
    });
  });

  test('is taken back by a signal', async () => {
    const interrupt = new AbortController();
    const stderr = new Line(true);
    const asked = new Prompts({ stdin: new Line(true), stderr }, true, false, interrupt.signal).consent('Subscribe?');
    stderr.once('data', () => interrupt.abort());
    await expect(asked).rejects.toMatchObject({ code: 'interrupted', exitCode: 130 });
  });

  test('is interrupted by Ctrl-C', async () => {
    await expect(somebody('\u0003').prompts.consent('Subscribe?')).rejects.toMatchObject({
      code: 'interrupted',
      exitCode: 130,
      outcome: 'not_applied',
    });
  });
});

describe('a question', () => {
  const choices = [
    { name: 'Kimi\u001b[2J', value: 1 },
    { name: 'MiniMax', value: 2 },
  ];

  test.each([
    ['a secret', (prompts: Prompts) => prompts.secret('Key', 'the key is missing')],
    ['a text', (prompts: Prompts) => prompts.text('Name', 'the key is missing')],
    ['a choice', (prompts: Prompts) => prompts.pick('Which?', choices, 'the key is missing')],
    ['several choices', (prompts: Prompts) => prompts.pickSeveral('Which?', choices, 'the key is missing')],
  ])('for %s that cannot be asked is a usage error that says what is missing, with --yes too', async (_what, ask) => {
    for (const yes of [false, true]) {
      await expect(ask(nobody(yes))).rejects.toMatchObject({
        code: 'input_required',
        exitCode: 2,
        message: 'the key is missing',
      });
    }
  });

  test('for a secret does not show what is typed', async () => {
    const { prompts, shown } = somebody('mk_abc123\r');
    expect(await prompts.secret('Management key', '')).toBe('mk_abc123');
    expect(stripVTControlCharacters(shown())).toContain('Management key');
    expect(shown()).not.toContain('mk_abc');
  });

  test('for a text takes a line', async () => {
    expect(await somebody('prod-api\r').prompts.text('Name', '')).toBe('prod-api');
  });

  test('for a choice takes the one that is pointed at, and shows nothing that drives a terminal', async () => {
    const { prompts, shown } = somebody('\u001b[B\r');
    expect(await prompts.pick('Which?', choices, '')).toBe(2);
    expect(stripVTControlCharacters(shown())).toContain('Kimi\n');
    expect(shown()).not.toContain('\u001b[2J');
  });

  test('for several takes those that are ticked', async () => {
    expect(await somebody(' \r').prompts.pickSeveral('Which?', choices, '')).toEqual([1]);
  });

  test('is interrupted by Ctrl-C', async () => {
    await expect(somebody('\u0003').prompts.text('Name', '')).rejects.toMatchObject({ code: 'interrupted' });
  });
});
