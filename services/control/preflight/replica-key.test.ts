import { expect, test } from 'vitest';
import { uniqueIndex } from '../../../test/support/unique-index.js';
import type { CatalogIndex, CatalogTable } from './catalog.js';
import { replicaKey } from './replica-key.js';

const primary = uniqueIndex({ name: 'pk', primary: true });

const key = (identity: CatalogTable['identity'], uniqueIndexes: readonly CatalogIndex[]) =>
  replicaKey({
    schema: 'public',
    table: 't',
    identity,
    uniqueIndexes,
    columns: [
      { name: 'email', notNull: true, generated: '' },
      { name: 'upper', notNull: true, generated: 's' },
    ],
  } as unknown as CatalogTable);

test('the primary key comes first, then the replica identity index', () => {
  const other = uniqueIndex({ columns: ['email'], replicaIdentity: true });
  expect(key('d', [primary])).toEqual({ columns: ['id'] });
  expect(key('f', [primary])).toEqual({ columns: ['id'] });
  expect(key('i', [other])).toEqual({ columns: ['email'] });
  expect(key('i', [primary, uniqueIndex({ columns: ['email', 'id'], replicaIdentity: true })])).toEqual({
    columns: ['id'],
  });
  expect(key('i', [primary, other])).toEqual({ columns: ['email'] });
  const wider = uniqueIndex({ columns: ['email', 'id'], replicaIdentity: true });
  expect(key('i', [{ ...primary, immediate: false }, wider])).toEqual({ columns: ['email', 'id'] });
});

test('with the whole row in the WAL, a table needs no key', () => {
  expect(key('f', [])).toEqual({ columns: [] });
  expect(key('f', [{ ...primary, immediate: false }])).toEqual({ columns: [] });
  expect(key('f', [uniqueIndex({ primary: true, columns: ['upper'] })])).toEqual({ columns: [] });
});

test.each([
  ['n', [primary], 'NOTHING', 'REPLICA IDENTITY DEFAULT'],
  ['d', [], 'no key', 'ADD PRIMARY KEY'],
  ['d', [uniqueIndex({ columns: ['email'] })], 'no key', 'REPLICA IDENTITY USING INDEX "k"'],
  ['d', [{ ...primary, immediate: false }], 'deferrable', 'NOT DEFERRABLE'],
  ['i', [primary], 'dropped', 'REPLICA IDENTITY DEFAULT'],
  ['d', [{ ...primary, columns: ['upper'] }], 'the generated column upper', 'REPLICA IDENTITY FULL'],
  [
    'i',
    [uniqueIndex({ columns: ['upper'], replicaIdentity: true })],
    'the generated column upper',
    'REPLICA IDENTITY FULL',
  ],
] as const)('identity %s with %j cannot be moved', (identity, indexes, reason, remedy) => {
  expect(key(identity, indexes)).toEqual({
    obstacle: { reason: expect.stringContaining(reason), remedy: expect.stringContaining(remedy) },
  });
});
