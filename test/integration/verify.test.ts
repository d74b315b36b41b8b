import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { parseExpression } from '../../core/mapping/expression.js';
import type { TableReport } from '../../services/control/verify/report.js';
import { describeWithPostgres } from '../support/servers.js';
import { mapping, Pair } from './verify/pair.js';

describeWithPostgres('verification of a quiet pair', () => {
  let pair: Pair;

  beforeAll(async () => {
    pair = await Pair.open();
  });
  afterAll(() => pair?.close());
  beforeEach(() => pair.reset());

  test('equal tables have equal counts and checksums, whatever the size of a chunk', async () => {
    await pair.both(
      'id int PRIMARY KEY, name text, at timestamptz, n numeric, j jsonb',
      `INSERT INTO @ SELECT i, 'name ' || i, '2024-01-01'::timestamptz + i * '1 hour'::interval, i / 7.0, '{"a": 1}'
         FROM generate_series(1, 1000) i`,
    );
    const [byOne, byHundred, whole] = await Promise.all(
      [7, 100, 20_000].map((chunkRows) => pair.verifyOne(mapping(), { chunkRows })),
    );
    expect(byHundred).toMatchObject({
      source: 'public.t',
      target: 'growth.t',
      rows: 1000,
      targetRows: 1000,
      equal: true,
    });
    expect(byHundred!.checksum.source).toBe(byHundred!.checksum.target);
    expect(byHundred!.checksum.source).toMatch(/^[0-9a-f]{16}$/);
    expect(byOne!.checksum).toEqual(whole!.checksum);
    expect(byHundred!.checksum).toEqual(whole!.checksum);
  });

  test('empty tables are equal', async () => {
    await pair.both('id int PRIMARY KEY');
    expect(await pair.verifyOne(mapping())).toMatchObject({ rows: 0, targetRows: 0, equal: true, differences: [] });
  });

  test('of a way back: old rows that the forward mapping never moved are none of it, as long as nobody moves them', async () => {
    await pair.both('id int PRIMARY KEY, kind text', "INSERT INTO @ SELECT i, 'a' FROM generate_series(1, 150) i");
    await pair.target.query(
      "INSERT INTO growth.t SELECT i, CASE WHEN i % 2 = 0 THEN 'left' END FROM generate_series(-500, 0) i",
    );
    const place = { file: 'mapping/growth.yaml', line: 3, column: 5 };
    const where = { condition: parseExpression("kind in ('a', 'b')"), place };
    const rules = { pick: undefined, drop: [], where, columns: new Map(), places: new Map() };
    const forward = [{ ...mapping({ source: 'growth.t', target: 'public.t' }), rules }];
    const equal = await pair.verifyOne(mapping(), { forward });
    expect(equal).toMatchObject({ equal: true, rows: 150, targetRows: 150, unsettled: 0 });
    expect(equal.checksum.target).toBe(equal.checksum.source);
    expect((await pair.verifyOne(mapping())).differencesTotal).toBe(501);
    // One that has come back as it now is, one that has not, one that changed there alone, and one that should be gone.
    await pair.source.query("INSERT INTO public.t VALUES (201, 'left'), (202, 'left'), (203, 'left')");
    await pair.target.query("INSERT INTO growth.t VALUES (201, 'left'), (203, 'other'), (204, 'b')");
    const report = await pair.verifyOne(mapping(), { forward });
    expect(report).toMatchObject({ equal: false, rows: 153, targetRows: 153, differencesTotal: 3 });
    expect(sorted(report)).toEqual([
      { key: ['202'], kind: 'missing' },
      { key: ['203'], kind: 'different', columns: ['kind'] },
      { key: ['204'], kind: 'extra' },
    ]);
  });

  test('altered, deleted and added rows are found and named, with the columns that differ', async () => {
    await pair.both(
      'id int PRIMARY KEY, name text, price numeric',
      `INSERT INTO @ SELECT i, 'n', i FROM generate_series(1, 1000) i WHERE i <> 500`,
    );
    await pair.target.query(`UPDATE growth.t SET name = 'm', price = 1 WHERE id = 7; UPDATE growth.t SET price = 0 WHERE id = 8;
      DELETE FROM growth.t WHERE id IN (100, 101); INSERT INTO growth.t VALUES (500, 'n', 500), (-1, 'n', 0), (5000, 'n', 0)`);
    const report = await pair.verify([mapping()]);
    expect(report.ok).toBe(false);
    expect(report.tables[0]).toMatchObject({
      rows: 999,
      targetRows: 1000,
      equal: false,
      differencesTotal: 7,
      unsettled: 0,
    });
    expect(report.tables[0]!.checksum.source).not.toBe(report.tables[0]!.checksum.target);
    expect(sorted(report.tables[0]!)).toEqual([
      { key: ['-1'], kind: 'extra' },
      { key: ['100'], kind: 'missing' },
      { key: ['101'], kind: 'missing' },
      { key: ['500'], kind: 'extra' },
      { key: ['5000'], kind: 'extra' },
      { key: ['7'], kind: 'different', columns: ['name', 'price'] },
      { key: ['8'], kind: 'different', columns: ['price'] },
    ]);
  });

  test('renamed columns are compared with each other, key columns too, and generated ones are not', async () => {
    await pair.source.query(`CREATE TABLE public.t (id int PRIMARY KEY, a text, b text, twice int GENERATED ALWAYS AS (id * 2) STORED);
      INSERT INTO public.t SELECT i, 'a' || i, 'b' || i FROM generate_series(1, 300) i`);
    await pair.target.query(`CREATE TABLE growth.t (b text, t_id int PRIMARY KEY, c text, extra text DEFAULT 'x',
      twice int GENERATED ALWAYS AS (t_id * 3) STORED);
      INSERT INTO growth.t (t_id, b, c) SELECT i, 'a' || i, 'b' || i FROM generate_series(1, 300) i`);
    const table = mapping({ rename: { id: 't_id', a: 'b', b: 'c' } });
    expect(await pair.verifyOne(table)).toMatchObject({ equal: true, rows: 300 });
    await pair.target.query(`UPDATE growth.t SET b = c WHERE t_id = 3`);
    expect((await pair.verifyOne(table)).differences).toEqual([{ key: ['3'], kind: 'different', columns: ['a'] }]);
  });

  test('a composite key is walked in index order and named in it', async () => {
    await pair.both(
      'a int, b uuid, c date, v int, PRIMARY KEY (c, a, b)',
      `INSERT INTO @ SELECT i % 5, md5(i::text)::uuid, '2024-01-01'::date + i % 3, i FROM generate_series(1, 1000) i`,
    );
    expect(await pair.verifyOne(mapping(), { chunkRows: 13 })).toMatchObject({ equal: true, rows: 1000 });
    await pair.target.query('DELETE FROM growth.t WHERE v = 777');
    const { rows } = await pair.source.query('SELECT c, a, b FROM public.t WHERE v = 777');
    expect((await pair.verifyOne(mapping())).differences).toEqual([
      { key: [rows[0].c, rows[0].a, rows[0].b], kind: 'missing' },
    ]);
  });

  test('text keys: equal collations, different ones, and keys that need quoting', async () => {
    const fill = `INSERT INTO @ SELECT chr(65 + i % 26) || CASE i % 4 WHEN 0 THEN '-' WHEN 1 THEN 'é' WHEN 2 THEN '"\\,' ELSE '' END || i, i
      FROM generate_series(1, 1000) i`;
    await pair.both('k text PRIMARY KEY, v int', fill);
    expect(await pair.verifyOne(mapping())).toMatchObject({ equal: true, rows: 1000, targetRows: 1000 });
    await pair.target.query(`ALTER TABLE growth.t ALTER k TYPE varchar(60) COLLATE "und-x-icu"`);
    expect(await pair.verifyOne(mapping())).toMatchObject({ equal: true, rows: 1000, targetRows: 1000 });
    await pair.target.query(`UPDATE growth.t SET v = 0 WHERE v IN (100, 202)`);
    expect(sorted(await pair.verifyOne(mapping()))).toEqual([
      { key: ['U"\\,202'], kind: 'different', columns: ['v'] },
      { key: ['W-100'], kind: 'different', columns: ['v'] },
    ]);
  });

  test('keys of an enum whose labels stand in another order, and of a char(n)', async () => {
    await pair.source.query(`CREATE TYPE public.kind AS ENUM ('a', 'b', 'c');
      CREATE TABLE public.t (k public.kind, c char(4), v int, PRIMARY KEY (k, c));
      INSERT INTO public.t SELECT (ARRAY['a','b','c'])[1 + i % 3]::public.kind, 'x' || i, i FROM generate_series(1, 600) i`);
    await pair.target.query(`CREATE TYPE growth.kind AS ENUM ('c', 'extra', 'a', 'b');
      CREATE TABLE growth.t (k growth.kind, c char(4), v int, PRIMARY KEY (k, c));
      INSERT INTO growth.t SELECT (ARRAY['a','b','c'])[1 + i % 3]::growth.kind, 'x' || i, i FROM generate_series(1, 600) i`);
    expect(await pair.verifyOne(mapping())).toMatchObject({ equal: true, rows: 600, targetRows: 600 });
    await pair.target.query(`INSERT INTO growth.t VALUES ('extra', 'x1', 0); DELETE FROM growth.t WHERE v = 6`);
    expect(sorted(await pair.verifyOne(mapping()))).toEqual([
      { key: ['a', 'x6  '], kind: 'missing' },
      { key: ['extra', 'x1  '], kind: 'extra' },
    ]);
  });

  test("NULL is not '', and columns do not run into each other", async () => {
    await pair.both(
      'id int PRIMARY KEY, a text, b text',
      `INSERT INTO @ VALUES (1, NULL, ''), (2, 'x', 'y'), (3, 'a,b', '')`,
    );
    await pair.target.query(`UPDATE growth.t SET a = '', b = NULL WHERE id = 1; UPDATE growth.t SET a = 'xy', b = '' WHERE id = 2;
      UPDATE growth.t SET a = 'a', b = 'b,' WHERE id = 3`);
    expect(sorted(await pair.verifyOne(mapping())).map(({ columns }) => columns)).toEqual([
      ['a', 'b'],
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  test('a value that the target type spells otherwise is equal when it is what apply writes', async () => {
    await pair.source.query(`CREATE TABLE public.t (id int PRIMARY KEY, n numeric(10,2), f real, c char(6), v varchar(9), ok boolean,
        ts timestamp, j json, w char(4), s smallint, arr int[], nul numeric(10,2));
      INSERT INTO public.t VALUES (1, 1.50, 0.1, 'ab', 'cd', true, '2024-02-03 04:05:06.789', '{"b": 1,  "a": 2}', 'q', 7, '{1,2}')`);
    await pair.target.query(`CREATE TABLE growth.t (id bigint PRIMARY KEY, n numeric(12,4), f double precision, c text, v char(12),
        ok text, ts timestamptz(1), j jsonb, w char(8), s int, arr bigint[], nul numeric(12,4));`);
    // Text from the output functions, which is how the WAL carries values.
    await pair.target.query(`INSERT INTO growth.t VALUES ('1', '1.50', '0.1', 'ab    ', 'cd', 't', '2024-02-03 04:05:06.789',
      '{"b": 1,  "a": 2}', 'q   ', '7', '{1,2}')`);
    expect((await pair.verifyOne(mapping())).differences).toEqual([]);
    await pair.target.query(`UPDATE growth.t SET n = 1.5001, v = 'ce', c = 'ab', ok = 'true', nul = 0`);
    expect((await pair.verifyOne(mapping())).differences).toEqual([
      { key: ['1'], kind: 'different', columns: ['n', 'c', 'v', 'ok', 'nul'] },
    ]);
  });
});

function sorted(report: TableReport) {
  return [...report.differences].sort((a, b) => (a.key.join() < b.key.join() ? -1 : 1));
}
