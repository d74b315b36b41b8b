import { expect, test } from 'vitest';
import type { CatalogType } from './catalog.js';
import { findingOf, missingExtensions } from './extension-types.js';
import { reportOf } from './finding.js';

const type = (oid: number, name: string, more: Partial<CatalogType> = {}): [number, CatalogType] => [
  oid,
  {
    oid,
    schema: 'public',
    name,
    kind: 'b',
    element: 0,
    base: 0,
    baseTypmod: -1,
    labels: [],
    isRowType: false,
    attributes: [],
    subtype: 0,
    extension: null,
    ...more,
  },
];

const SOURCE = new Map([
  type(25, 'text'),
  type(100, 'vector', { extension: 'vector' }),
  type(101, '_vector', { extension: 'vector', element: 100 }),
  type(102, 'embedding', { kind: 'd', base: 100 }),
  type(103, 'citext', { extension: 'citext' }),
]);

test('each extension is named with all columns that need it, through arrays and domains too', () => {
  const columns = new Map([
    ['public.a.id', 25],
    ['public.a.one', 100],
    ['public.b.many', 101],
    ['public.b.own', 102],
    ['public.b.mail', 103],
  ]);
  expect([...missingExtensions(columns, SOURCE, new Map([type(7, 'text')]))]).toEqual([
    ['vector', ['public.a.one', 'public.b.many', 'public.b.own']],
    ['citext', ['public.b.mail']],
  ]);
  const target = new Map([type(8, 'vector', { extension: 'vector', schema: 'extensions' })]);
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
