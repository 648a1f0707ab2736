#!/usr/bin/env node
'use strict';

const [, , first, second] = process.argv;
if (first === '--complete') {
  // A shell completes names. This is a flag because the program of RCS with this name would take a word for a file to check in.
  require('../dist/complete.js').complete(process.argv.slice(3));
} else if (first === 'run' || (first === 'keys' && second === 'secret')) {
  quick().then((isDone) => isDone || main());
} else if (!((first === '--version' || first === '-V') && second === undefined && printsVersion())) main();

/** Runs a simple command without loading the whole program. Resolves to false if the whole program has to run it. */
async function quick() {
  let program;
  try {
    program = require('../dist/quick.js');
  } catch {
    // The installation is incomplete, which the whole program reports.
    return false;
  }
  return program.quick(process.argv.slice(2));
}

function main() {
  // Node.js 20 has no such cache, and loading the module to find out takes a good part of a millisecond.
  if (Number.parseInt(process.versions.node, 10) > 20) require('node:module').enableCompileCache?.();
  try {
    require('../dist/main.js').main({
      program: __filename,
      updateCheck: [require('node:path').join(__dirname, '../dist/update-check.js')],
    });
  } catch (error) {
    require('node:fs').writeSync(
      2,
      `ci: The installation is incomplete: ${String(error.message).split('\n')[0]}. Install it again.\n`,
    );
    process.exitCode = 1;
  }
}

/**
 * Writes the version to the descriptor, because the first access to process.stdout takes longer than everything else. If that fails,
 * the whole program does it, and reports why.
 */
function printsVersion() {
  try {
    require('node:fs').writeSync(1, `${require('../package.json').version}\n`);
    return true;
  } catch {
    return false;
  }
}
