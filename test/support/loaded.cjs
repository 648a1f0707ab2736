// Loaded before the program. When the program ends, writes which files it loaded and which Node.js modules it requested to the
// file named by LOADED.
const { writeFileSync } = require('node:fs');
const Module = require('node:module');

const builtins = new Set();
const load = Module._load;
Module._load = (id, ...more) => {
  if (Module.isBuiltin(id)) builtins.add(id.replace(/^node:/, ''));
  return load(id, ...more);
};

process.on('exit', () =>
  writeFileSync(process.env.LOADED, JSON.stringify({ files: Object.keys(require.cache), builtins: [...builtins] })),
);
