#!/usr/bin/env node
'use strict';

const [, , first, second] = process.argv;
if ((first === '--version' || first === '-V') && second === undefined) {
  // Straight to the descriptor: the first look at process.stdout takes longer than all the rest.
  require('node:fs').writeSync(1, `${require('../package.json').version}\n`);
} else {
  require('node:module').enableCompileCache?.();
  require('../dist/main.js').main();
}
