import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Column, Output, type OutputFlags } from '../../src/output/output.ts';
import { Buffered, outputTo } from '../support/buffer.ts';

interface Row {
  readonly id: string;
  readonly name?: string | null;
  readonly price?: number;
  readonly [more: string]: unknown;
}

const columns: readonly Column<Row>[] = [
  { field: 'id', header: 'ID', value: ({ id }) => id },
  { field: 'name', header: 'NAME', value: ({ name }) => name, show: ({ name }, style) => style.bold(name ?? '–') },
  {
    field: 'cost',
    header: 'COST',
    value: ({ price }) => price?.toFixed(2),
    show: ({ price }) => `$${price}`,
    optional: 1,
  },
];
const layout = { columns, fields: ['id', 'name', 'price'], empty: 'Nothing here.' };
const rows: readonly Row[] = [
  { id: 'a', name: 'Ann', price: 39, extra: { deep: [1] } },
  { id: 'bb', name: null, price: 4.5 },
];

async function listed(width: number | undefined, flags: OutputFlags = {}, data: readonly Row[] = rows, env = {}) {
  const { output, stdout, stderr } = outputTo(width, flags, { NO_COLOR: '1', ...env });
  await output.list(data, layout);
  return { stdout: stdout.text, stderr: stderr.text };
}

async function recorded(width: number | undefined, flags: OutputFlags = {}, row: Row = rows[0] ?? { id: '' }) {
  const { output, stdout } = outputTo(width, flags);
  await output.record(row, layout);
  return stdout.text;
}

describe('a list', () => {
  test('is a table on a terminal', async () => {
    expect(await listed(80)).toEqual({ stdout: 'ID  NAME  COST\na   Ann   $39\nbb  –     $4.5\n', stderr: '' });
  });

  test('drops optional columns on a narrow terminal, and becomes records on a narrower one', async () => {
    expect((await listed(12)).stdout).toBe('ID  NAME\na   Ann\nbb  –\n');
    expect((await listed(7)).stdout).toBe('ID    a\nNAME  Ann\nCOST  $39\n\nID    bb\nNAME  –\nCOST  $4.5\n');
  });

  test('is tab-separated in a pipe, without a header and never truncated', async () => {
    const long = 'x'.repeat(500);
    expect((await listed(undefined, {}, [...rows, { id: long }])).stdout).toBe(
      `a\tAnn\t39.00\nbb\t\t4.50\n${long}\t\t\n`,
    );
  });

  test('is a table of any width in a pipe with -o table', async () => {
    const name = 'x'.repeat(500);
    expect((await listed(undefined, { output: 'table' }, [{ id: 'a', name, price: 1 }])).stdout).toBe(
      `ID  NAME${' '.repeat(498)}COST\na   ${name}  $1\n`,
    );
  });

  test('is CSV with the API’s field names', async () => {
    const tricky = [
      { id: 'a"b', name: 'x,y' },
      { id: 'line\nbreak', name: 'cr\rlf' },
      { id: ' pad ', name: '' },
    ];
    expect((await listed(undefined, { output: 'csv' }, tricky)).stdout).toBe(
      'id,name,cost\r\n"a""b","x,y",\r\n"line\nbreak","cr\rlf",\r\n pad ,,\r\n',
    );
  });

  test('is JSON in one line in a pipe, and indented on a terminal', async () => {
    expect((await listed(undefined, { json: true })).stdout).toBe(`${JSON.stringify(rows)}\n`);
    expect((await listed(80, { output: 'json' })).stdout).toBe(`${JSON.stringify(rows, undefined, 2)}\n`);
  });

  test('is YAML', async () => {
    const { stdout } = await listed(undefined, { output: 'yaml' });
    expect(stdout).toBe(
      '- id: a\n  name: Ann\n  price: 39\n  extra:\n    deep:\n      - 1\n- id: bb\n  name: null\n  price: 4.5\n',
    );
    expect(parse(stdout)).toEqual(rows);
  });

  test('has the format of the environment, which an option overrides', async () => {
    const env = { CHEAPESTINFERENCE_OUTPUT: 'json' };
    expect((await listed(80, {}, [], env)).stdout).toBe('[]\n');
    expect((await listed(80, { output: 'csv' }, [], env)).stdout).toBe('id,name,cost\r\n');
  });

  test.each([
    ['on a terminal', 80, {}, '', 'Nothing here.\n'],
    ['in a pipe', undefined, {}, '', ''],
    ['as JSON', undefined, { json: true }, '[]\n', ''],
    ['as JSON on a terminal', 80, { json: true }, '[]\n', ''],
    ['as YAML', undefined, { output: 'yaml' }, '[]\n', ''],
    ['as CSV', undefined, { output: 'csv' }, 'id,name,cost\r\n', ''],
  ])('is empty, %s', async (_where, width, flags, stdout, stderr) => {
    expect(await listed(width, flags, [])).toEqual({ stdout, stderr });
  });

  test('is one object in JSON if the result is an object', async () => {
    const whole = { id: 'all', rows };
    for (const [flags, text] of [
      [{ json: true }, `${JSON.stringify(whole)}\n`],
      [{ json: true, fields: 'id' }, '{"id":"all"}\n'],
      [{}, 'a\tAnn\t39.00\nbb\t\t4.50\n'],
    ] as const) {
      const { output, stdout } = outputTo(undefined, flags);
      await output.list(rows, layout, whole);
      expect(stdout.text).toBe(text);
    }
  });

  test('is drawn on a terminal if there is a drawing, unless fields are picked', async () => {
    const drawing = (_style: unknown, data: readonly Row[]) => `drawn of ${data.map(({ id }) => id).join('+')}\n`;
    for (const [width, flags, text] of [
      [80, {}, 'drawn of a+bb\n'],
      [80, { fields: 'id' }, 'ID\na\nbb\n'],
      [undefined, { fields: 'id' }, 'a\nbb\n'],
    ] as const) {
      const { output, stdout } = outputTo(width, flags);
      await output.list(rows, { ...layout, drawing });
      expect(stdout.text).toBe(text);
    }
  });
});

describe('--jq', () => {
  test('prints the filtered JSON', async () => {
    expect((await listed(undefined, { jq: '.[].id' })).stdout).toBe('a\nbb\n');
    expect((await listed(undefined, { jq: '.[] | [.id, .price]', fields: 'id' })).stdout).toBe(
      '["a",null]\n["bb",null]\n',
    );
    expect(await recorded(undefined, { jq: '.price * 2' })).toBe('78\n');
    expect((await listed(undefined, { jq: 'empty' })).stdout).toBe('');
  });

  test('prints nothing if the expression fails', async () => {
    const { output, stdout } = outputTo(undefined, { jq: '.[] | .id, error("no")' });
    await expect(output.list(rows, layout)).rejects.toMatchObject({ code: 'filter_failed', exitCode: 1 });
    expect(stdout.text).toBe('');
  });

  test('refuses an invalid expression before anything is done', async () => {
    await expect(outputTo(undefined, { jq: '.[' }).output.checkJq()).rejects.toMatchObject({ code: 'usage' });
    await expect(outputTo(undefined, { jq: '.[]' }).output.checkJq()).resolves.toBeUndefined();
    await expect(outputTo(undefined).output.checkJq()).resolves.toBeUndefined();
  });

  test('passes no control sequence to a terminal', async () => {
    const { stdout } = await listed(80, { jq: '.[].name' }, [{ id: 'a', name: '\u001b[2Jx\u202ey' }]);
    expect(stdout).toBe('xy\n');
  });
});

describe('a record', () => {
  test('is a line per field', async () => {
    expect(await recorded(80)).toBe('ID    a\nNAME  Ann\nCOST  $39\n');
    expect(await recorded(undefined)).toBe('id\ta\nname\tAnn\ncost\t39.00\n');
    expect(await recorded(undefined, { output: 'csv' })).toBe('id,name,cost\r\na,Ann,39.00\r\n');
    expect(await recorded(undefined, { json: true })).toBe(`${JSON.stringify(rows[0])}\n`);
    expect(await recorded(undefined, { output: 'yaml', fields: 'extra,id' })).toBe('extra:\n  deep:\n    - 1\nid: a\n');
  });

  test('has no empty fields on a terminal', async () => {
    const { output, stdout } = outputTo(80);
    const empty: Column<Row> = { field: 'none', header: 'None', value: () => null };
    await output.record({ id: 'a' }, { fields: [], columns: [empty, ...columns.slice(0, 1)] });
    expect(stdout.text).toBe('ID  a\n');
  });

  test('is drawn on a terminal if there is a drawing', async () => {
    const { output, stdout } = outputTo(80);
    await output.record({ id: 'a\u001b[2J' }, { ...layout, drawing: async (style, { id }) => `${style.bold(id)}!\n` });
    expect(stdout.text).toBe('a!\n');
  });
});

describe('--fields', () => {
  test('picks fields in the given order, each once, in every format', async () => {
    const fields = ' price ,id,price';
    expect((await listed(undefined, { json: true, fields })).stdout).toBe(
      '[{"price":39,"id":"a"},{"price":4.5,"id":"bb"}]\n',
    );
    expect((await listed(undefined, { fields })).stdout).toBe('39\ta\n4.5\tbb\n');
    expect((await listed(undefined, { output: 'csv', fields })).stdout).toBe('price,id\r\n39,a\r\n4.5,bb\r\n');
    expect((await listed(undefined, { output: 'yaml', fields })).stdout).toBe(
      '- price: 39\n  id: a\n- price: 4.5\n  id: bb\n',
    );
    expect((await listed(80, { fields })).stdout).toBe('price  ID\n39     a\n4.5    bb\n');
  });

  test('picks unknown fields of the response, with null for rows without them', async () => {
    expect((await listed(undefined, { json: true, fields: 'id,extra' })).stdout).toBe(
      '[{"id":"a","extra":{"deep":[1]}},{"id":"bb","extra":null}]\n',
    );
    expect((await listed(undefined, { fields: 'id,extra' })).stdout).toBe('a\t{"deep":[1]}\nbb\t\n');
  });

  test('picks columns of the table, except in JSON', async () => {
    expect((await listed(undefined, { fields: 'cost' })).stdout).toBe('39.00\n4.50\n');
    await expect(listed(undefined, { json: true, fields: 'cost' })).rejects.toMatchObject({ code: 'usage' });
  });

  test.each([
    ['nope', 'Unknown field "nope"'],
    ['id,Name', 'Unknown field "Name"'],
    ['constructor', 'Unknown field "constructor"'],
    ['__proto__', 'Unknown field "__proto__"'],
  ])('refuses %s and lists the known fields', async (fields, message) => {
    await expect(listed(undefined, { json: true, fields })).rejects.toMatchObject({
      code: 'usage',
      exitCode: 2,
      message,
      hint: 'The fields are: id, name, price, extra.',
    });
    await expect(listed(80, { fields })).rejects.toMatchObject({
      message,
      hint: 'The fields are: id, name, price, cost, extra.',
    });
    await expect(recorded(undefined, { json: true, fields })).rejects.toMatchObject({ message });
  });

  test('refuses an unknown field of an empty list, too', async () => {
    const { output, stdout } = outputTo(undefined, { json: true, fields: 'nope' });
    await expect(output.list([], layout)).rejects.toMatchObject({ hint: 'The fields are: id, name, price.' });
    expect(stdout.text).toBe('');
    expect(() => output.checkFields(['id'])).toThrow(expect.objectContaining({ hint: 'The fields are: id.' }));
    expect(() => output.checkFields(['nope'])).not.toThrow();
  });

  test.each(['', ',', 'id,', 'id,,name'])('refuses the list %j', (fields) => {
    expect(() => outputTo(undefined, { fields })).toThrow(
      expect.objectContaining({ code: 'usage', message: `"${fields}" is not a valid list of fields` }),
    );
  });
});

describe('a format', () => {
  test.each([
    [{ output: 'xml' }, {}, '"xml" is not a valid output format'],
    [{ output: '' }, {}, '"" is not a valid output format'],
    [{ output: 'JSON' }, {}, '"JSON" is not a valid output format'],
    [{}, { CHEAPESTINFERENCE_OUTPUT: 'xml\u001b[2J' }, '"xml" is not a valid output format'],
    [{ json: true, output: 'csv' }, {}, "--json and --output csv can't be combined"],
    [{ jq: '.', output: 'yaml' }, {}, "--jq and --output yaml can't be combined"],
  ])('is refused if it is invalid: %j %j', (flags, env, message) => {
    expect(() => outputTo(undefined, flags, env)).toThrow(expect.objectContaining({ code: 'usage', message }));
  });

  test.each([
    [undefined, {}, undefined, false],
    [80, {}, undefined, true],
    [undefined, { output: 'table' }, 'table', true],
    [80, { json: true }, 'json', false],
    [80, { json: true, output: 'json' }, 'json', false],
    [80, { jq: '.' }, 'json', false],
    [80, { output: 'csv' }, 'csv', false],
  ])('on a terminal of %s columns with %j is %s', (width, flags, format, isForPeople) => {
    const { output } = outputTo(width, flags);
    expect([output.format, output.isForPeople, output.isTerminal]).toEqual([format, isForPeople, width !== undefined]);
  });

  test('is the preferred one without an option or variable', () => {
    const format = (flags: OutputFlags, env: Record<string, string>) =>
      new Output(
        new Buffered(true),
        () => new Buffered(true),
        env,
        flags,
        () => 'yaml',
      ).format;
    expect([
      format({}, {}),
      format({}, { CHEAPESTINFERENCE_OUTPUT: 'csv' }),
      format({ json: true }, { CHEAPESTINFERENCE_OUTPUT: 'csv' }),
    ]).toEqual(['yaml', 'csv', 'json']);
  });

  test('has the width of the terminal, and any width in a pipe', () => {
    expect([outputTo(132).output.width, outputTo(undefined).output.width]).toEqual([132, Number.POSITIVE_INFINITY]);
  });
});

describe('color', () => {
  const bold = '\u001b[1mAnn\u001b[22m';

  async function name(width: number | undefined, flags: OutputFlags, env: Record<string, string>) {
    const { output, stdout } = outputTo(width, { fields: 'name', output: 'table', ...flags }, env);
    await output.list(rows.slice(0, 1), layout);
    return stdout.text.split('\n')[1];
  }

  test.each([
    ['on a terminal', 80, {}, {}, bold],
    ['in a pipe', undefined, {}, {}, 'Ann'],
    ['on a dumb terminal', 80, {}, { TERM: 'dumb' }, 'Ann'],
    ['with NO_COLOR', 80, {}, { NO_COLOR: '1' }, 'Ann'],
    ['with --no-color', 80, { color: false }, {}, 'Ann'],
    ['with FORCE_COLOR in a pipe', undefined, {}, { FORCE_COLOR: '1' }, bold],
    ['with --no-color before FORCE_COLOR', 80, { color: false }, { FORCE_COLOR: '1' }, 'Ann'],
  ])('%s', async (_where, width, flags, env, text) => {
    expect(await name(width, flags, env)).toBe(text);
  });

  test('is not in CSV or YAML, nor in JSON in a pipe', async () => {
    const env = { NO_COLOR: '', FORCE_COLOR: '1' };
    for (const flags of [{ output: 'csv' }, { output: 'yaml' }]) {
      expect((await listed(80, flags, rows, env)).stdout).not.toContain('\u001b');
    }
    expect((await listed(undefined, { json: true }, rows, env)).stdout).toBe(`${JSON.stringify(rows)}\n`);
  });

  test('marks names, strings and nulls in JSON on a terminal', async () => {
    const row = { id: 'say "null": [1]', name: null, price: 4.5 };
    const { stdout } = await listed(80, { json: true }, [row], { NO_COLOR: '' });
    expect(stdout).toBe(
      [
        '[',
        '  {',
        '    \u001b[1m"id"\u001b[22m: \u001b[32m"say \\"null\\": [1]"\u001b[39m,',
        '    \u001b[1m"name"\u001b[22m: \u001b[2mnull\u001b[22m,',
        '    \u001b[1m"price"\u001b[22m: 4.5',
        '  }',
        ']',
        '',
      ].join('\n'),
    );
    for (const [flags, env] of [
      [{ json: true, color: false }, { NO_COLOR: '' }],
      [{ json: true }, { NO_COLOR: '1' }],
      [{ json: true }, { NO_COLOR: '', TERM: 'dumb' }],
    ] as const) {
      expect((await listed(80, flags, [row], env)).stdout).toBe(`${JSON.stringify([row], undefined, 2)}\n`);
    }
  });

  test('marks events in JSON on a terminal, a line each', async () => {
    const { output, stdout } = outputTo(80, { json: true }, { NO_COLOR: '' });
    await output.event({ id: 'a' }, layout, () => '');
    expect(stdout.text).toBe('{\u001b[1m"id"\u001b[22m:\u001b[32m"a"\u001b[39m}\n');
  });
});

describe('text with control sequences', () => {
  const hostile = '\u001b[2J\u001b]0;title\u0007A\u009b31mB\u202eC\u2066D\tE\nF\rG\u0000\u0008\u007f\u2028H';
  const row = { id: 'x', name: hostile, price: 1 };
  const clean = 'ABCD E F G H';
  const driving = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

  test('is harmless in a table and in records', async () => {
    expect((await listed(80, {}, [row])).stdout).toBe(`ID  NAME${' '.repeat(10)}COST\nx   ${clean}  $1\n`);
    expect((await listed(5, {}, [row])).stdout).toBe(`ID    x\nNAME  ${clean}\nCOST  $1\n`);
    expect(await recorded(80, {}, row)).toBe(`ID    x\nNAME  ${clean}\nCOST  $1\n`);
  });

  test('is one field of one line in a pipe', async () => {
    expect((await listed(undefined, {}, [row])).stdout).toBe(`x\t${clean}\t1.00\n`);
    expect((await listed(undefined, { fields: 'name' }, [row])).stdout).toBe(`${clean}\n`);
  });

  test('is harmless in every format on a terminal, at any depth and in unknown fields', async () => {
    const deep = { ...row, more: [{ k: { v: hostile } }, hostile] };
    for (const flags of [
      { json: true },
      { output: 'csv' },
      { output: 'yaml' },
      { fields: 'more' },
      { fields: 'name,more' },
    ]) {
      const { stdout } = await listed(80, flags, [deep]);
      expect(stdout.replaceAll('\r\n', '\n')).not.toMatch(driving);
      expect(await recorded(80, flags, deep)).not.toMatch(flags.output === 'csv' ? /\u001b/ : driving);
    }
  });

  test('is escaped in JSON on a terminal, with the same value', async () => {
    expect(JSON.parse((await listed(80, { json: true }, [row])).stdout)).toEqual([row]);
  });

  test('is unchanged in JSON, YAML and CSV in a pipe', async () => {
    expect(JSON.parse((await listed(undefined, { json: true }, [row])).stdout)).toEqual([row]);
    expect(parse((await listed(undefined, { output: 'yaml' }, [row])).stdout)).toEqual([row]);
    expect((await listed(undefined, { output: 'csv' }, [row])).stdout).toContain(`"${hostile}"`);
  });

  test('is unchanged in the data itself', async () => {
    const data = { id: 'x', name: hostile, list: [hostile] };
    await listed(80, {}, [data]);
    await recorded(80, {}, data);
    expect(data).toEqual({ id: 'x', name: hostile, list: [hostile] });
  });
});

describe('a note about a result', () => {
  test('goes to stderr, with keys masked and without control sequences', () => {
    const { output, stdout, stderr } = outputTo(undefined);
    output.note('made sk_live_abc123def456\nfor \u001b[2Jyou, Authorization: Bearer opaque');
    expect([stdout.text, stderr.text]).toEqual(['', 'made sk_live_…f456\nfor you, Authorization: Bearer …\n']);
  });

  test('about what was done is only for people', () => {
    const [terminal, pipe, json] = [outputTo(80), outputTo(undefined), outputTo(80, { json: true })];
    for (const { output } of [terminal, pipe, json]) output.done('Saved.');
    expect([terminal.stderr.text, pipe.stderr.text, json.stderr.text]).toEqual(['✓ Saved.\n', '', '']);
  });

  test('leaves raw text unchanged', () => {
    const { output, stdout } = outputTo(undefined);
    output.raw('sk_live_abc123def456\n');
    expect(stdout.text).toBe('sk_live_abc123def456\n');
  });
});
