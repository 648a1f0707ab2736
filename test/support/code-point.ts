import fc from 'fast-check';

/** Any Unicode character. The unit "binary" of fast-check makes a table of all of them, which takes a second. */
export const codePoint = fc
  .oneof(fc.integer({ min: 0, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }))
  .map((code) => String.fromCodePoint(code));
