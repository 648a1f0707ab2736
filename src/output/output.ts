import type { Environment } from '../domain/environment.ts';
import { usageError } from '../domain/errors.ts';
import { type Format, formats } from '../domain/formats.ts';
import { excessOf } from '../domain/json.ts';
import { redacted } from '../domain/secrets.ts';
import { type Cell, cellText, csv, tsv } from './delimited.ts';
import { Display } from './display.ts';
import { LiveScreen } from './live.ts';
import { type Sink, written } from './sink.ts';
import { type ColorOptions, plain, type Style } from './style.ts';
import { harmless, harmlessData, harmlessJson, harmlessLines } from './text.ts';
import { isWorkflowLog, jsonWithoutWorkflowCommands, workflowSafeSink } from './workflow-commands.ts';

/** The global flags that decide how a result is printed, as typed. */
export interface OutputFlags {
  readonly json?: boolean | undefined;
  readonly output?: string | undefined;
  readonly fields?: string | undefined;
  readonly jq?: string | undefined;
  readonly color?: boolean | undefined;
  readonly debug?: boolean | undefined;
}

/** One column of a table, or one line of a record. */
export interface Column<Row> {
  /** The API's own name of the value, for `--fields` and as a header of CSV. */
  readonly field: string;
  readonly header: string;
  /** For pipes: whole, machine-readable. */
  readonly value: (row: Row) => Cell;
  /** For people on a terminal; without it, the value. */
  readonly show?: (row: Row, style: Style) => string;
  /** Left out for people where the terminal is too narrow: 1 first, then 2. Without it a column stays. */
  readonly optional?: number;
  /** Whether it stands at the right, as numbers do. */
  readonly right?: boolean;
}

/** How a result is printed in each format. */
export interface Layout<Row> {
  /** Without them the fields are printed as they stand. */
  readonly columns?: readonly Column<Row>[];
  /** The fields that the JSON may hold, for `--fields`. */
  readonly fields: readonly string[];
}

/** What people see of a result in a table's place; what it draws from is harmless to a terminal. */
export type Drawing<Data> = (style: Style, data: Data) => string | Promise<string>;

/** Prints results on stdout, and all that is said about them on stderr. Decided once, from the streams and the flags. */
export class Output {
  readonly #stdout: Sink;
  readonly #stderr: () => Sink;
  readonly #env: Environment;
  readonly #flags: OutputFlags;
  readonly #color: ColorOptions;
  /** stdout as people see it. */
  readonly #result: Display;
  /** What was asked for; `undefined` is a table on a terminal and tab-separated lines elsewhere. */
  readonly format: Format | undefined;
  readonly #picked: readonly string[] | undefined;
  /** Whether the header of CSV is printed. */
  #begun = false;
  #style = plain;
  #asideStyle = plain;

  /**
   * @param stderr - looked at when something is said, as a stream costs start-up time
   * @param preferred - the format when neither a flag nor the environment names one
   * @throws CommandError (usage) for a format or a list of fields that is none
   */
  constructor(
    stdout: Sink,
    stderr: () => Sink,
    env: Environment,
    flags: OutputFlags,
    preferred: () => Format | undefined = () => undefined,
    terminalHasColors?: ColorOptions['terminalHasColors'],
  ) {
    const isInLog = isWorkflowLog(env);
    this.#stdout = isInLog ? workflowSafeSink(stdout) : stdout;
    this.#stderr = isInLog ? () => workflowSafeSink(stderr()) : stderr;
    this.#flags = flags;
    this.#color = { noColor: flags.color === false, terminalHasColors };
    this.#result = new Display(stdout, env, this.#color);
    this.#env = env;
    this.format = chosenFormat(flags, env) ?? preferred();
    this.#picked = flags.fields === undefined ? undefined : fieldList(flags.fields);
  }

  /** Whether the result is read by a person at a terminal. */
  get isForPeople(): boolean {
    return this.format === 'table' || (this.format === undefined && this.isTerminal);
  }

  /** Whether stdout is a terminal, in whatever format. */
  get isTerminal(): boolean {
    return this.#result.isTerminal;
  }

  /** How many columns a line may have: a terminal's, and any number elsewhere. */
  get width(): number {
    return this.#result.width;
  }

  /** Whether stdout shows more than ASCII. */
  get unicode(): boolean {
    return this.#result.unicode;
  }

  /** The palette of stdout, once it is loaded. */
  get style(): Style {
    return this.#style;
  }

  /** Loads the palettes of stdout and stderr, where a person reads the result. Until then everything is without colour. */
  async loadStyle(): Promise<void> {
    if (!this.isForPeople) return;
    this.#style = await this.#result.style();
    this.#asideStyle = await this.#asides.style();
  }

  /**
   * Refuses a field in `--fields` that is none of these.
   *
   * @throws CommandError (usage) that names the known ones
   */
  checkFields(known: readonly string[]): void {
    const unknown = this.#picked?.find((field) => !known.includes(field));
    if (unknown !== undefined) {
      const hint = known.length > 0 ? `The fields are: ${known.join(', ')}.` : 'This command has no fields to pick.';
      throw usageError(`there is no field "${unknown}"`, hint);
    }
  }

  /** Refuses a `--jq` program that does not compile. @throws CommandError (usage) */
  async checkJq(): Promise<void> {
    if (this.#flags.jq === undefined) return;
    const { checkJq } = await import('./jq.ts');
    await checkJq(this.#flags.jq);
  }

  /**
   * Prints a list: an array in JSON, a row each elsewhere.
   *
   * @param whole - what JSON and YAML print in the array's place, for a command whose result is one object in several rows
   */
  async list<Row extends object>(
    rows: readonly Row[],
    layout: Layout<Row> & { readonly empty: string; readonly drawing?: Drawing<readonly Row[]> },
    whole?: object,
  ): Promise<void> {
    this.#checkPresent(whole ? [whole] : rows, layout);
    const data = whole ? this.#pick(whole) : rows.map((row) => this.#pick(row));
    if (this.format === 'json') return this.#json(data);
    if (this.format === 'yaml') return this.#yaml(this.#shownAs(data));
    const columns = this.#columns(layout);
    const clean = this.#shownAs(rows);
    if (!this.isForPeople) return this.#delimited(columns, clean);
    if (rows.length === 0) return this.note(layout.empty);
    await this.loadStyle();
    const { style } = this;
    if (layout.drawing && !this.#picked) return this.#shown(await layout.drawing(style, clean));
    const { fitted } = await import('./table.ts');
    const drawn = columns.map(({ header, optional, right = false, ...column }) => ({
      header: style.dim(header),
      ...(optional === undefined ? {} : { optional }),
      right,
      cells: clean.map((row) => shown(column, row, style)),
    }));
    this.#shown(fitted(drawn, this.width));
  }

  /** Prints one thing: an object in JSON; elsewhere a line a field, or for people the drawing that is given. */
  async record<Row extends object>(
    record: Row,
    layout: Layout<Row> & { readonly drawing?: Drawing<Row> },
  ): Promise<void> {
    this.#checkPresent([record], layout);
    if (this.format === 'json') return this.#json(this.#pick(record));
    if (this.format === 'yaml') return this.#yaml(this.#shownAs(this.#pick(record)));
    const columns = this.#columns(layout);
    const clean = this.#shownAs(record);
    if (this.format === 'csv') return this.#delimited(columns, [clean]);
    if (!this.isForPeople) return this.raw(tsv(columns.map((column) => [column.field, column.value(clean)])));
    await this.loadStyle();
    const { style } = this;
    if (layout.drawing && !this.#picked) return this.#shown(await layout.drawing(style, clean));
    const { table } = await import('./table.ts');
    const lines = columns
      .map((column) => [style.dim(column.header), shown(column, clean, style)])
      .filter(([, value]) => value !== '');
    this.#shown(table(undefined, lines));
  }

  /**
   * Prints one of several things that are told as they happen: in JSON an object a line, in YAML a document each.
   *
   * @param line - what people see, without the line break
   */
  async event<Row extends object>(row: Row, layout: Layout<Row>, line: (row: Row) => string): Promise<void> {
    const data = this.#pick(row);
    if (this.#flags.jq !== undefined) return this.#json(data);
    if (this.format === 'json') {
      const text = JSON.stringify(data);
      return this.raw(`${this.#inert(this.isTerminal ? harmlessJson(text) : text)}\n`);
    }
    if (this.format === 'yaml') {
      this.raw('---\n');
      return this.#yaml(this.#shownAs(data));
    }
    const clean = this.#shownAs(row);
    if (this.isForPeople && !this.#picked) return this.#shown(`${line(clean)}\n`);
    const columns = this.#columns(layout);
    const cells = columns.map((column) => column.value(clean));
    if (this.format !== 'csv') return this.raw(tsv([cells]));
    const header = columns.map((column) => column.field);
    this.raw(csv(this.#begun ? undefined : header, [cells]));
    this.#begun = true;
  }

  /** A screen for what changes while it is looked at, where a person has a terminal that can show one. */
  get liveScreen(): LiveScreen | undefined {
    const { isTerminal, isForPeople } = this;
    // What --debug tells would be drawn over.
    if (!isTerminal || !isForPeople || this.#picked || this.#result.isDumb || this.#flags.debug) return undefined;
    return new LiveScreen(this.#stdout, (text) => this.#result.legible(text));
  }

  /** Rings the terminal's bell, where there is a terminal. */
  ring(): void {
    const terminal = [this.#stderr(), this.#stdout].find(({ isTTY }) => isTTY === true);
    terminal?.write('\x07');
  }

  /**
   * Prints an answer of the API as it came, or what `--jq` makes of it; JSON is laid out on a terminal.
   *
   * @throws CommandError (usage) for a format that it cannot take
   */
  async answer(body: string): Promise<void> {
    this.checkAnswer();
    const value = parsed(body);
    if (value === undefined) return this.raw(this.isTerminal ? this.#result.legible(`${harmlessLines(body)}\n`) : body);
    if (this.#flags.jq !== undefined || this.isTerminal) return this.#json(value);
    this.raw(this.#inert(body));
  }

  /** Refuses what an answer that is printed as it came cannot take: fields, CSV, YAML. @throws CommandError (usage) */
  checkAnswer(): void {
    this.checkFields([]);
    const { output } = this.#flags;
    if (output === 'csv' || output === 'yaml') {
      throw usageError(`--output ${output} is not for an answer as it came`, 'Leave it out, or use --jq.');
    }
  }

  /** Prints one line: as it is, but for what a terminal would obey. */
  line(text: string): void {
    this.raw(`${this.isTerminal ? this.#result.whole(harmless(text)) : text}\n`);
  }

  /** Prints text on stdout as it is. */
  raw(text: string): void {
    this.#stdout.write(text);
  }

  /** Waits until all that was printed is written. @throws the error of the stream, when it is not */
  async written(): Promise<void> {
    const error = await written(this.#stdout);
    if (error) throw error;
  }

  /** Says something about the result, on stderr. Keys in it are masked. */
  note(message: string): void {
    this.#aside(redacted(harmlessLines(message)));
  }

  /** Says what was done, to a person; a pipe has the result itself. */
  done(message: string): void {
    if (this.isForPeople) this.#aside(`${this.#asideStyle.good('✓')} ${redacted(harmless(message))}`);
  }

  /** stderr as people see it. */
  get #asides(): Display {
    return new Display(this.#stderr(), this.#env, this.#color);
  }

  /** Prints what people see. */
  #shown(text: string): void {
    this.raw(this.#result.shown(text));
  }

  /** Says a line to people, and to whatever reads stderr. */
  #aside(text: string): void {
    this.#stderr().write(`${this.#asides.shown(text)}\n`);
  }

  #checkPresent<Row>(rows: readonly object[], { fields, columns }: Layout<Row>): void {
    if (!this.#picked) return;
    const drawn = this.format === 'json' || this.format === 'yaml' ? [] : (columns ?? []).map((column) => column.field);
    this.checkFields([...new Set([...fields, ...drawn, ...rows.flatMap((row) => Object.keys(row))])]);
  }

  /** Data as a terminal may see it; elsewhere as it came. */
  #shownAs<Data>(data: Data): Data {
    return this.isForPeople || this.isTerminal ? harmlessData(data, this.unicode) : data;
  }

  #pick(row: object): object {
    if (!this.#picked) return row;
    const values = new Map(Object.entries(row));
    return Object.fromEntries(this.#picked.map((field) => [field, values.get(field) ?? null]));
  }

  #columns<Row extends object>({ fields, columns = fields.map((field) => columnOf<Row>(field)) }: Layout<Row>) {
    return (
      this.#picked?.map((field) => columns.find((column) => column.field === field) ?? columnOf<Row>(field)) ?? columns
    );
  }

  #delimited<Row extends object>(columns: readonly Column<Row>[], rows: readonly Row[]): void {
    const cells = rows.map((row) => columns.map((column) => column.value(row)));
    const header = columns.map((column) => column.field);
    this.#stdout.write(this.format === 'csv' ? csv(header, cells) : tsv(cells));
  }

  async #json(data: unknown): Promise<void> {
    if (this.#flags.jq !== undefined) {
      const { jq } = await import('./jq.ts');
      const lines = await jq(this.#flags.jq, data);
      if (this.isTerminal) return this.raw(this.#result.legible(harmlessLines(lines)));
      // Only JSON can be escaped without changing its value.
      return this.raw(lines.replace(/^[[{].*$/gm, (json) => this.#inert(json)));
    }
    const text = JSON.stringify(data, undefined, this.isTerminal ? 2 : undefined);
    this.#stdout.write(`${this.#inert(this.isTerminal ? harmlessJson(text, this.unicode) : text)}\n`);
  }

  /** Returns JSON of the same value, without workflow commands if the output goes to a workflow log. */
  #inert(json: string): string {
    return isWorkflowLog(this.#env) ? jsonWithoutWorkflowCommands(json) : json;
  }

  async #yaml(data: unknown): Promise<void> {
    const { stringify } = await import('yaml');
    this.#stdout.write(stringify(data));
  }
}

/**
 * A column that holds a field as it stands in the JSON.
 *
 * @param told - how a number is written
 */
export function columnOf<Row extends object>(field: string, told: (value: number) => string = String): Column<Row> {
  return {
    field,
    header: field,
    value: (row) => {
      const value: unknown = new Map<string, unknown>(Object.entries(row)).get(field);
      if (typeof value === 'number') return told(value);
      return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? '');
    },
  };
}

function parsed(body: string): unknown {
  try {
    const value: unknown = JSON.parse(body);
    return excessOf(value) === undefined ? value : undefined;
  } catch {
    return undefined;
  }
}

function shown<Row>(column: Pick<Column<Row>, 'value' | 'show'>, row: Row, style: Style): string {
  return column.show?.(row, style) ?? cellText(column.value(row));
}

function chosenFormat(flags: OutputFlags, env: Environment): Format | undefined {
  if (flags.json || flags.jq !== undefined) {
    if (flags.output !== undefined && flags.output !== 'json') {
      throw usageError(`${flags.json ? '--json' : '--jq'} and --output ${flags.output} exclude each other`);
    }
    return 'json';
  }
  const [chosen, origin] =
    flags.output !== undefined
      ? [flags.output, '--output']
      : [env.CHEAPESTINFERENCE_OUTPUT || undefined, 'CHEAPESTINFERENCE_OUTPUT'];
  const format = formats.find((name) => name === chosen);
  if (chosen !== undefined && format === undefined) {
    throw usageError(`${origin} is "${harmless(chosen)}"`, `Choose one of ${formats.join(', ')}.`);
  }
  return format;
}

function fieldList(text: string): string[] {
  const fields = text.split(',').map((field) => field.trim());
  if (fields.some((field) => field === '')) {
    throw usageError(`--fields is "${text}"`, 'List fields with commas between them: --fields id,name.');
  }
  return [...new Set(fields)];
}
