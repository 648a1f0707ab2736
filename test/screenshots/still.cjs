// Has a process find the same moment and the same chance each time: pictures of what it prints can then be compared.
'use strict';

const crypto = require('node:crypto');

const moment = Date.parse('2026-04-14T09:20:00Z');
const words = process.argv.slice(2).join(' ');
let asked = 0;

globalThis.Date = class extends Date {
  constructor(...values) {
    super(...(values.length > 0 ? values : [moment]));
  }

  static now() {
    return moment;
  }
};

crypto.randomBytes = (size) => {
  const hash = crypto.createHash('shake256', { outputLength: size });
  return hash.update(`${words} ${asked++}`).digest();
};

crypto.randomUUID = () => {
  const digits = crypto.randomBytes(16).toString('hex');
  return digits.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-a$4-$5');
};
