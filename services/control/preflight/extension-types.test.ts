import { expect, test } from 'vitest';
import { catalogType } from '../../../test/support/catalog-type.js';
import type { CatalogType } from './catalog.js';
import { findingOf, missingExtensions } from './extension-types.js';
import { reportOf } from './finding.js';

const types = (...all: readonly CatalogType[]) => new Map(all.map((type) => [type.oid, type]));

const SOURCE = types(
  catalogType(25, 'text'),
  catalogType(100, 'vector', { extension: 'vector' }),
  catalogType(101, '_vector', { extension: 'vector', element: 100 }),
  catalogType(102, 'embedding', { kind: 'd', base: 100 }),
  catalogType(103, 'citext', { extension: 'citext' }),
);

test('each extension is named with all columns that need it, through arrays and domains too', () => {
  const columns = new Map([
    ['public.a.id', 25],
    ['public.a.one', 100],
    ['public.b.many', 101],
    ['public.b.own', 102],
    ['public.b.mail', 103],
  ]);
  expect([...missingExtensions(columns, SOURCE, types(catalogType(7, 'text')))]).toEqual([
    ['vector', ['public.a.one', 'public.b.many', 'public.b.own']],
    ['citext', ['public.b.mail']],
  ]);
  const target = types(catalogType(8, 'vector', { extension: 'vector', schema: 'extensions' }));
  expect([...missingExtensions(columns, SOURCE, target).keys()]).toEqual(['citext']);
});

const report = reportOf('extension-types', 'target');
const vector = { extension: 'vector', columns: ['public.a.one', 'public.b.many'], isAvailable: true, mayCome: false };

test('one that the server could create: the statement is the remedy', () => {
  expect(findingOf(vector, report)).toMatchObject({
    level: 'error',
    object: 'vector',
    message: 'the target lacks the extension vector, which public.a.one, public.b.many need',
    remedy: 'CREATE EXTENSION "vector"',
  });
});

test('one that a migration of the target may still create is no obstacle', () => {
  expect(findingOf({ ...vector, mayCome: true }, report)).toMatchObject({
    level: 'warn',
    message: expect.stringContaining('migrations of target/ have not been run'),
  });
});

test('one that the server does not have at all is an error whatever is still to be run', () => {
  expect(findingOf({ ...vector, columns: ['public.a.one'], isAvailable: false, mayCome: true }, report)).toMatchObject({
    level: 'error',
    message: "the target's server does not have the extension vector, which public.a.one needs",
    remedy: expect.stringMatching(/^Install it on that server \(pgvector; .*then CREATE EXTENSION "vector"$/),
  });
});
