import { expect, test } from 'vitest';
import { catalogType } from '../../../test/support/catalog-type.js';
import type { CatalogType } from './catalog.js';
import { typeMisfit } from './type-fit.js';

/** A small catalog: built-in types with the same OID on both sides, the users' own with OIDs of their own. */
function catalog(first: number, labels: readonly string[], domainTypmod: number): Map<number, CatalogType> {
  const names = ['int2', 'int4', 'int8', 'numeric', 'text', 'varchar', 'bpchar', 'float4', 'float8', 'uuid', 'jsonb'];
  const types = [
    ...names.map((name, index) => catalogType(index + 1, name)),
    catalogType(50, '_int4', { element: 2 }),
    catalogType(51, '_int8', { element: 3 }),
    catalogType(first, 'status', { kind: 'e', labels }),
    catalogType(first + 1, 'email', { kind: 'd', base: 6, baseTypmod: domainTypmod }),
    catalogType(first + 2, 'address', { kind: 'c', attributes: [{ name: 'street', type: 5, typmod: -1 }] }),
    catalogType(first + 3, 'vector', { extension: 'vector' }),
    catalogType(first + 4, 'span', { kind: 'r', subtype: 3 }),
    catalogType(first + 5, '_status', { element: first }),
  ];
  return new Map(types.map((entry) => [entry.oid, entry]));
}

const source = catalog(100, ['new', 'done'], 24);
const target = catalog(200, ['new', 'done', 'failed'], 14);
const oidOf = (types: ReadonlyMap<number, CatalogType>, name: string) =>
  [...types.values()].find((type) => type.name === name)!.oid;

function misfit(from: string, to: string, options: { sourceTypmod?: number; targetTypmod?: number } = {}) {
  return typeMisfit(
    { type: oidOf(source, from), typmod: options.sourceTypmod ?? -1 },
    { type: oidOf(target, to), typmod: options.targetTypmod ?? -1 },
    { source, target },
  );
}

test.each([
  ['int2', 'int8'],
  ['int4', 'int8'],
  ['int8', 'numeric'],
  ['float4', 'float8'],
  ['varchar', 'text'],
  ['text', 'varchar'],
  ['_int4', '_int8'],
  ['status', 'status'],
  ['_status', '_status'],
  ['status', 'text'],
  ['email', 'text'],
  ['address', 'address'],
  ['span', 'span'],
])('%s fits %s', (from, to) => {
  expect(misfit(from, to)).toBeUndefined();
});

test.each([
  ['int8', 'int4', 'another type'],
  ['text', 'uuid', 'another type'],
  ['jsonb', 'text', 'another type'],
  ['int4', '_int4', 'another type'],
  ['_int8', '_int4', 'another type'],
  ['text', 'status', 'another type'],
  ['status', 'int4', 'not an enum'],
  ['address', 'text', 'other attributes'],
  ['email', 'email', 'narrower'],
])('%s does not fit %s: %s', (from, to, reason) => {
  expect(misfit(from, to)).toContain(reason);
});

test('an enum must have every label', () => {
  expect(typeMisfit({ type: 200, typmod: -1 }, { type: 100, typmod: -1 }, { source: target, target: source })).toBe(
    'without the label failed',
  );
});

test('modifiers count, those of extension types too', () => {
  expect(misfit('varchar', 'varchar', { sourceTypmod: 14, targetTypmod: 24 })).toBeUndefined();
  expect(misfit('varchar', 'varchar', { sourceTypmod: 24, targetTypmod: 14 })).toContain('narrower');
  expect(misfit('bpchar', 'varchar', { sourceTypmod: 14, targetTypmod: 14 })).toBeUndefined();
  expect(misfit('text', 'varchar', { targetTypmod: 14 })).toContain('narrower');
  expect(misfit('vector', 'vector', { sourceTypmod: 1536, targetTypmod: 1536 })).toBeUndefined();
  expect(misfit('vector', 'vector', { sourceTypmod: 1536, targetTypmod: 768 })).toContain('length');
});
