import * as z from 'zod/mini';
import { blockNames } from '../domain/blocks.ts';
import { soldOutActions } from '../domain/desired-account.ts';
import { billingCycles } from '../domain/quote.ts';
import { inWords } from '../output/text.ts';

/*
 * The message of each schema is a phrase for what is expected, which completes "… isn't". A strict object lists its fields if it has an
 * unknown one. The descriptions are for editors.
 */

function described<Schema extends z.ZodMiniType>(schema: Schema, description: string): Schema {
  z.globalRegistry.add(schema, { description });
  return schema;
}

function text(description: string, expected: string) {
  return described(z.string(expected).check(z.regex(/\S/, expected)), description);
}

function usd(description: string) {
  const expected = 'an amount in USD above 0, such as 49 or 49.50';
  // The other check reports an amount that isn't positive.
  const isAmount = (amount: number) => amount <= 0 || /^\d{1,10}(?:\.\d{1,2})?$/.test(String(amount));
  return described(z.number(expected).check(z.gt(0, expected), z.refine(isAmount, expected)), description);
}

function count(description: string) {
  const expected = 'a whole number above 0';
  return described(z.int(expected).check(z.gte(1, expected)), description);
}

function choice<const Words extends readonly [string, ...string[]]>(words: Words, description: string) {
  return described(z.enum(words, inWords(words, 'or')), description);
}

function flag(description: string) {
  return described(z.boolean('true or false'), description);
}

function fieldsOf<const Shape extends z.core.$ZodShape>(shape: Shape, description: string, example: string) {
  const names = inWords(Object.keys(shape));
  const schema = z.strictObject(shape, {
    error: ({ code }) => (code === 'unrecognized_keys' ? names : `a map of fields, such as ${example}`),
  });
  return described(schema, description);
}

/** What a key has, other than its name and its destination. */
const keyFields = {
  type: z.optional(choice(['credit', 'subscription'], 'Default: credit, unless there is a pool or a subscription')),
  pool: z.optional(text('The pool whose seat a subscription key uses', 'the slug of a pool, such as kimi26')),
  subscription: z.optional(text('The subscription of a subscription key', 'the ID of a subscription')),
  maxBudget: z.optional(usd('The spending limit of a credit key, in USD')),
  rpm: z.optional(count('Requests per minute of a credit key')),
  tpm: z.optional(count('Tokens per minute of a credit key')),
  protected: z.optional(flag('Whether the key is never revoked or rotated (default: false)')),
};

const to = z.optional(
  text('Where the secret of a new key goes, as `--to` takes it', 'a destination, such as github:owner/repo'),
);

const key = fieldsOf(
  {
    name: text('The name of the key, which no other key has', 'the name of a key'),
    ...keyFields,
    to,
    fingerprint: z.optional(text('For readers. `ci export` writes it, and `ci plan` ignores it', 'text')),
  },
  'An API key',
  'name: prod-api',
);

const keyTable = fieldsOf(
  {
    from: text(
      'A CSV or NDJSON file with a key in each row, relative to this file. Columns: name, type, pool, subscription, maxBudget, rpm, tpm, to',
      'the path of a CSV or NDJSON file',
    ),
    template: z.optional(fieldsOf(keyFields, 'What the rows leave empty', 'type: credit')),
    to,
  },
  'The API keys of a table',
  'from: tenants.csv',
);

const seats = fieldsOf(
  {
    pool: text('The slug of a pool', 'the slug of a pool, such as kimi26'),
    blocks: described(
      z.union(
        [
          z
            .array(choice(blockNames, 'A time block of eight hours'), 'a list of blocks, such as [europe, asia]')
            .check(z.minLength(1, 'a list of at least one block, such as [europe, asia]')),
          z.literal('all'),
        ],
        'all, or a list of blocks, such as [europe, asia]',
      ),
      'The blocks of each seat, or `all` for the whole day',
    ),
    quantity: z.optional(count('The number of seats in each block (default: 1)')),
    billingCycle: z.optional(choice(billingCycles, 'How often the seats are billed (default: month)')),
    onSoldOut: z.optional(
      choice(soldOutActions, 'If seats are sold out: end with an error, wait, or go on without them (default: fail)'),
    ),
    protected: z.optional(flag('Whether subscriptions of these seats are never canceled (default: false)')),
  },
  'Seats of a pool',
  'pool: kimi26',
);

const entries = 'a list of entries, each after a dash (-)';

/** The schema of a file that says what an account should have. */
export const accountFile = fieldsOf(
  {
    $schema: z.optional(text('The address of this schema, for editors', 'the address of a schema')),
    version: described(z.literal(1, '1, the version that this program reads'), 'The version of the format: 1'),
    ceilings: z.optional(
      fieldsOf(
        {
          maxMonthlySpend: z.optional(
            usd('The most that all subscriptions together may cost per month, in USD. `ci apply` refuses more'),
          ),
        },
        'Limits of what `ci apply` does',
        'maxMonthlySpend: 200',
      ),
    ),
    managed: z.optional(
      fieldsOf(
        {
          prefix: text(
            'Keys whose names start with this belong to the file. `ci apply --allow-destroy` revokes those that it lacks',
            'the start of the names of keys, such as tenant-',
          ),
        },
        'What belongs to this file',
        'prefix: tenant-',
      ),
    ),
    seats: z.optional(described(z.array(seats, entries), 'The seats that the account should have')),
    keys: z.optional(
      described(
        z.union(
          [z.array(z.union([key, keyTable], 'a map of fields, such as name: prod-api'), entries), keyTable],
          `${entries}, or a table`,
        ),
        'The API keys that the account should have: a list of keys and tables, or one table',
      ),
    ),
  },
  'What an account of CheapestInference should have',
  'version: 1',
);

/** The content of such a file. */
export type AccountFile = z.infer<typeof accountFile>;
/** An entry of `keys`: one key, or a table. */
export type KeyEntry = z.infer<typeof key>;
export type KeyTableEntry = z.infer<typeof keyTable>;
