import fc from 'fast-check';

/** Texts that have broken writers of JSON, COPY and SQL before. */
export const HOSTILE_TEXTS = [
  '',
  '"',
  "'",
  '\\',
  '\\"',
  '\\N',
  '\\.',
  '\u0001',
  '\u001f',
  '\b\f\n\r\t\v',
  '\u007f',
  '\u2028',
  '\u2029',
  '\ufeffa byte order mark',
  '👩‍👩‍👧‍👦 🚢',
  '\u{10ffff}',
  'e\u0301 combining',
  '\\u0041',
  '{"rel":1,"ix":0,"op":"c"}',
  'null',
  'false',
  'NULL',
  '{a,b}',
  '$1',
] as const;

const codePoint = fc
  .integer({ min: 1, max: 0x10ffff })
  .filter((point) => point < 0xd800 || point > 0xdfff)
  .map((point) => String.fromCodePoint(point));

/**
 * Any text that PostgreSQL can hold: all code points but zero, hostile ones often. fast-check's own unit `binary` takes
 * a second to make.
 */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string(),
  fc.constantFrom(...HOSTILE_TEXTS),
  fc.string({ unit: fc.oneof(codePoint, fc.constantFrom(...HOSTILE_TEXTS), fc.constantFrom('a', '\t', '\n', '\\')) }),
);
