/** The environment variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where a process runs, which is what paths depend on. */
export interface Surroundings {
  readonly env: Environment;
  /** The working directory: absolute. Read only where a relative path is used, because it may have been removed. */
  readonly cwd: string;
}
