// Loaded before the program: writes to the file named by LOADED, when it ends, which files were loaded.
const { writeFileSync } = require('node:fs');

process.on('exit', () => writeFileSync(process.env.LOADED, JSON.stringify(Object.keys(require.cache))));
