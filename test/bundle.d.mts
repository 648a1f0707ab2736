/** A file that the program is made of, named below dist/. */
export interface Chunk {
  readonly bytes: number;
  /** The chunks that it loads with itself. */
  readonly imports: readonly string[];
  /** The source files in it, as absolute paths. */
  readonly modules: readonly string[];
  /** The libraries in it, and the bytes of each before they are made small. */
  readonly libraries: ReadonlyMap<string, number>;
}

/** The chunks of the program as `npm run build` makes them, by file name. */
export function chunks(): Promise<ReadonlyMap<string, Chunk>>;

/** All chunks that these load with themselves, themselves among them. */
export function withImports(all: ReadonlyMap<string, Chunk>, names: Iterable<string>): Set<string>;
