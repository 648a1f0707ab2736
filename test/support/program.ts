import { existsSync } from 'node:fs';
import path from 'node:path';
import { version } from '../../package.json';

const { TEST_PROGRAM = 'node' } = process.env;
if (TEST_PROGRAM !== 'node' && TEST_PROGRAM !== 'binary')
  throw new Error(`TEST_PROGRAM is "${TEST_PROGRAM}". Use "node" or "binary".`);

/** Whether the tests run the standalone binary instead of the bundle on Node.js. */
export const isBinary = TEST_PROGRAM === 'binary';

/** The path of the installed program. */
export const bin = path.resolve(isBinary ? 'dist/bin/ci' : 'bin/ci.js');

const [built, script] = isBinary ? [bin, 'build:binary'] : [path.resolve('dist/main.js'), 'build'];

if (!existsSync(built)) throw new Error(`${path.relative('.', built)} not found. Run \`npm run ${script}\`.`);

/** The words that start the program, whatever the path of a shell is. */
export const program: readonly [string, ...string[]] = isBinary ? [bin] : [process.execPath, bin];

/** Matches the version that the program prints, with the platform of a binary. */
export const versionLine = new RegExp(
  `^${version.replaceAll('.', '\\.')}${isBinary ? ' \\(standalone, \\w+-\\w+(?:-musl)?\\)' : ''}\n$`,
);

/** Why a test can't run the binary. */
type Reason =
  /** It sets the time of the command. A process takes the time of the system. */
  | 'sets the clock'
  /** It loads a script before the program, which the binary doesn't allow. */
  | 'loads a script'
  /** It is about an installation with npm. */
  | 'is about the package'
  /** It interrupts the command at a moment that isn't visible from outside. */
  | 'knows the moment'
  /** It starts in a deleted directory, in which no program of Bun starts. */
  | 'starts nowhere';

/** Returns whether to skip a test, because the tests run the binary: `test.skipIf(nodeOnly('sets the clock'))`. */
export function nodeOnly(_reason: Reason): boolean {
  return isBinary;
}
