// Loaded before the program, which then can't replace files whose paths match FAILS_AT.
const fs = require('node:fs');

const pattern = new RegExp(process.env.FAILS_AT);
const { renameSync } = fs;
fs.renameSync = (from, to) => {
  if (pattern.test(String(to))) throw Object.assign(new Error('EIO: i/o error, rename'), { code: 'EIO' });
  renameSync(from, to);
};
