// Gives a process a fixed time and predictable random bytes, so that pictures of its output can be compared.
'use strict';

const crypto = require('node:crypto');

const fixedTime = Date.parse('2026-04-14T09:20:00Z');
const seed = process.argv.slice(2).join(' ');
let calls = 0;

globalThis.Date = class extends Date {
  constructor(...values) {
    super(...(values.length > 0 ? values : [fixedTime]));
  }

  static now() {
    return fixedTime;
  }
};

crypto.randomBytes = (size) => {
  const hash = crypto.createHash('shake256', { outputLength: size });
  return hash.update(`${seed} ${calls++}`).digest();
};

crypto.randomUUID = () => {
  const digits = crypto.randomBytes(16).toString('hex');
  return digits.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-a$4-$5');
};
