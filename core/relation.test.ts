import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyText } from '../test/support/texts.js';
import { displayName, formatQualifiedName, keyIndexes, parseQualifiedName } from './relation.js';

describe('parseQualifiedName', () => {
  test.each([
    ['public.users', 'public', 'users'],
    ['Public.Users', 'Public', 'Users'],
    ['"my.schema"."my.table"', 'my.schema', 'my.table'],
    ['"my.schema".users', 'my.schema', 'users'],
    ['public."a""b"', 'public', 'a"b'],
    ['public."über tables"', 'public', 'über tables'],
  ])('reads %s', (text, schema, table) => {
    expect(parseQualifiedName(text)).toEqual({ schema, table });
  });

  test.each(['', 'users', '.users', 'public.', 'a.b.c', '"a.b', 'a."b', 'public.""', 'a"b.c', 'public.users.'])(
    'refuses %j',
    (text) => {
      expect(parseQualifiedName(text)).toBeUndefined();
    },
  );

  test('reads what formatQualifiedName wrote, whatever the names are', () => {
    const name = fc.oneof(
      fc.string({ minLength: 1, unit: fc.constantFrom('a', '.', '"', ' ') }),
      anyText.filter((text) => text !== ''),
    );
    fc.assert(
      fc.property(name, name, (schema, table) => {
        expect(parseQualifiedName(formatQualifiedName({ schema, table }))).toEqual({ schema, table });
      }),
    );
  });
});

test('formatQualifiedName quotes only where it must', () => {
  expect(formatQualifiedName({ schema: 'public', table: 'users' })).toBe('public.users');
  expect(formatQualifiedName({ schema: 'a.b', table: 'c"d' })).toBe('"a.b"."c""d"');
  expect(displayName({ schema: 'public', table: 'users' })).toBe('public.users');
});

test('keyIndexes are in column order', () => {
  const column = (name: string, key: boolean) => ({ name, type: 25, typmod: -1, key });
  expect(keyIndexes({ columns: [column('a', false), column('b', true), column('c', true)] })).toEqual([1, 2]);
  expect(keyIndexes({ columns: [] })).toEqual([]);
});
