import type { Environment } from '../domain/environment.ts';
import { usageError } from '../domain/errors.ts';
import { type Format, formats } from '../domain/formats.ts';
import { parsedJson } from '../domain/json.ts';
import { redacted } from '../domain/secrets.ts';
import { type Cell, cellText, csv, tsv } from './delimited.ts';
import { Display } from './display.ts';
import { LiveScreen } from './live.ts';
import { type Sink, written } from './sink.ts';
import { type ColorOptions, plain, type Style, wantsColor } from './style.ts';
import { harmless, harmlessData, harmlessJson, harmlessLines, inWords } from './text.ts';
import { isWorkflowLog, jsonWithoutWorkflowCommands, workflowSafeSink } from './workflow-commands.ts';

/** The global options for output, as typed. */
export interface OutputFlags {
  readonly json?: boolean | undefined;
  readonly output?: string | undefined;
  readonly fields?: string | undefined;
  readonly jq?: string | undefined;
  readonly color?: boolean | undefined;
  readonly debug?: boolean | undefined;
}

/** A column of a table, or a line of a record. */
export interface Column<Row> {
  /** The API's name for the value, for `--fields` and the header of CSV. */
  readonly field: string;
  /** The header on a terminal. */
  readonly header: string;
  /** Returns the value for a pipe: complete and machine-readable. */
  readonly value: (row: Row) => Cell;
  /** Returns the value for a terminal, if that differs. */
  readonly show?: (row: Row, style: Style) => string;
  /** Returns what a terminal shows below the column of a list: a sum, or a label. */
  readonly total?: (rows: readonly Row[], style: Style) => string;
  /** Who gets the column without picking it: people at a terminal, or programs at a pipe. Without it, both do. */
  readonly audience?: 'people' | 'programs';
  /** When a terminal that is too narrow drops the column, as in `DrawnColumn`. Without it, the column stays. */
  readonly optional?: number;
  /** Whether values are aligned to the right, as numbers are. */
  readonly right?: boolean;
  /** Whether values hold UUIDs, which a narrow terminal shortens. */
  readonly hasIds?: boolean;
}

/** How a result is printed in each format. */
export interface Layout<Row> {
  /** Without it, the fields are printed as they are. */
  readonly columns?: readonly Column<Row>[];
  /** The fields of the JSON, for `--fields`. */
  readonly fields: readonly string[];
}

/** How a list is printed in each format. */
export interface ListLayout<Row> extends Layout<Row> {
  /** What a terminal shows above the table. */
  readonly title?: string;
  /** The note about an empty list. */
  readonly empty: string;
  readonly drawing?: Drawing<readonly Row[]>;
}

/** Returns what a terminal shows in place of a table. Its data can't harm a terminal. */
export type Drawing<Data> = (style: Style, data: Data) => string | Promise<string>;

/** A terminal that can show a picture. */
export interface Canvas {
  readonly columns: number;
  readonly rows: number;
  readonly hasColors: boolean;
}

/** Prints results on stdout, and everything about them on stderr. The format follows from the streams and the options. */
export class Output {
  readonly #stdout: Sink;
  readonly #stderr: () => Sink;
  readonly #env: Environment;
  readonly #flags: OutputFlags;
  readonly #color: ColorOptions;
  /** stdout as people see it. */
  readonly #result: Display;
  /** The format; `undefined` is a table on a terminal, and tab-separated lines elsewhere. */
  readonly format: Format | undefined;
  /** The format that an option asks for. Commands whose output is for a shell or a program ignore the environment and the profile. */
  readonly requested: Format | undefined;
  readonly #picked: readonly string[] | undefined;
  /** Whether the header of CSV was printed. */
  #hasHeader = false;
  #style = plain;
  #asideStyle = plain;

  /**
   * @param stderr - called with the first note, because a stream costs start-up time
   * @param preferred - returns the format if neither an option nor the environment names one
   * @throws CommandError (usage) for an invalid format or list of fields
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
    this.requested = chosenFormat(flags, {});
    this.format = chosenFormat(flags, env) ?? preferred();
    this.#picked = flags.fields === undefined ? undefined : fieldList(flags.fields);
  }

  /** Whether people read the result: a table, on a terminal or asked for. */
  get isForPeople(): boolean {
    return this.format === 'table' || (this.format === undefined && this.isTerminal);
  }

  /** Whether the result has columns, in a table, tab-separated or as CSV. JSON and YAML have the API's fields instead. */
  get hasColumns(): boolean {
    return this.format !== 'json' && this.format !== 'yaml';
  }

  /** Whether stdout is a terminal, in whatever format. */
  get isTerminal(): boolean {
    return this.#result.isTerminal;
  }

  /** The width of the terminal, in columns; infinite elsewhere. */
  get width(): number {
    return this.#result.width;
  }

  /** Whether stdout can show more than ASCII. */
  get unicode(): boolean {
    return this.#result.unicode;
  }

  /** The palette of stdout, once it's loaded. */
  get style(): Style {
    return this.#style;
  }

  /** Loads the palettes of stdout and stderr if people read the result. Before that, nothing has color. */
  async loadStyle(): Promise<void> {
    if (!this.isForPeople) return;
    this.#style = await this.#result.style();
    this.#asideStyle = await this.#asides.style();
  }

  /**
   * Refuses an unknown field in `--fields`.
   *
   * @throws CommandError (usage) that lists the known fields
   */
  checkFields(known: readonly string[]): void {
    const unknown = this.#picked?.find((field) => !known.includes(field));
    if (unknown !== undefined) {
      const hint = known.length > 0 ? `The fields are: ${known.join(', ')}.` : 'This command has no fields to pick.';
      throw usageError(`Unknown field "${unknown}"`, hint);
    }
  }

  /** Refuses a `--jq` expression that doesn't compile. @throws CommandError (usage) */
  async checkJq(): Promise<void> {
    if (this.#flags.jq === undefined) return;
    const { checkJq } = await import('./jq.ts');
    await checkJq(this.#flags.jq);
  }

  /**
   * Prints a list: an array in JSON, a row per item elsewhere.
   *
   * @param whole - the object that JSON and YAML print instead of the array
   */
  async list<Row extends object>(rows: readonly Row[], layout: ListLayout<Row>, whole?: object): Promise<void> {
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
    const hasTotal = rows.length > 1 && columns.some(({ total }) => total);
    const drawn = columns.map(({ header, optional, right = false, hasIds = false, total, ...column }) => ({
      header: style.dim(header),
      ...(optional === undefined ? {} : { optional }),
      right,
      hasIds,
      cells: [...clean.map((row) => shown(column, row, style)), ...(hasTotal ? [total?.(clean, style) ?? ''] : [])],
    }));
    const title = layout.title === undefined ? '' : `${style.bold(layout.title)}\n\n`;
    this.#shown(`${title}${fitted(drawn, this.width)}`);
  }

  /** Prints a record: an object in JSON; elsewhere a line per field, or the drawing on a terminal. */
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
   * Prints an event as it happens: a line with an object in JSON, a document in YAML.
   *
   * @param line - returns what a terminal shows, without a line break
   */
  async event<Row extends object>(row: Row, layout: Layout<Row>, line: (row: Row) => string): Promise<void> {
    const data = this.#pick(row);
    if (this.format === 'json') return this.#json(data, 0);
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
    this.raw(csv(this.#hasHeader ? undefined : header, [cells]));
    this.#hasHeader = true;
  }

  /** A full screen for what changes all the time; undefined if stdout can't show one, or shows something else. */
  get liveScreen(): LiveScreen | undefined {
    const { isTerminal, isForPeople } = this;
    // The screen would cover the output of --debug.
    if (!isTerminal || !isForPeople || this.#picked || this.#result.isDumb || this.#flags.debug) return undefined;
    return new LiveScreen(this.#stdout, (text) => this.#result.legible(text));
  }

  /** Returns the terminal that a picture can be shown on, in place of the result or beside it; undefined if none exists. */
  canvas(place: 'result' | 'beside'): Canvas | undefined {
    const sink = place === 'result' ? this.#stdout : this.#stderr();
    const { isTerminal, unicode, width: columns } = new Display(sink, this.#env, this.#color);
    if (!isTerminal || !unicode) return undefined;
    const hasColors = wantsColor(sink, this.#env, this.#color.noColor);
    return { columns, rows: sink.rows || 24, hasColors };
  }

  /** Shows a picture beside the result. Its control sequences are kept, so it must not contain text from the API. */
  picture(lines: readonly string[]): void {
    this.#stderr().write(`${lines.join('\n')}\n`);
  }

  /** Rings the bell of the terminal, if there is one. */
  ring(): void {
    const terminal = [this.#stderr(), this.#stdout].find(({ isTTY }) => isTTY === true);
    terminal?.write('\x07');
  }

  /**
   * Prints a response of the API as it is, or filtered with `--jq`. A terminal shows JSON indented and in color.
   *
   * @throws CommandError (usage) for an option that doesn't apply to it
   */
  async answer(body: string): Promise<void> {
    this.checkAnswer();
    const value = parsedJson(body);
    if (value === undefined) return this.raw(this.isTerminal ? this.#result.legible(`${harmlessLines(body)}\n`) : body);
    if (this.#flags.jq !== undefined || this.isTerminal) return this.#json(value);
    this.raw(this.#inert(body));
  }

  /** Refuses the options that don't apply to a response that is printed as it is. @throws CommandError (usage) */
  checkAnswer(): void {
    this.checkFields([]);
    const { output } = this.#flags;
    if (output === 'csv' || output === 'yaml') {
      throw usageError(
        `--output ${output} can't be used, because the response is printed unchanged`,
        'Leave it out, or use --jq.',
      );
    }
  }

  /** Prints a line. A terminal gets it without control sequences. */
  line(text: string): void {
    this.raw(`${this.isTerminal ? this.#result.whole(harmless(text)) : text}\n`);
  }

  /** Prints text on stdout as it is. */
  raw(text: string): void {
    this.#stdout.write(text);
  }

  /** Waits until everything is written. @throws the error of the stream if that fails */
  async written(): Promise<void> {
    const error = await written(this.#stdout);
    if (error) throw error;
  }

  /** Prints a note about the result on stderr. Keys in it are masked. */
  note(message: string): void {
    this.#aside(redacted(harmlessLines(message)));
  }

  /** Prints on stderr what was done, if people read the result. A pipe has the result itself. */
  done(message: string): void {
    if (this.isForPeople) this.#aside(`${this.#asideStyle.good('✓')} ${redacted(harmless(message))}`);
  }

  /** stderr as people see it. */
  get #asides(): Display {
    return new Display(this.#stderr(), this.#env, this.#color);
  }

  /** Prints text for people. */
  #shown(text: string): void {
    this.raw(this.#result.shown(text));
  }

  /** Prints a line on stderr. */
  #aside(text: string): void {
    this.#stderr().write(`${this.#asides.shown(text)}\n`);
  }

  #checkPresent<Row>(rows: readonly object[], { fields, columns = [] }: Layout<Row>): void {
    if (!this.#picked) return;
    const pickable = columns.filter(({ audience }) => this.hasColumns && (this.isForPeople || audience !== 'people'));
    const drawn = pickable.map((column) => column.field);
    this.checkFields([...new Set([...fields, ...drawn, ...rows.flatMap((row) => Object.keys(row))])]);
  }

  /** Returns data as a terminal may show it; elsewhere as it is. */
  #shownAs<Data>(data: Data): Data {
    return this.isForPeople || this.isTerminal ? harmlessData(data, this.unicode) : data;
  }

  #pick(row: object): object {
    if (!this.#picked) return row;
    const values = new Map(Object.entries(row));
    return Object.fromEntries(this.#picked.map((field) => [field, values.get(field) ?? null]));
  }

  #columns<Row extends object>({ fields, columns = fields.map((field) => columnOf<Row>(field)) }: Layout<Row>) {
    const others = this.isForPeople ? 'programs' : 'people';
    return (
      this.#picked?.map((field) => columns.find((column) => column.field === field) ?? columnOf<Row>(field)) ??
      columns.filter(({ audience }) => audience !== others)
    );
  }

  #delimited<Row extends object>(columns: readonly Column<Row>[], rows: readonly Row[]): void {
    const cells = rows.map((row) => columns.map((column) => column.value(row)));
    const header = columns.map((column) => column.field);
    this.#stdout.write(this.format === 'csv' ? csv(header, cells) : tsv(cells));
  }

  /** Prints JSON, or what `--jq` makes of it. @param indentation - on a terminal; 0: one line */
  async #json(data: unknown, indentation = 2): Promise<void> {
    if (this.#flags.jq !== undefined) {
      const { jq } = await import('./jq.ts');
      const lines = await jq(this.#flags.jq, data);
      if (this.isTerminal) return this.raw(this.#result.legible(harmlessLines(lines)));
      // Only JSON can be escaped without a change of its value.
      return this.raw(lines.replace(/^[[{].*$/gm, (json) => this.#inert(json)));
    }
    if (!this.isTerminal) return this.raw(`${this.#inert(JSON.stringify(data))}\n`);
    const { coloredJson } = await import('./json-colors.ts');
    const text = this.#inert(harmlessJson(JSON.stringify(data, undefined, indentation), this.unicode));
    this.raw(`${coloredJson(text, await this.#result.style())}\n`);
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
 * Returns a column with a field of the JSON.
 *
 * @param number - formats numbers
 */
export function columnOf<Row extends object>(field: string, number: (value: number) => string = String): Column<Row> {
  return {
    field,
    header: field,
    value: (row) => {
      const value: unknown = new Map<string, unknown>(Object.entries(row)).get(field);
      if (typeof value === 'number') return number(value);
      return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? '');
    },
  };
}

function shown<Row>(column: Pick<Column<Row>, 'value' | 'show'>, row: Row, style: Style): string {
  return column.show?.(row, style) ?? cellText(column.value(row));
}

function chosenFormat(flags: OutputFlags, env: Environment): Format | undefined {
  if (flags.json || flags.jq !== undefined) {
    if (flags.output !== undefined && flags.output !== 'json') {
      const json = flags.json ? '--json' : '--jq';
      throw usageError(`${json} and --output ${flags.output} can't be combined`, 'Pass one of them.');
    }
    return 'json';
  }
  const [chosen, origin] =
    flags.output !== undefined
      ? [flags.output, '--output']
      : [env.CHEAPESTINFERENCE_OUTPUT || undefined, 'CHEAPESTINFERENCE_OUTPUT'];
  const format = formats.find((name) => name === chosen);
  if (chosen !== undefined && format === undefined) {
    throw usageError(
      `"${harmless(chosen)}" is not a valid output format`,
      origin === '--output' ? `Choose ${inWords(formats, 'or')}.` : `Set ${origin} to ${inWords(formats, 'or')}.`,
    );
  }
  return format;
}

function fieldList(text: string): string[] {
  const fields = text.split(',').map((field) => field.trim());
  if (fields.some((field) => field === '')) {
    throw usageError(`"${text}" is not a valid list of fields`, 'Separate fields with commas: --fields id,name.');
  }
  return [...new Set(fields)];
}
