import type { Values } from '../values.ts';

/** A command for a program to read: what `ci help --json` prints. */
export interface CommandTree {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly description: string;
  readonly arguments: readonly {
    readonly name: string;
    readonly description: string;
    readonly required: boolean;
    readonly variadic: boolean;
    /** What can be typed for it; null: anything. */
    readonly values: Values | null;
  }[];
  readonly options: readonly {
    readonly flags: string;
    readonly description: string;
    /** Whether it takes a value; it then always does. */
    readonly value: boolean;
    readonly default: string | null;
    readonly repeatable: boolean;
    /** What can be typed for its value; null: anything, or it takes none. */
    readonly values: Values | null;
  }[];
  readonly examples: readonly string[];
  readonly fields: readonly string[];
  readonly exitCodes: readonly number[];
  /** Whether it changes something. */
  readonly changes: boolean;
  readonly commands: readonly CommandTree[];
}
