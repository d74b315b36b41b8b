import { describe, expect, test } from 'vitest';
import { comparable, comparableKey } from './column-pair.js';
import type { Collation, ColumnCatalog } from './table-catalog.js';

const column = (type: string, category: string, more: Partial<ColumnCatalog> = {}): ColumnCatalog => ({
  oid: 23,
  name: 'c',
  type,
  plainType: type.replace(/\(.*\)/, ''),
  category,
  builtin: true,
  labels: undefined,
  generated: false,
  keyPlace: 1,
  collation: undefined,
  ...more,
});

const BARE = { source: 't."c"', target: 't."c"' };
const written = `CASE WHEN pg_catalog.num_nulls(t."c") = 0 THEN pg_catalog.format('%s', t."c") END`;

describe('comparable', () => {
  test.each([
    ['the same type', column('jsonb', 'U'), column('jsonb', 'U')],
    ['integers', column('integer', 'N'), column('bigint', 'N')],
    ['text and varchar', column('character varying(20)', 'S'), column('text', 'S')],
    [
      'enums of two schemas',
      column('public.kind', 'E', { builtin: false }),
      column('growth.kind', 'E', { builtin: false }),
    ],
    ['a target that a cast would cut', column('text', 'S'), column('bit(3)', 'V')],
    ['a target type of an extension', column('text', 'S'), column('public.citext', 'S', { builtin: false })],
  ])('leaves the column as it is: %s', (_, source, target) => {
    expect(comparable(source, target)).toEqual(BARE);
  });

  test('reads the source through a target type that spells the value otherwise', () => {
    expect(comparable(column('numeric(10,2)', 'N'), column('numeric(12,4)', 'N'))).toEqual({
      source: `CAST(${written} AS numeric(12,4))`,
      target: 't."c"',
    });
  });

  test('takes the padding of a char(n) target for no part of the value', () => {
    expect(comparable(column('text', 'S'), column('character(4)', 'S', { plainType: 'bpchar' }))).toEqual({
      source: `pg_catalog.rtrim(${written}, ' ')`,
      target: 't."c"::text',
    });
  });

  test('quotes each side by its own name', () => {
    expect(comparable(column('text', 'S', { name: 'a"b' }), column('text', 'S', { name: 'B' }))).toEqual({
      source: 't."a""b"',
      target: 't."B"',
    });
  });
});

describe('comparableKey', () => {
  const native = (type: string) => ({ ...BARE, literalType: { source: type, target: type } });
  const BYTES = {
    source: 'CAST(t."c" AS text) COLLATE "C"',
    target: 'CAST(t."c" AS text) COLLATE "C"',
    literalType: { source: 'text', target: 'text' },
  };
  const text = (provider: string, locale: string, version?: string) =>
    column('text', 'S', { collation: { provider, locale, version } satisfies Collation });

  test('keeps the order of types that need no collation', () => {
    expect(comparableKey(column('uuid', 'U'), column('uuid', 'U'))).toEqual(native('uuid'));
    expect(comparableKey(column('integer', 'N'), column('bigint', 'N'))).toEqual(native('bigint'));
  });

  test.each([
    ['the same library and version', text('c', 'en_US.UTF-8', '2.36'), text('c', 'en_US.UTF-8', '2.36')],
    ['bytes by two names', text('c', 'C'), text('c', 'POSIX')],
    ['code points by two names', text('c', 'C.UTF-8'), text('c', 'C.utf8')],
  ])('keeps the order of text: %s', (_, source, target) => {
    expect(comparableKey(source, target)).toEqual(native('text'));
  });

  test.each([
    ['another version', text('c', 'en_US.UTF-8', '2.36'), text('c', 'en_US.UTF-8', '2.31')],
    ['another provider', text('c', 'en-US', '1'), text('i', 'en-US', '1')],
    ['an unknown version', text('c', 'en_US.UTF-8'), text('c', 'en_US.UTF-8')],
    ['bytes and a language', text('c', 'C'), text('c', 'en_US.UTF-8', '2.36')],
  ])('orders text by its bytes: %s', (_, source, target) => {
    expect(comparableKey(source, target)).toEqual(BYTES);
  });

  test('keeps the order of an enum only when the labels stand in the same order', () => {
    const kind = (schema: string, labels: string) => column(`${schema}.kind`, 'E', { builtin: false, labels });
    expect(comparableKey(kind('a', '["x", "y"]'), kind('b', '["x", "y"]'))).toEqual({
      ...BARE,
      literalType: { source: 'a.kind', target: 'b.kind' },
    });
    expect(comparableKey(kind('a', '["x", "y"]'), kind('b', '["y", "x"]'))).toEqual(BYTES);
  });

  test('orders a type of an extension by its bytes', () => {
    const citext = column('public.citext', 'S', {
      builtin: false,
      collation: { provider: 'c', locale: 'C', version: '' },
    });
    expect(comparableKey(citext, citext)).toEqual(BYTES);
  });
});
