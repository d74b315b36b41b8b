import { expect, test } from 'vitest';
import { chunkEnd, columnHashesOfKeys, rangeRows, rangeTally, rowsOfKeys } from './queries.js';
import type { SideShape } from './table-shape.js';

const side: SideShape = {
  from: 'ONLY "public"."t" AS t',
  columns: ['t."a"', 't."b"', 't."v"'],
  key: [
    { expression: 't."b"', literalType: 'uuid' },
    { expression: 'CAST(t."a" AS text) COLLATE "C"', literalType: 'text' },
  ],
  recode: false,
};
const HASH = 'pg_catalog.hashtextextended(ROW(t."a", t."b", t."v")::text COLLATE "C", 0)';
const KEY = 't."b", CAST(t."a" AS text) COLLATE "C"';

test('the first chunk is open below and the last one above', () => {
  expect(rangeTally(side, {})).toEqual({
    text: `SELECT count(*), coalesce(sum(${HASH}), 0) FROM ONLY "public"."t" AS t`,
    values: [],
  });
  expect(rangeTally(side, { through: ['u', 'x'] })).toMatchObject({
    text: expect.stringMatching(/ WHERE ROW\(.*\) <= ROW\(\$1::uuid, \$2::text\)$/),
    values: ['u', 'x'],
  });
});

test('a chunk in the middle is bounded by row comparison on both ends', () => {
  expect(rangeRows(side, { after: ['u', 'x'], through: ['w', 'z'] })).toEqual({
    text:
      `SELECT ${HASH}, concat_ws('/', t.tableoid, t.ctid, t.xmin), ${KEY} FROM ONLY "public"."t" AS t` +
      ` WHERE ROW(${KEY}) > ROW($1::uuid, $2::text) AND ROW(${KEY}) <= ROW($3::uuid, $4::text)`,
    values: ['u', 'x', 'w', 'z'],
  });
});

test('the end of a chunk is the key of its last row', () => {
  expect(chunkEnd(side, { after: ['u', 'x'] }, 100)).toEqual({
    text:
      `SELECT ${KEY} FROM ONLY "public"."t" AS t WHERE ROW(${KEY}) > ROW($1::uuid, $2::text)` +
      ` ORDER BY ${KEY} OFFSET $3 LIMIT 1`,
    values: ['u', 'x', 99],
  });
});

test('rows are looked up by one array for each key column', () => {
  const keys = [
    ['u', 'x'],
    ['w', 'z'],
  ];
  expect(rowsOfKeys(side, keys)).toEqual({
    text:
      `SELECT ${HASH}, concat_ws('/', t.tableoid, t.ctid, t.xmin), ${KEY}` +
      ' FROM unnest($1::text[], $2::text[]) AS wanted (k0, k1) JOIN ONLY "public"."t" AS t' +
      ' ON t."b" = CAST(wanted.k0 AS uuid) AND CAST(t."a" AS text) COLLATE "C" = CAST(wanted.k1 AS text)',
    values: [
      ['u', 'w'],
      ['x', 'z'],
    ],
  });
  expect(columnHashesOfKeys(side, keys).text).toContain('SELECT ARRAY[pg_catalog.hashtextextended(ROW(t."a")::text');
});

test('databases of two encodings are compared in UTF-8', () => {
  expect(rangeTally({ ...side, recode: true }, {}).text).toContain(
    `hashtextextended(pg_catalog.encode(pg_catalog.convert_to(ROW(t."a", t."b", t."v")::text, 'UTF8'), 'base64') COLLATE "C", 0)`,
  );
});
