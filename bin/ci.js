#!/usr/bin/env node
'use strict';

const [, , first, second] = process.argv;
if ((first === '--version' || first === '-V') && second === undefined) {
  // Straight to the descriptor: the first look at process.stdout takes longer than all the rest.
  require('node:fs').writeSync(1, `${require('../package.json').version}\n`);
} else if (first === '--complete') {
  // A shell at a Tab asks for names. A flag, as RCS's program of this name would take a word for a file to check in.
  require('../dist/complete.js').complete(process.argv.slice(3));
} else {
  // Node.js 20 has no such cache, and to load the module to find that out takes a good part of a millisecond.
  if (Number.parseInt(process.versions.node, 10) > 20) require('node:module').enableCompileCache?.();
  try {
    require('../dist/main.js').main();
  } catch (error) {
    // Nothing of the program could be loaded: it is not there whole.
    require('node:fs').writeSync(
      2,
      `ci: an error in ci itself: ${String(error.message).split('\n')[0]}. Install it again.\n`,
    );
    process.exitCode = 1;
  }
}
