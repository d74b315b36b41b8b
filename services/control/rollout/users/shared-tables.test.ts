import { expect, test } from 'vitest';
import type { CatalogTable } from '../../preflight/catalog.js';
import { sharedTables } from './shared-tables.js';

const place = { file: 'shop.yaml', line: 1, column: 1 };

function pairOf(source: Partial<CatalogTable>, target: Partial<CatalogTable>, rename: Record<string, string> = {}) {
  const mapping = {
    source: { schema: 'public', table: 'orders' },
    target: { schema: 'shop', table: 'orders' },
    rename: new Map(Object.entries(rename)),
    place,
    columnPlaces: new Map(),
  };
  return {
    mapping,
    source: { identity: 'd', ...source } as CatalogTable,
    target: { identity: 'd', ...target } as CatalogTable,
  };
}

const withKey = (...columns: string[]): Partial<CatalogTable> => ({
  uniqueIndexes: [
    { name: 'key', columns, primary: true, replicaIdentity: false, immediate: true, plain: true, definition: null },
  ],
});
const KEYLESS: Partial<CatalogTable> = { uniqueIndexes: [] };

const found = (pair: ReturnType<typeof pairOf>) => sharedTables([pair.mapping], [pair]);

test('rows are one by the primary key, under the names and in the order of each side', () => {
  expect(found(pairOf(withKey('id', 'n'), withKey('n', 'order_id'), { id: 'order_id' }))).toEqual({
    source: [{ schema: 'public', table: 'orders', key: ['id', 'n'] }],
    target: [{ schema: 'shop', table: 'orders', key: ['n', 'order_id'] }],
    problems: [],
  });
});

test.each([
  ['no key in the old project', pairOf(KEYLESS, withKey('id'))],
  ['no key in the new one', pairOf(withKey('id'), KEYLESS)],
  ['another key', pairOf(withKey('id'), withKey('number'))],
  ['more columns in it', pairOf(withKey('id'), withKey('id', 'n'))],
])('%s is named', (_, pair) => {
  expect(found(pair)).toMatchObject({
    source: [],
    problems: ['public.orders and shop.orders have no primary key in common'],
  });
});

test('changes that are told apart by another index are named, and so is a table that a side lacks', () => {
  const other = pairOf({ ...withKey('id'), identity: 'i' }, withKey('id'));
  expect(found(other).problems).toEqual([
    'public.orders: an index takes the place of the primary key as replica identity',
  ]);
  expect(sharedTables([other.mapping], []).problems).toHaveLength(1);
});
