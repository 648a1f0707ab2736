import path from 'node:path';
import { expect, test } from 'vitest';
import * as z from 'zod/mini';
import { accountFile } from '../../src/account-file/schema.ts';

const published = path.join(import.meta.dirname, '../../docs/account.schema.json');

test('the published schema for editors is the schema that reads the file; `npm run schema` updates it', async () => {
  // Most editors know this version best.
  const schema = z.toJSONSchema(accountFile, { target: 'draft-7' });
  const whole = {
    $id: 'https://raw.githubusercontent.com/cheapestinference/cli/main/docs/account.schema.json',
    ...schema,
  };
  await expect(`${JSON.stringify(whole, null, 2)}\n`).toMatchFileSnapshot(published);
});

test('every field has a description for editors', () => {
  const fields: [string, unknown][] = [];
  const visit = (value: unknown) => {
    if (typeof value !== 'object' || value === null) return;
    if ('properties' in value) fields.push(...Object.entries(value.properties ?? {}));
    Object.values(value).forEach(visit);
  };
  visit(z.toJSONSchema(accountFile));
  expect(fields.length).toBeGreaterThan(25);
  for (const [name, field] of fields)
    expect([name, field]).toEqual([name, expect.objectContaining({ description: expect.any(String) })]);
});
