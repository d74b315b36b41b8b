import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyText } from '../test/support/texts.js';
import { copyField, copyLine, parseCopyField } from './copy-text.js';

const anyValue = fc.oneof({ weight: 5, arbitrary: anyText }, { weight: 1, arbitrary: fc.constant(null) });

describe('a COPY field', () => {
  // https://www.postgresql.org/docs/current/sql-copy.html, File Formats, Text Format
  test.each([
    ['null', null, '\\N'],
    ['the empty string, which is not null', '', ''],
    ['a backslash', '\\', '\\\\'],
    ['what would read as null', '\\N', '\\\\N'],
    ['what would end the data', '\\.', '\\\\.'],
    ['backspace', '\b', '\\b'],
    ['form feed', '\f', '\\f'],
    ['newline', '\n', '\\n'],
    ['carriage return', '\r', '\\r'],
    ['tab', '\t', '\\t'],
    ['vertical tab', '\v', '\\v'],
    ['other control characters as they are', '\u0001\u001f\u007f', '\u0001\u001f\u007f'],
    ['the letters of the escapes as they are', 'bfnrtvNx0', 'bfnrtvNx0'],
  ])('writes and reads %s', (_, value, field) => {
    expect(copyField(value)).toBe(field);
    expect(parseCopyField(field)).toBe(value);
  });

  test('reads a backslash before any other character as that character', () => {
    expect(parseCopyField('\\a\\"\\.')).toBe('a".');
  });

  test('carries any value', () => {
    fc.assert(fc.property(anyValue, (value) => parseCopyField(copyField(value)) === value));
  });
});

test('a COPY line can be cut at tabs and line feeds, whatever its values are', () => {
  fc.assert(
    fc.property(fc.array(fc.array(anyValue, { minLength: 2, maxLength: 2 })), (rows) => {
      const text = rows.map(copyLine).join('');
      const read = text
        .split('\n')
        .slice(0, -1)
        .map((line) => line.split('\t').map(parseCopyField));
      expect(read).toEqual(rows);
      // A carriage return would change what COPY takes for the end of a line.
      expect(text).not.toContain('\r');
    }),
  );
});
