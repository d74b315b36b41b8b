import { expect, test } from 'vitest';
import { uniqueIndex } from '../../../test/support/unique-index.js';
import type { CatalogTable } from '../preflight/catalog.js';
import { assignTables } from './assign-tables.js';
import { parseMap } from './parse-map.js';

function table(name: string, options: Partial<CatalogTable> = {}): CatalogTable {
  const [schema, relation] = name.split('.') as [string, string];
  return {
    oid: 1,
    schema,
    table: relation,
    kind: 'r',
    persistence: 'p',
    identity: 'd',
    estimatedRows: null,
    partitionOf: null,
    hasInheritingTables: false,
    extension: null,
    owned: true,
    rowSecurityActive: false,
    schemaUsage: true,
    privileges: [],
    columns: [],
    uniqueIndexes: [uniqueIndex({ name: 'pkey', primary: true })],
    ...options,
  };
}

const assign = (maps: readonly string[], tables: readonly CatalogTable[]) => {
  const { tables: assigned, left } = assignTables(maps.map(parseMap), tables);
  return { targets: assigned.map(({ source, target }) => `${source.table} -> ${target.schema}.${target.table}`), left };
};

test('the rule of a table wins over that of its schema, wherever it stands', () => {
  const tables = [table('public.jobs'), table('public.users')];
  for (const maps of [
    ['public=growth', 'public.users=shared.people'],
    ['public.users=shared.people', 'public=growth'],
  ]) {
    expect(assign(maps, tables).targets).toEqual(['jobs -> growth.jobs', 'users -> shared.people']);
  }
});

test('every table that does not move is listed with the reason', () => {
  const { targets, left } = assign(
    ['public=growth'],
    [
      table('auth.users'),
      table('public.cache', { persistence: 'u' }),
      table('public.events', { kind: 'p' }),
      table('public.events_1', { partitionOf: 'public.events' }),
      table('public.nokey', { uniqueIndexes: [] }),
      table('public.silent', { identity: 'n' }),
      table('public.spatial_ref_sys', { extension: 'postgis' }),
      table('public.users'),
      table('public.v', { kind: 'v' }),
    ],
  );
  expect(targets).toEqual(['users -> growth.users']);
  expect(left.map(({ table: name, reason, schema }) => [name, reason.split(/[:(,;]/)[0]?.trim(), schema])).toEqual([
    ['auth.users', 'not mapped by any --map', undefined],
    ['public.cache', 'unlogged', 'growth'],
    ['public.events', 'a partitioned table', 'growth'],
    ['public.events_1', 'a partition of public.events', 'growth'],
    ['public.nokey', 'no key', 'growth'],
    ['public.silent', 'REPLICA IDENTITY NOTHING', 'growth'],
    ['public.spatial_ref_sys', 'belongs to the extension postgis', 'growth'],
    ['public.v', 'a view', 'growth'],
  ]);
});

test('a partition that a --map names moves as a table', () => {
  const partition = table('public.events_1', { partitionOf: 'public.events' });
  expect(assign(['public.events_1=growth'], [partition]).targets).toEqual(['events_1 -> growth.events_1']);
});

test.each([
  [['publc=growth'], 'no table in a schema publc; did you mean public?'],
  [['public.usres=growth'], 'no table public.usres; did you mean public.users?'],
  [['public=growth', 'public=shared'], 'name the same source'],
  [['public=growth', 'auth=growth'], 'auth.users and public.users would both become growth.users'],
])('%j is refused', (maps, message) => {
  const tables = [table('auth.users'), table('public.users')];
  expect(() => assign(maps, tables)).toThrow(
    expect.objectContaining({ code: 'usage', message: expect.stringContaining(message) }),
  );
});
