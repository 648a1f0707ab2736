import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isConsumptionKey,
  isManagementKey,
  isSandboxKey,
  isWholeKey,
  masked,
  redacted,
  wholeKeysIn,
} from '../../src/domain/secrets.ts';

const alphabet = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'];
const secretPart = fc.string({ unit: fc.constantFrom(...alphabet), minLength: 16, maxLength: 48 });
const key = fc
  .tuple(fc.constantFrom('mk_', 'sk_live_', 'sk_pool_', 'sk_sandbox_', 'sk_', 'sk-'), secretPart)
  .filter(([prefix, secret]) => prefix !== 'sk_' || !/^(?:live|pool|sandbox)_/.test(secret))
  .map(([prefix, secret]) => ({ text: prefix + secret, secret }));

describe('the types of keys', () => {
  test.each(['mk_abc', 'mk_A-b_9'])('recognizes %s as a management key', (text) => {
    expect([isManagementKey(text), isConsumptionKey(text)]).toEqual([true, false]);
  });

  test.each(['sk_live_abc', 'sk_pool_abc', 'sk_abc', 'sk-abc'])('recognizes %s as an API key', (text) => {
    expect([isManagementKey(text), isConsumptionKey(text)]).toEqual([false, true]);
  });

  test.each([
    '',
    'mk_',
    'sk_',
    'gw_0123456789abcdef',
    'mk-abc',
    ' mk_abc',
    'mk_abc\n',
    'mk_a b',
    'xsk_abc',
    'MK_abc',
    'mk_ä',
  ])('%j is neither', (text) => {
    expect([isManagementKey(text), isConsumptionKey(text)]).toEqual([false, false]);
  });
});

describe('isWholeKey', () => {
  test.each([
    'sk_live_q7Xb2mVt9LwZc4Rk',
    'sk_live_0123456789ab',
    'sk_live_abcdefghijklmnopqrstuvwxyz012345',
    'sk_pool_AbCdEf-hIjKlMnOpQrStUvWxYz_12345',
    'sk_sandbox_0123456789abcdefghijklmnopqrstuv',
    'sk_0123456789abcdefghij',
    'sk-0123456789abcdefghij',
    `sk_live_${'aZ9_'.repeat(62)}`,
  ])('accepts %j', (text) => {
    expect(isWholeKey(text)).toBe(true);
  });

  test.each([
    ['nothing', undefined],
    ['null', null],
    ['an empty text', ''],
    ['the word null', 'null'],
    ['the word pending', 'pending'],
    ['the word undefined', 'undefined'],
    ['a key masked with an ellipsis', 'sk_live_…9f3a'],
    ['a long key masked with an ellipsis', 'sk_live_0123456789abcdef…9f3a'],
    ['a key masked with asterisks', 'sk_live_****9f3a'],
    ['a long key masked with asterisks', 'sk_live_********************************9f3a'],
    ['a key masked with dots', 'sk_live_0123456789abcdef...9f3a'],
    ['a key masked with bullets', 'sk_live_••••••••••••••••9f3a'],
    ['a key masked with letters', 'sk_live_xxxxxxxxxxxxxxxx9f3a'],
    ['a key masked with hyphens', 'sk_live_----------------9f3a'],
    ['a key masked with underscores', 'sk_live_________________9f3a'],
    ['the end of a key', 'sk_live_9f3a'],
    ['the end of a key of the sandbox', 'sk_sandbox_9f3a12345'],
    ['a prefix alone', 'sk_live_'],
    ['a documented placeholder', 'sk_live_abc123'],
    ['a key and a line break', 'sk_live_abcdefghijklmnopqrstuvwxyz012345\n'],
    ['a key after a line break', '\nsk_live_abcdefghijklmnopqrstuvwxyz012345'],
    ['a key with a space in it', 'sk_live_abcdefghijkl mnopqrstuvwxyz012345'],
    ['a key in quotation marks', '"sk_live_abcdefghijklmnopqrstuvwxyz012345"'],
    ['two keys', 'sk_live_abcdefghijklmnop,sk_live_abcdefghijklmnop'],
    ['a management key', 'mk_abcdefghijklmnopqrstuvwxyz012345'],
    ['a key of another kind', 'pk_live_abcdefghijklmnopqrstuvwxyz012345'],
    ['a key in capitals', 'SK_LIVE_ABCDEFGHIJKLMNOPQRSTUVWXYZ012345'],
    ['10 KB', `sk_live_${'a'.repeat(10_000)}`],
    ['a letter that looks like another', 'sk_live_аbcdefghijklmnopqrstuvwxyz012345'],
  ])('refuses %s', (_what, text) => {
    expect(isWholeKey(text)).toBe(false);
  });

  test('refuses every masked key', () => {
    fc.assert(fc.property(key, ({ text }) => void expect(isWholeKey(masked(text))).toBe(false)));
  });
});

test('wholeKeysIn finds each complete key once', () => {
  const [one, other] = ['sk_live_abcdefghijklmnopqrstuvwxyz012345', 'sk_pool_abcdefghijklmnopqrstuvwxyz012345'];
  const answer = JSON.stringify([one, other, one, 'sk_live_…9f3a', 'sk_live_', 'sk_live_****9f3a', 'task_list']);
  expect(wholeKeysIn(answer)).toEqual([one, other]);
});

describe('masked', () => {
  test.each([
    ['sk_live_abc123def456', 'sk_live_…f456'],
    ['sk_pool_abc123def456', 'sk_pool_…f456'],
    ['sk_sandbox_abc123def456', 'sk_sandbox_…f456'],
    ['sk_abc123def456', 'sk_…f456'],
    ['sk-abc123def456', 'sk-…f456'],
    ['mk_abc123def456', 'mk_…f456'],
    ['gw_abc123def456', 'gw_…f456'],
    ['mk_abc123def45', 'mk_…'],
    ['sk_live_short', 'sk_live_…'],
    ['something else', '…else'],
    ['password', '…'],
    ['', '…'],
  ])('shows %j as %j', (secret, shown) => {
    expect(masked(secret)).toBe(shown);
  });

  test('shows at most the prefix and the last four characters', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          key.map(({ text }) => text),
        ),
        (secret) => {
          const [, prefix = '', shown] =
            /^(mk_|sk_live_|sk_pool_|sk_sandbox_|sk_|sk-|gw_|rk_live_|rk_test_|whsec_)?…(.{0,4})$/s.exec(
              masked(secret),
            ) ?? [];
          expect(shown).toBeDefined();
          expect(secret.startsWith(prefix)).toBe(true);
          expect(secret.endsWith(shown ?? '?')).toBe(true);
        },
      ),
    );
  });
});

describe('redacted', () => {
  test.each([
    ['the token gw_0123456789abcdefghij of the gateway', 'the token gw_…ghij of the gateway'],
    ['{"a":"gw_0123456789-_abcdef"}', '{"a":"gw_…cdef"}'],
    ['http://127.0.0.1:8788/?k=gw_0123456789abcdef', 'http://127.0.0.1:8788/?k=gw_…cdef'],
    ['Authorization: Bearer mk_abc123def456', 'Authorization: Bearer …'],
    ['authorization: Basic dXNlcjpwYXNzd29yZA==', 'authorization: Basic …'],
    ['Authorization: opaque-token-1', 'Authorization: …'],
    ["{ authorization: 'Bearer opaque', host: 'a' }", "{ authorization: 'Bearer …', host: 'a' }"],
    ['{"Authorization":"Bearer opaque.token/1+2="}', '{"Authorization":"Bearer …"}'],
    ['"{\\"authorization\\":\\"Bearer opaque\\"}"', '"{\\"authorization\\":\\"Bearer …\\"}"'],
    ['proxy-authorization=Basic abc', 'proxy-authorization=Basic …'],
    ['https://host/v1?api_key=sk_live_abc123def456&x=1', 'https://host/v1?api_key=sk_live_…f456&x=1'],
    ['https://host/?q=key%3Dsk_live_abc123def456', 'https://host/?q=key%3Dsk_live_…f456'],
    ['token%3Ask-abc123def456', 'token%3Ask-…f456'],
    ['{"apiKey":"sk_pool_abc123def456"}', '{"apiKey":"sk_pool_…f456"}'],
    ['"line\\nsk-abc123def456"', '"line\\nsk-…f456"'],
    ['"x\\u003ask-abc123def456"', '"x\\u003ask-…f456"'],
    ['mk_abc123def456,sk_live_abc123def456', 'mk_…f456,sk_live_…f456'],
    ['cut short: sk_live_abc123def456…', 'cut short: sk_live_…f456…'],
    ['keymk_abc123def456', 'keymk_…f456'],
    ['Bearersk-abcdefghij1234567890', 'Bearersk-…7890'],
    ['mk_abcd', 'mk_…'],
    ['X-Api-Key: opaque12345678', 'X-Api-Key: …'],
    ["{ 'x-api-key': 'opaque12345678', a: 'b' }", "{ 'x-api-key': '…', a: 'b' }"],
    ["[ 'host', 'a', 'authorization', 'Bearer opaque' ]", "[ 'host', 'a', 'authorization', 'Bearer …' ]"],
    ['> Authorization: Custom opaque12345678', '> Authorization: …'],
    ['Cookie: session=opaque; theme=dark\nHost: a', 'Cookie: …\nHost: a'],
    ['seti_1Mm2Nn_secret_abc123DEF456 next', 'seti_…_secret_… next'],
    ['"client_secret":"pi_3Mm2Nn_secret_abc123DEF456"', '"client_secret":"…"'],
    ['https://c.test/#cs_live_a1b2_secret_abc%2Fdef', 'https://c.test/#cs_live_…_secret_…'],
    ['src_1Mm_client_secret_abc123', 'src_…_secret_…'],
    ['rk_live_abc123def456 whsec_abc123+/def456=', 'rk_live_…f456 whsec_…456='],
    ['sk_test_abc123def456', 'sk_…f456'],
    ['https://ada:lovelace@proxy.test:3128/x?y', 'https://…@proxy.test:3128/x?y'],
    ['http://ada:love@lace@proxy.test', 'http://…@proxy.test'],
    ['https://opaque12345678@host/', 'https://…@host/'],
    ['socks5://ada:lovelace@proxy.test', 'socks5://…@proxy.test'],
    ['to postgres://ada:lovelace@db.test/state failed', 'to postgres://ada:…@db.test/state failed'],
    ['URL=postgresql://ada:love/l#a?c@e@db.test/state', 'URL=postgresql://ada:…@db.test/state'],
    ['{"url":"postgres:\\/\\/ada:lovelace@db.test"}', '{"url":"postgres:\\/\\/ada:…@db.test"}'],
    ['to=postgres%3A%2F%2Fada%3Alovelace%40db.test', 'to=postgres%3A%2F%2Fada%3A…%40db.test'],
    ['postgres://ada:sk_live_abc123def456@db.test', 'postgres://ada:…@db.test'],
    ['to=https%3A%2F%2Fada%3Alovelace%40host%2F', 'to=https%3A%2F%2F…%40host%2F'],
    ['"https:\\/\\/ada:lovelace@host"', '"https:\\/\\/…@host"'],
    ['DB_PASSWORD=correct horse battery\nDEBUG=1', 'DB_PASSWORD=…\nDEBUG=1'],
    ['export API_TOKEN="a \\"b\\" c" # mine\nA=1', 'export API_TOKEN="…" # mine\nA=1'],
    ["SECRET='a\nb'\nA=1", "SECRET='…'\nA=1"],
    ['run with API_KEY=opaque12345678 set', 'run with API_KEY=… set'],
    ['KEY=opaque12345678', 'KEY=…'],
    ['2FA_SECRET=opaque', '2FA_SECRET=…'],
    ['--password=hunter2 --name=x', '--password=… --name=x'],
    ['{"a":"PASSWORD=it is\\nDEBUG=1"}', '{"a":"PASSWORD=…"}'],
    ['{"a":"A=1\\nPASSWORD=it is\\n"}', '{"a":"A=1\\nPASSWORD=…"}'],
    ['{"a":"A=1\\nTOKEN=\\"it is\\"\\nB=1"}', '{"a":"A=1\\nTOKEN=\\"…\\"\\nB=1"}'],
    ['API_KEY: opaque', 'API_KEY: …'],
    ['{"apiKey":"opaque","client_secret": "a\\"b","id":"7"}', '{"apiKey":"…","client_secret": "…","id":"7"}'],
    ["{ apiKey: 'opaque', token: 'opaque', id: 7 }", "{ apiKey: '…', token: '…', id: 7 }"],
    ['"{\\"password\\":\\"a\\\\\\"b\\",\\"id\\":7}"', '"{\\"password\\":\\"…\\",\\"id\\":7}"'],
    ['{"access_token":"cut off', '{"access_token":"…'],
    ['%7B%22apiKey%22%3A%22opaque%22%2C%22id%22%3A7%7D', '%7B%22apiKey%22%3A%22…%22%2C%22id%22%3A7%7D'],
    ['a%3D1%26api_key%3Dopaque%26b%3D2', 'a%3D1%26api_key%3D…%26b%3D2'],
    ['\\u0022apiKey\\u0022:\\u0022opaque\\u0022', '\\u0022apiKey\\u0022:\\u0022…\\u0022'],
    ['https://host/?a=1&access_token=opaque&b=2#c', 'https://host/?a=1&access_token=…&b=2#c'],
    ['{"managementKey":"mk_abc123def456","keyPlan":"pro"}', '{"managementKey":"mk_…f456","keyPlan":"pro"}'],
    ['TOKEN=" PASSWORD="opaque"', 'TOKEN="…"…"'],
    ['"ACCESS_TOKEN": "262144"', '"ACCESS_TOKEN": "…"'],
    ['"MY_TOKENS": "a262144"', '"MY_TOKENS": "…"'],
    ['"apiKey": "OPAQUE_12345678"', '"apiKey": "…"'],
  ])('writes %j as %j', (text, shown) => {
    expect(redacted(text)).toBe(shown);
  });

  test.each([
    'the task_list of disk-usage_2026 at risk_level',
    'ask-anything and desk_top',
    'sk_live_…f456 and mk_… are masked already',
    'mk_ and sk- alone',
    'gw_…f456, gw_ alone and gw_short',
    "fgw_0123456789abcdef isn't one, and neither is the gw_line",
    'Europe 08:00–16:00 UTC',
    'ci api POST /api/keys -f key=value -F count=3',
    'write KEY=VALUE, not KEY=',
    'key=value pairs',
    'Unrecognized key: "theme"',
    'there is no key "prod"; 2 keys are named "dev"',
    'no password: none was given',
    '--with-key reads the key from standard input, --secret-only prints it',
    'set CHEAPESTINFERENCE_MANAGEMENT_KEY, or CHEAPESTINFERENCE_API_KEY (sk_…)',
    'curl -H "Authorization: Bearer $CHEAPESTINFERENCE_API_KEY" https://api.test/v1/models',
    'curl -H "Authorization: Bearer $(ci auth token)" https://api.test/api/keys',
    'export CHEAPESTINFERENCE_API_KEY="$(ci keys create pipeline --secret-only)"',
    '{"id":"k1","name":"prod","keyPlan":"pro","keyType":"credit","isActive":true,"max_tokens":100,"key":null}',
    'https://checkout.stripe.com/c/pay/cs_test_a1b2c3d4e5f6#fidkdWxOYHwnPyd1blpxYHZxWjA0',
    'https://api.test:8443/@scope/me@example.com?to=me@example.com',
    'ssh://git@host/repository and ada@example.com',
    'postgres://ada:…@db.test/state, postgres://ada@db.test/state and postgres://db.test:5432/state',
    'Use a URL such as postgres://USER:PASSWORD@HOST/DATABASE.',
    'work_live_stream and api_key_secret_name',
    'the monkey: "Kong"; turkey=fried',
    '"apiKey": "{env:CHEAPESTINFERENCE_API_KEY}"',
    'api_key: "os.environ/CHEAPESTINFERENCE_API_KEY"',
    '"envKey": "CHEAPESTINFERENCE_API_KEY"',
    '"apiKey": "!ci --sandbox keys secret prod"',
    '"apiKey": "!ci keys secret prod --profile default --api-url http://127.0.0.1:8787"',
    '"CLAUDE_CODE_MAX_CONTEXT_TOKENS": "262144"',
    '',
  ])('leaves %j as it is', (text) => {
    expect(redacted(text)).toBe(text);
  });

  test('is idempotent', () => {
    fc.assert(
      fc.property(fc.string(), key, fc.string(), (before, { text }, after) => {
        const once = redacted(`${before} ${text} ${after}`);
        expect(redacted(once)).toBe(once);
      }),
    );
  });

  test('redacts every key in any text', () => {
    const joints = fc.constantFrom(
      ' ',
      '"',
      "'",
      '=',
      ':',
      '/',
      '?key=',
      '%20',
      '%3D',
      '%3A',
      '%22',
      '\\n',
      '\\"',
      ',',
      '\n',
      '…',
      '.',
      '',
    );
    const noise = fc.oneof(fc.string(), fc.webUrl(), fc.json(), fc.lorem());
    fc.assert(
      fc.property(noise, joints, key, joints, noise, (before, left, { text, secret }, right, after) => {
        fc.pre(left !== '' || !/[A-Za-z]$/.test(before));
        expect(redacted(before + left + text + right + after)).not.toContain(secret);
      }),
      { numRuns: 2000 },
    );
  });

  test('redacts every key in headers, JSON, URLs and percent-encoding', () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        const texts = [
          `Authorization: Bearer ${a.text}`,
          JSON.stringify({ headers: { authorization: `Bearer ${a.text}` }, apiKey: b.text }),
          JSON.stringify(JSON.stringify({ line: `\n${a.text}\t${b.text}` })),
          `https://${a.text}:${b.text}@host/${a.text}#${b.text}`,
          encodeURIComponent(`key=${a.text}&other:${b.text}`),
          `${a.text}${b.text}`,
          `${a.text},${b.text}`,
          `${a.text}\u200b${b.text}`,
        ];
        for (const text of texts) {
          expect(redacted(text)).not.toContain(a.secret);
          expect(redacted(text)).not.toContain(b.secret);
        }
      }),
    );
  });

  describe('for any secret, place and escaping', () => {
    const random = fc.string({ unit: fc.constantFrom(...alphabet), minLength: 8, maxLength: 48 });
    // Blanks alone are no secret.
    const tells = (text: string) => !/\s{2}/.test(text);
    const chosen = fc.string({ unit: 'grapheme', minLength: 8, maxLength: 40 }).filter(tells);
    const typed = fc.string({ unit: 'grapheme-ascii', minLength: 8, maxLength: 40 }).filter(tells);
    const part = fc.string({ unit: fc.constantFrom(...'ABXYZ01_'), maxLength: 6 });
    const words = fc.constantFrom('KEY', 'TOKEN', 'SECRET', 'PASSWORD', 'PASSWD', 'CREDENTIAL');
    const variable = fc.tuple(part, words, part).map((parts) => parts.join(''));
    const member = fc.constantFrom('key', 'apiKey', 'api_key', 'client_secret', 'token', 'password', 'dbPassword');
    const stripe = fc.constantFrom('pi', 'seti', 'cs_test', 'cs_live');
    const kind = fc.constantFrom('mk_', 'gw_', 'sk_live_', 'sk_pool_', 'sk_test_', 'rk_live_', 'rk_test_', 'whsec_');

    /** A text with a secret in it, under a name, and the part of it that nobody may see. */
    const told = <Name>(
      secret: fc.Arbitrary<string>,
      name: fc.Arbitrary<Name>,
      write: (secret: string, name: Name) => string,
      encode = (text: string) => text,
    ) => fc.tuple(secret, name).map(([text, given]) => ({ text: write(encode(text), given), secret: encode(text) }));
    const inJson = (text: string) => JSON.stringify(text).slice(1, -1);

    const secrets = {
      'a key': told(secretPart, kind, (text, prefix) => `it is ${prefix}${text}, they say`),
      'a header': told(random, fc.constantFrom('Bearer ', 'Basic ', 'Custom ', ''), (text, scheme) =>
        ['GET / HTTP/1.1', `Authorization: ${scheme}${text}`, 'Host: a'].join('\r\n'),
      ),
      'a header in a sentence': told(
        random,
        fc.constantFrom('x-api-key:', 'authorization: Bearer', 'Proxy-Authorization: Basic', 'X-Auth-Token:'),
        (text, name) => `sent with ${name} ${text} to it`,
      ),
      'headers in a list': told(random, fc.constantFrom('authorization', 'x-api-key', 'cookie'), (text, name) =>
        inspect(['host', 'a', name, name === 'authorization' ? `Bearer ${text}` : text, 'accept', '*/*']),
      ),
      'a cookie': told(random, fc.constantFrom('Cookie', 'Set-Cookie'), (text, name) => `${name}: a=1; b=${text}; c=2`),
      'a client secret': told(random, stripe, (text, of) => `${of}_1Nxyz0_secret_${text} is due`),
      'credentials in an address': told(
        typed,
        fc.constantFrom('https', 'http', 'socks5'),
        (text, scheme) => `through ${scheme}://ada:${text}@proxy.test:3128/path?q for it`,
        encodeURIComponent,
      ),
      'a variable, quoted': told(
        typed,
        variable,
        (text, name) => `DEBUG=1\nexport ${name}="${text}"\nLAST=1`,
        (text) => text.replace(/[\\"]/g, '\\$&'),
      ),
      'a variable, as it is': told(
        typed.filter((text) => !/^[\s"'`]|\s$/.test(text)),
        variable,
        (text, name) => `DEBUG=1\n${name}=${text}\nLAST=1`,
      ),
      'a variable in a sentence': told(
        random,
        variable.filter((name) => name !== 'KEY'),
        (text, name) => `run as ${name}=${text} by hand`,
      ),
      'a member of JSON': told(chosen, member, (text, name) => `{"id":1,"${name}":"${text}","to":"x"}`, inJson),
      'a member of an object': told(
        chosen.filter((text) => inspect(text).slice(1, -1) === text),
        member,
        (text, name) => inspect({ id: 1, [name]: text, to: 'x' }),
      ),
      'a query': told(typed, member, (text, name) => `https://host/?a=1&${name}=${text}&b=2#c`, encodeURIComponent),
    } as const;
    const escapes = {
      'not at all': (text: string) => text,
      'for JSON': inJson,
      'for JSON in JSON': (text: string) => inJson(inJson(text)),
      'for an address': encodeURIComponent,
      'for JSON in an address': (text: string) => encodeURIComponent(inJson(text)),
    };
    const noise = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.lorem(),
      fc.json(),
      fc.webUrl(),
      fc.constantFrom('TOKEN="', "it's", '{"', '\\', 'KEY='),
    );

    describe.each(Object.entries(escapes))('%s:', (how, written) => {
      test.each(Object.entries(secrets))('redacts %s', (_what, secret) => {
        fc.assert(
          fc.property(noise, secret, noise, (before, { text, secret: hidden }, after) => {
            const whole = `${before}\n${text}\n${after}`;
            const shown = redacted(how === 'not at all' ? whole : `{"a":"${written(whole)}"}`);
            const around = written(`${before}\n${after}`);
            const seen = rowsOf(hidden)
              .map(written)
              .filter((row) => shown.includes(row) && !around.includes(row));
            expect(seen, shown).toEqual([]);
            expect(redacted(shown)).toBe(shown);
          }),
          { numRuns: 200 },
        );
      });
    });

    /** Every eight characters in a row. */
    function rowsOf(secret: string): string[] {
      const characters = [...secret];
      return characters.slice(7).map((_, at) => characters.slice(at, at + 8).join(''));
    }
  });

  test("doesn't change text without secrets", () => {
    const name = fc.constantFrom('id', 'name', 'keyPlan', 'slug', 'monthlyPrice', 'tokens', 'keyId', 'status');
    // A host such as sk-aaaa.example looks like a key.
    const hasNoKey = (address: string) => !/[a-z]{2}[-_]/i.test(address);
    const texts = fc.oneof(
      fc.lorem(),
      fc.webUrl({ withQueryParameters: true, withFragments: true }).filter(hasNoKey),
      fc.uuid(),
      fc.emailAddress().filter(hasNoKey),
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
      fc.tuple(name, fc.lorem()).map(([key, text]) => JSON.stringify({ [key]: text, count: 3 })),
      fc.tuple(name, fc.lorem({ maxCount: 1 })).map(([key, text]) => `-f ${key}=${text}`),
    );
    fc.assert(
      fc.property(fc.array(texts), fc.constantFrom(' ', '\n', '", "', ': '), (several, joint) => {
        const text = several.join(joint);
        expect(redacted(text)).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  test('is fast for a long text', () => {
    const texts = [
      'a'.repeat(200_000),
      'KEY="'.repeat(40_000),
      'a.b-'.repeat(50_000),
      'https://'.repeat(25_000),
      'postgres://a:'.repeat(15_000),
    ];
    for (const text of [...texts, `API_KEY=${'\\'.repeat(200_000)}`, `${' '.repeat(200_000)}=`]) {
      expect(redacted(text).length).toBeLessThanOrEqual(text.length);
    }
  });
});

test.each([
  ['sk_sandbox_0123456789abcdefghij', true],
  ['sk_live_0123456789abcdefghij', false],
])('tells whether %s is a key of the sandbox', (key, isSandbox) => {
  expect([isSandboxKey(key), isWholeKey(key), masked(key)]).toEqual([
    isSandbox,
    true,
    expect.stringMatching(/_…ghij$/),
  ]);
});
