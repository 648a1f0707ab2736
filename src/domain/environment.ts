/** The environment variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Returns whether nobody can be asked, as `CI` says: it is set, but not to `0` or `false`. */
export function isInPipeline({ CI = '' }: Environment): boolean {
  return !['', '0', 'false'].includes(CI);
}

/** The environment and working directory of a process, which paths depend on. */
export interface Surroundings {
  readonly env: Environment;
  /** The absolute path of the working directory. Read it only to resolve a relative path, because it may have been removed. */
  readonly cwd: string;
}
