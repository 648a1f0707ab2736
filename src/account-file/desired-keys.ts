import { type KeyRow, keyRowOf } from '../account/bulk/key-rows.ts';
import { rowError } from '../account/bulk/row-runner.ts';
import type { World } from '../context/world.ts';
import type { DesiredKey, FilePlace } from '../domain/desired-account.ts';
import { asClause, CommandError } from '../domain/errors.ts';
import type { FileMistakes } from './file-mistakes.ts';
import { filled, openTable, tableKeys } from './key-table.ts';
import type { AccountFile, KeyEntry, KeyTableEntry } from './schema.ts';
import { shown } from './shown.ts';
import type { Tree } from './yaml-tree.ts';

/** What the keys of a file are read with. */
interface Reading {
  readonly world: Pick<World, 'cwd'>;
  /** As the user named it; `-` for standard input. */
  readonly file: string;
  readonly mistakes: FileMistakes;
  /** @throws CommandError if a destination isn't valid */
  readonly checkDestination: (to: string) => Promise<unknown>;
}

/** Where a key is, and how to report what is wrong with it. */
interface Origin {
  readonly place: FilePlace;
  /** @param field - what the problem is about */
  readonly report: (problem: string, field?: string) => void;
}

/** Reads the keys of a file and of its tables. What is wrong with them is added to the mistakes. */
export async function desiredKeys(
  { keys = [] }: Pick<AccountFile, 'keys'>,
  tree: Tree | undefined,
  reading: Reading,
): Promise<DesiredKey[]> {
  const collected = new KeyCollection(reading);
  const entries = Array.isArray(keys) ? keys : [keys];
  for (const [at, entry] of entries.entries()) {
    const entryTree = Array.isArray(keys) ? tree?.items?.[at] : tree;
    if (!entryTree) continue;
    if ('from' in entry) await collected.addTable(entry, entryTree);
    else await collected.addKey(entry, entryTree);
  }
  return collected.keys;
}

class KeyCollection {
  readonly keys: DesiredKey[] = [];
  readonly #reading: Reading;
  readonly #names = new Map<string, FilePlace>();
  readonly #destinations = new Map<string, FilePlace>();

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  async addKey({ protected: isProtected = false, fingerprint: _, ...values }: KeyEntry, tree: Tree): Promise<void> {
    const { mistakes } = this.#reading;
    const place = mistakes.placeOf(tree.offset);
    const origin: Origin = {
      place,
      report: (problem, field = '') => mistakes.add(tree.fields?.get(field)?.offset ?? tree.offset, problem),
    };
    const given = new Map(Object.entries(values));
    const row = keyRowOf({ line: place.line, values: filled(given, {}) });
    if (typeof row === 'string') origin.report(row, fieldOf(row, given));
    else await this.#add(row, isProtected, origin);
  }

  async addTable(entry: KeyTableEntry, tree: Tree): Promise<void> {
    const { world, file, mistakes } = this.#reading;
    const { from, template, to } = entry;
    const add = (line: number, problem: string) => mistakes.addInTable(from, line, problem);
    const addOnce = once((problem) => mistakes.add(tree.fields?.get('to')?.offset ?? tree.offset, problem));
    const before = this.keys.length + mistakes.count;
    try {
      for await (const row of tableKeys(openTable(world, file, entry), entry, { add })) {
        const report = (problem: string, field?: string) =>
          field === 'to' && row.to === to?.trim() ? addOnce(problem) : add(row.line, problem);
        const place = { file: from, line: row.line, column: 1 };
        await this.#add(row, template?.protected ?? false, { place, report });
      }
      // A table that was cut off must not make all its keys look unwanted.
      if (this.keys.length + mistakes.count === before)
        mistakes.add(tree.fields?.get('from')?.offset ?? tree.offset, `${shown(from)} has no keys; remove this entry`);
    } catch (error) {
      if (!(error instanceof CommandError) || error.code !== 'usage') throw error;
      mistakes.add(tree.fields?.get('from')?.offset ?? tree.offset, asClause(error.message));
    }
  }

  async #add({ name, seat, limits, to }: KeyRow, isProtected: boolean, { place, report }: Origin): Promise<void> {
    const earlier = this.#names.get(name);
    if (earlier) report(`key "${shown(name)}" is also in ${this.#words(earlier, place)}; names must differ`, 'name');
    else this.#names.set(name, place);
    if (to !== undefined) await this.#checkDestination(to, { place, report });
    const type = seat ? 'subscription' : 'credit';
    this.keys.push({ name, type, ...seat, ...limits, ...(to === undefined ? {} : { to }), isProtected, place });
  }

  async #checkDestination(to: string, { place, report }: Origin): Promise<void> {
    const earlier = this.#destinations.get(to);
    // A program gets the name of the key. Other places hold one secret.
    if (earlier && !to.startsWith('command:')) {
      const other = `the secret of ${this.#words(earlier, place)}`;
      report(`destination "${shown(to)}" holds one secret, and this one would replace ${other}`, 'to');
    }
    if (earlier) return;
    this.#destinations.set(to, place);
    try {
      await this.#reading.checkDestination(to);
    } catch (error) {
      const { message, hint = '' } = rowError(error);
      const advice = asClause(hint.replaceAll('--to ', 'to: '));
      report([asClause(message), advice.charAt(0).toLowerCase() + advice.slice(1)].filter(Boolean).join('; '), 'to');
    }
  }

  /** Returns a place as part of a sentence about another one. */
  #words({ file, line }: FilePlace, other: FilePlace): string {
    return file === other.file && file === this.#reading.mistakes.file ? `line ${line}` : `${file}, line ${line}`;
  }
}

function once(report: (problem: string) => void): (problem: string) => void {
  let isDone = false;
  return (problem) => {
    if (!isDone) report(problem);
    isDone = true;
  };
}

/** Returns the field of an entry that a problem of a row is about. */
function fieldOf(problem: string, given: ReadonlyMap<string, unknown>): string | undefined {
  const fields = ['subscription', 'pool', 'maxBudget', 'rpm', 'tpm'];
  const field = fields.find((each) => given.has(each) && new RegExp(`\\b${each}\\b`).test(problem));
  return field ?? (/\bname\b/.test(problem) ? 'name' : undefined);
}
