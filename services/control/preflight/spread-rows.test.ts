import { expect, test } from 'vitest';
import { parsePipeline } from '../../../core/config/pipeline.js';
import type { TableMapping } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import type { CatalogTable } from './catalog.js';
import type { MappedPair } from './context.js';
import { reportOf } from './finding.js';
import { spreadPairs, uniqueFindings, unwrittenFindings } from './spread-rows.js';

function table(name: string, ...columns: string[]) {
  const [schema, own] = name.split('.');
  const all = columns.map((column) => ({ name: column, generated: column === 'made' ? 's' : '' }));
  return { schema, table: own, columns: all } as unknown as CatalogTable;
}

const OLD = table('public.users', 'id', 'mail', 'note', 'made');
const PROFILES = table('growth.profiles', 'id', 'mail');
const LOGINS = table('auth.logins', 'id', 'mail');

function found(entry: string): string[] {
  const pipeline = {
    path: 'pipeline.yaml',
    text: 'pipeline: p-back\nwayBackOf: ..\nsource: {url: s}\ntarget: {url: t}\n',
  };
  const text = `schema: public\ntables:\n  users: ${entry}\n`;
  const { tables } = parsePipeline({ pipeline, mappings: [{ path: 'mapping/public.yaml', text }] }, {});
  const pairs = tables.map((mapping) => {
    const source = [PROFILES, LOGINS].find((one) => displayName(one) === displayName(mapping.source))!;
    return { mapping, source, target: OLD };
  });
  return unwrittenFindings(spreadPairs(pairs), reportOf('spread-rows', 'target')).map(
    ({ level, message, remedy }) => `${level} ${message}: ${remedy}`,
  );
}

test('names the columns that a row loses when its key leads to another partition, unless the mapping keeps them', () => {
  expect(found('{from: growth.profiles}')).toEqual([
    'warn mapping/public.yaml:3:3: a row of growth.profiles whose key leads to another partition gets the defaults of note in public.users: Write `partitions: 1` there before it is armed; once it is, `ferry resync` arms it anew.',
  ]);
  expect(found('{from: growth.profiles, partitions: 1}')).toEqual([]);
  expect(found('{from: growth.profiles, rename: {mail: note}, columns: {mail: {constant: x}}}')).toEqual([]);
});

test('rows that parts are joined with are in one partition, and keep all', () => {
  expect(found('{join: [{from: growth.profiles, drop: [mail]}, {from: auth.logins, part: true}]}')).toEqual([]);
  expect(found('{join: [{from: growth.profiles}, {from: auth.logins}]}')).toHaveLength(2);
  expect(found('{join: [{from: growth.profiles, partitions: 1}, {from: auth.logins}]}')).toEqual([]);
});

test('names tables in which a unique value may pass between partitions', () => {
  const place = { file: 'mapping/a.yaml', line: 3, column: 3 };
  const pairOf = (name: string, indexes: readonly object[], more: Partial<TableMapping> = {}) => {
    const [schema, own] = name.split('.') as [string, string];
    const uniqueIndexes = [{ primary: true, columns: ['id'] }, ...indexes];
    const mapping = { source: { schema: 'public', table: own }, target: { schema, table: own }, place, ...more };
    return { mapping, source: mapping.source, target: { ...mapping.target, uniqueIndexes } } as unknown as MappedPair;
  };
  const unique = (...pairs: readonly MappedPair[]) =>
    uniqueFindings(spreadPairs(pairs), reportOf('spread-rows', 'target')).map(({ message }) => message);
  const place2 = { primary: false, name: 'places', columns: ['list', 'place'] };
  expect(unique(pairOf('a.users', []), pairOf('a.wide', [{ primary: false, columns: ['place', 'id'] }]))).toEqual([]);
  expect(unique(pairOf('a.items', [place2], { partitions: 1 }))).toEqual([]);
  const byText = { primary: false, name: 'lower_mail', columns: [] };
  expect(unique(pairOf('a.items', [place2]), pairOf('a.users', [byText]))).toEqual([
    'unique beside the key: a.items (list, place), a.users (lower_mail); when such a value passes from a row to another one, their partitions wait for each other',
  ]);
});
