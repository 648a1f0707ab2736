import type { Values } from '../values.ts';

/** A command as data, which `ci help --json` prints. */
export interface CommandTree {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly description: string;
  readonly arguments: readonly {
    readonly name: string;
    readonly description: string;
    readonly required: boolean;
    readonly variadic: boolean;
    /** The values that it takes; null: anything. */
    readonly values: Values | null;
  }[];
  readonly options: readonly {
    readonly flags: string;
    readonly description: string;
    /** Whether it takes a value. It does so always or never. */
    readonly value: boolean;
    readonly default: string | null;
    readonly repeatable: boolean;
    /** The values that it takes; null: anything, or it takes no value. */
    readonly values: Values | null;
  }[];
  readonly examples: readonly string[];
  readonly fields: readonly string[];
  readonly exitCodes: readonly number[];
  /** Whether it changes something. */
  readonly changes: boolean;
  readonly commands: readonly CommandTree[];
}
