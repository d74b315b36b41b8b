import { expect, test } from 'vitest';
import { parsePipeline } from '../../../core/config/pipeline.js';
import { displayName } from '../../../core/relation.js';
import type { CatalogTable } from './catalog.js';
import { filledColumns } from './column-fit.js';
import { reportOf } from './finding.js';
import { joinFindings } from './join-fit.js';

const report = reportOf('join-fit', 'target');

function table(name: string, columns: readonly string[], key: readonly string[], identity: 'd' | 'f' = 'd') {
  const [schema, own] = name.split('.');
  return {
    schema,
    table: own,
    identity,
    columns: columns.map((column) => ({ name: column, generated: '' })),
    uniqueIndexes: key.length > 0 ? [{ name: 'key', columns: key, primary: true, immediate: true, plain: true }] : [],
  } as unknown as CatalogTable;
}

const USERS = table('public.users', ['id', 'name', 'mail', 'theme'], ['id']);

function pairsOf(entries: string, sources: readonly CatalogTable[]) {
  const pipeline = {
    path: 'pipeline.yaml',
    text: 'pipeline: p-back\nwayBackOf: ..\nsource: {url: s}\ntarget: {url: t}\n',
  };
  const text = `schema: public\ntables:\n  users:\n    join:\n${entries}`;
  const { tables } = parsePipeline({ pipeline, mappings: [{ path: 'mapping/public.yaml', text }] }, {});
  return tables.map((mapping) => ({
    mapping,
    source: sources.find((one) => displayName(one) === displayName(mapping.source))!,
    target: USERS,
  }));
}

const PROFILES = table('growth.profiles', ['id', 'name'], ['id']);
const LOGINS = table('auth.logins', ['user_id', 'mail'], ['user_id']);
const ENTRIES = '    - {from: growth.profiles}\n    - {from: auth.logins, part: true, rename: {user_id: id}}\n';
const messages = (entries: string, sources: readonly CatalogTable[], partitions = 1) =>
  joinFindings(pairsOf(entries, sources), report, partitions).map(({ level, message }) => `${level} ${message}`);

test('rows and parts with one key and columns of their own are right', () => {
  expect(messages(ENTRIES, [PROFILES, LOGINS])).toEqual([]);
});

test('a column that two of a row’s tables write is named', () => {
  const twice = table('auth.logins', ['user_id', 'mail', 'name'], ['user_id']);
  expect(messages(ENTRIES, [PROFILES, twice])).toEqual([
    'error mapping/public.yaml:6:7: auth.logins and growth.profiles both write name of public.users',
  ]);
  const left = ENTRIES.replace('part: true', 'part: true, drop: [name]');
  expect(messages(left, [PROFILES, twice])).toEqual([]);
  const rows = ENTRIES.replace(', part: true', '');
  expect(messages(rows, [PROFILES, twice])).toEqual([]);
});

test('rows are found by one key', () => {
  const other = table('auth.logins', ['user_id', 'mail'], ['mail']);
  expect(messages(ENTRIES, [PROFILES, other])).toEqual([
    expect.stringMatching(
      /^error .*:5:7: growth.profiles finds rows of public.users by \(id\), and auth.logins by \(mail\)$/,
    ),
    expect.stringMatching(/^error .*:6:7: auth.logins finds rows of public.users by \(mail\), and growth.profiles by/),
  ]);
  const none = table('auth.logins', ['user_id', 'mail'], [], 'f');
  expect(messages(ENTRIES, [PROFILES, none])).toEqual([
    expect.stringMatching(/^error .*:6:7: auth.logins has no key by which the rows of public.users .* are found$/),
  ]);
});

test('of several partitions, rows that are joined come in one', () => {
  const profiles = table('growth.profiles', ['id', 'site', 'name'], ['id', 'site']);
  const logins = table('auth.logins', ['user_id', 'site', 'mail'], ['site', 'user_id']);
  const rows = ENTRIES.replace(', part: true', '');
  expect(messages(rows, [profiles, logins])).toEqual([]);
  expect(messages(ENTRIES, [profiles, logins], 2)).toEqual([]);
  expect(messages(rows, [profiles, logins], 2)).toEqual([
    expect.stringMatching(
      /:5:7: rows of growth.profiles come in the partition of \(id, site\), .* auth.logins, .* \(site, id\)$/,
    ),
    expect.stringMatching(
      /:6:7: rows of auth.logins come in the partition of \(site, id\), and those of growth.profiles/,
    ),
  ]);
  const alike = table('auth.logins', ['user_id', 'site', 'mail'], ['user_id', 'site']);
  expect(messages(rows, [profiles, alike], 2)).toEqual([]);
  // All columns of the index are in every change.
  const wide = {
    name: 'wide',
    columns: ['user_id', 'site', 'mail'],
    immediate: true,
    plain: true,
    replicaIdentity: true,
  };
  const indexed = { ...alike, identity: 'i', uniqueIndexes: [...alike.uniqueIndexes, wide] } as unknown as CatalogTable;
  expect(messages(rows, [profiles, indexed], 2)).toHaveLength(2);
});

test('parts fill columns of the rows that they are of, and bring none themselves', () => {
  const [rows, part] = pairsOf(ENTRIES, [PROFILES, LOGINS]);
  expect(filledColumns(rows!, [rows!, part!])).toEqual(new Set(['id', 'name', 'mail']));
  expect(filledColumns(part!, [rows!, part!])).toBeUndefined();
  const [one, other] = pairsOf(ENTRIES.replace(', part: true', ''), [PROFILES, LOGINS]);
  expect(filledColumns(one!, [one!, other!])).toEqual(new Set(['id', 'name']));
});
