import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Writes the SHA-256 sums of the files in a directory to its file SHA256SUMS, for `sha256sum -c`. Returns them by name. */
export function writeSums(folder) {
  const names = readdirSync(folder).sort();
  const sums = new Map(names.map((name) => [name, sha256(readFileSync(path.join(folder, name)))]));
  writeFileSync(path.join(folder, 'SHA256SUMS'), [...sums].map(([name, sum]) => `${sum}  ${name}\n`).join(''));
  return sums;
}

function sha256(content) {
  return createHash('sha256').update(content).digest('hex');
}
