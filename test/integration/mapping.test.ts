import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makePipeline, type Pipeline } from '../support/pipeline.js';
import { describeWithPostgres } from '../support/servers.js';

const NAMESPACE = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';

/** A users table as nobody would make it again: default replica identity, one large column. */
const SCHEMA = `
  CREATE TYPE public.kind AS ENUM ('a', 'm', 'x');
  CREATE TABLE public.users (
    id int PRIMARY KEY, mail text, kind public.kind NOT NULL DEFAULT 'm', active boolean, score numeric(8,2), born text,
    tags text, langs text[], data jsonb, avatar text, tenant uuid, level int, secret text);
  CREATE TABLE public.people (id int PRIMARY KEY, first text, last text, zip text, city text, nick text);
  CREATE TABLE public.notes (tenant int, id int, body text, PRIMARY KEY (tenant, id));
  CREATE TABLE public.events (id int PRIMARY KEY, state text, body text);
  CREATE TABLE public.counts (id int PRIMARY KEY, kind public.kind, n int)`;

const TARGET = `
  DROP TABLE public.users, public.people, public.events, public.counts;
  CREATE TYPE shared.role AS ENUM ('admin', 'member');
  CREATE TABLE shared.accounts (
    origin text, id bigint, mail text, role shared.role NOT NULL, state text NOT NULL, score numeric(8,2), born date, tags text[],
    langs text, city text, visits bigint, avatar text, uid uuid NOT NULL, level int NOT NULL, tenant uuid,
    PRIMARY KEY (origin, id));
  CREATE TABLE shared.persons (id int PRIMARY KEY, name text, label text, called text, initials text, address jsonb);
  CREATE TABLE auth.logins (id int PRIMARY KEY, mail text);
  CREATE TABLE auth.counts (id int PRIMARY KEY, kind text, n int);
  CREATE TABLE a.notes (id int PRIMARY KEY, body text);
  CREATE TABLE a.other_notes (tenant int, id int, PRIMARY KEY (tenant, id));
  CREATE TABLE b.remarks (tenant int, id int, body text, PRIMARY KEY (tenant, id));
  CREATE TABLE shared.open_events (id int PRIMARY KEY, state text, body text)`;

const ACCOUNTS = {
  from: 'public.users',
  drop: ['secret', 'kind', 'active', 'data'],
  columns: {
    origin: { constant: 'old' },
    mail: { from: 'mail', steps: ['trim', 'lower', { nullif: '' }] },
    role: { from: 'kind', steps: [{ map: { a: 'admin', m: 'member' } }] },
    state: { from: 'active', steps: [{ map: { t: 'on', f: 'off' } }, { default: 'unknown' }] },
    born: { from: 'born', steps: [{ nullif: '' }], cast: 'date' },
    tags: { from: 'tags', steps: [{ split: ',' }] },
    langs: { from: 'langs', steps: [{ join: ' ' }] },
    city: { from: 'data', steps: [{ json: 'address.city' }] },
    visits: { from: 'data', steps: [{ json: 'visits' }], cast: 'bigint' },
    avatar: { from: 'avatar', steps: [{ replace: { 'http:': 'https:' } }, { prefix: 'growth/' }] },
    uid: { uuid: ['id'], namespace: NAMESPACE },
    level: { from: 'level', steps: [{ default: 1 }] },
  },
};

const PERSONS = {
  from: 'public.people',
  pick: ['id'],
  columns: {
    name: { template: '{first} {last}' },
    label: { concat: ['last', 'first'], separator: ', ' },
    called: { coalesce: ['nick', 'first'] },
    initials: { call: 'initials', args: ['first', 'last'] },
    address: { object: { zip: 'zip', city: 'city' } },
  },
};

const TABLES = {
  shared: {
    accounts: ACCOUNTS,
    persons: PERSONS,
    open_events: { from: 'public.events', where: "state in ('open', 'late') and body is not null" },
  },
  auth: {
    logins: { from: 'public.users', pick: ['id', 'mail'] },
    counts: { from: 'public.counts', where: "kind <> 'x' or n = 7", columns: { kind: { from: 'kind' } } },
  },
  a: {
    notes: { from: 'public.notes', where: 'tenant = 1', drop: ['tenant'] },
    other_notes: { from: 'public.notes', where: 'tenant <> 1', pick: ['tenant', 'id'] },
    bodies: { from: 'public.notes' },
  },
  b: { remarks: { from: 'public.notes', where: 'not tenant in (1, 3)' } },
};

const FUNCTIONS = `export const initials = (...names) => names.map((name) => name?.[0] ?? '').join('');`;

const ROWS = `
  INSERT INTO public.users VALUES
    (1, ' Ada@X.org ', 'a', true, 1.5, '1815-12-10', 'x,y', '{de,"en us"}', '{"address": {"city": "London"}, "visits": 12345678901234567}', 'http://a', NULL, NULL, 's'),
    (2, '', 'm', NULL, NULL, '', '', '{}', '{}', NULL, '${NAMESPACE}', 5, NULL),
    (3, NULL, 'm', false, 0, NULL, NULL, NULL, NULL, repeat(md5('3'), 400), NULL, 0, NULL);
  INSERT INTO public.users (id, mail) SELECT i, 'M' || i FROM generate_series(100, 2600) i;
  INSERT INTO public.people VALUES (1, 'Ada', 'Byron', NULL, 'London', NULL), (2, 'Bob', NULL, '1', E'a\\t"b"', 'B');
  INSERT INTO public.notes SELECT i % 4, i, repeat(md5(i::text), i % 200) FROM generate_series(1, 500) i;
  INSERT INTO public.events SELECT i, (ARRAY['open', 'late', 'done', NULL])[i % 4 + 1], repeat(md5(i::text), i % 200) FROM generate_series(1, 300) i;
  INSERT INTO public.counts SELECT i, (ARRAY['a', 'm', 'x', NULL])[i % 4 + 1]::public.kind, i % 9 FROM generate_series(1, 300) i`;

/** The target's rows, said by SQL over the source: another way than the one under test. */
const EXPECTED = `
  SELECT 'old' AS origin, id::text, nullif(lower(trim(mail)), '') AS mail, CASE kind WHEN 'a' THEN 'admin' ELSE 'member' END AS role,
         CASE WHEN active THEN 'on' WHEN NOT active THEN 'off' ELSE 'unknown' END AS state, score::text, nullif(born, '')::date::text AS born,
         string_to_array(tags, ',')::text AS tags, array_to_string(langs, ' ') AS langs, data #>> '{address,city}' AS city,
         (data ->> 'visits') AS visits, md5('growth/' || replace(avatar, 'http:', 'https:')) AS avatar, coalesce(level, 1)::text AS level,
         tenant::text
    FROM public.users ORDER BY users.id`;
const ACTUAL = `
  SELECT origin, id::text, mail, role::text, state, score::text, born::text, tags::text, langs, city, visits::text, md5(avatar) AS avatar,
         level::text, tenant::text
    FROM shared.accounts ORDER BY accounts.id`;
const PEOPLE_EXPECTED = `
  SELECT id, first || ' ' || last AS name, concat_ws(', ', last, first) AS label, coalesce(nick, first) AS called, left(first, 1) || coalesce(left(last, 1), '') AS initials,
         jsonb_build_object('zip', zip, 'city', city)::text AS address FROM public.people ORDER BY id`;
const PAIRS = [
  ['SELECT id, body FROM public.notes WHERE tenant = 1 ORDER BY id', 'SELECT * FROM a.notes ORDER BY id'],
  [
    'SELECT tenant, id FROM public.notes WHERE tenant <> 1 ORDER BY tenant, id',
    'SELECT * FROM a.other_notes ORDER BY tenant, id',
  ],
  ['SELECT * FROM public.notes ORDER BY tenant, id', 'SELECT * FROM a.bodies ORDER BY tenant, id'],
  ['SELECT * FROM public.notes WHERE tenant NOT IN (1, 3) ORDER BY id', 'SELECT * FROM b.remarks ORDER BY id'],
  [
    "SELECT * FROM public.events WHERE state IN ('open', 'late') AND body IS NOT NULL ORDER BY id",
    'SELECT * FROM shared.open_events ORDER BY id',
  ],
  ['SELECT id, mail FROM public.users ORDER BY id', 'SELECT * FROM auth.logins ORDER BY id'],
  ["SELECT * FROM public.counts WHERE kind <> 'x' OR n = 7 ORDER BY id", 'SELECT * FROM auth.counts ORDER BY id'],
] as const;
const PEOPLE_ACTUAL = 'SELECT id, name, label, called, initials, address::text FROM shared.persons ORDER BY id';

describeWithPostgres('a mapping with rules', () => {
  let pipeline: Pipeline;

  beforeAll(async () => {
    pipeline = await makePipeline({
      driver: 'embedded',
      schemaSql: SCHEMA,
      sourceSql: `ALTER TABLE public.people REPLICA IDENTITY FULL; ALTER TABLE public.events REPLICA IDENTITY FULL; ${ROWS}`,
      targetSql: TARGET,
      tables: TABLES,
      functions: FUNCTIONS,
      apply: { onRefusal: 'dead-letter' },
    });
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  async function expectMapped(): Promise<void> {
    await pipeline.untilApplied();
    for (const [expected, actual] of [[EXPECTED, ACTUAL], [PEOPLE_EXPECTED, PEOPLE_ACTUAL], ...PAIRS] as const) {
      const source = await pipeline.source.query(expected);
      const target = await pipeline.target.query(actual);
      expect(target.rows).toEqual(source.rows);
    }
  }

  const verified = async () =>
    (await pipeline.ferry('verify', '--json')).json<{
      ok: boolean;
      tables: { source: string; target: string; rows: number; differencesTotal: number; differences: object[] }[];
    }>();

  test('is checked with nothing to complain about', async () => {
    expect(await pipeline.ferry('check')).toMatchObject({ code: 0 });
  });

  test('is explained, and tested on rows without writing any', async () => {
    const explained = (await pipeline.ferry('map', 'explain', 'public.users', '--json')).json<{ tables: object[] }>();
    expect(explained.tables).toMatchObject([
      { target: 'shared.accounts', isMove: false, left: ['secret'], unfilled: [] },
      { target: 'auth.logins', columns: [{ target: 'id', rule: null }, { target: 'mail' }] },
    ]);
    const tested = await pipeline.ferry('map', 'test', '--json', '--rows', '1');
    expect(tested.json(), tested.stderr).toMatchObject({ ok: true });
    const { tables } = tested.json<{ tables: { target: string; samples: { target: object }[] }[] }>();
    expect(tables.find(({ target }) => target === 'shared.accounts')!.samples[0]!.target).toMatchObject({
      origin: 'old',
      mail: 'ada@x.org',
      role: 'admin',
      born: '1815-12-10',
      tags: '{x,y}',
      visits: '12345678901234567',
    });
    expect((await pipeline.ferry('map', 'test')).stdout).toContain('public.users -> shared.accounts: 3 rows read');
  });

  test('names the rows that would be refused', async () => {
    await pipeline.source.query(
      "BEGIN; UPDATE public.users SET born = 'soon' WHERE id = 101; UPDATE public.users SET kind = 'x' WHERE id = 102; COMMIT",
    );
    const { code, stdout } = await pipeline.ferry('map', 'test', '--all', '--table', 'public.users');
    expect(code).toBe(3);
    expect(stdout).toContain('(id = 101) born: the value is no date (SQLSTATE 22007)');
    expect(stdout).toMatch(/\(id = 102\) role: .*`map` does not have its value/);
    await pipeline.source.query(
      "BEGIN; UPDATE public.users SET born = NULL, kind = 'm' WHERE id IN (101, 102); COMMIT",
    );
  });

  test('is copied', async () => {
    pipeline.start();
    await pipeline.untilStreaming();
    await expectMapped();
    const { rows } = await pipeline.target.query('SELECT uid FROM shared.accounts WHERE id = 1');
    expect(rows).toEqual([{ uid: 'b04965e6-a9bb-591f-8f8a-1adcb2c8dc39' }]);
  });

  test('streams: values that are not in the WAL, keys that change, rows that come and go', async () => {
    await pipeline.source.query(`
      UPDATE public.users SET mail = 'NEW ' WHERE id = 3; UPDATE public.users SET id = 30, tags = 'z' WHERE id = 3;
      UPDATE public.users SET id = -id WHERE id = 1; DELETE FROM public.users WHERE id BETWEEN 200 AND 900;
      INSERT INTO public.users (id, avatar, kind) VALUES (4, repeat('http://', 2000), 'a');
      UPDATE public.users SET level = 9 WHERE id = 4;
      UPDATE public.people SET last = 'King' WHERE id = 1; UPDATE public.people SET id = 20, zip = NULL WHERE id = 2;
      INSERT INTO public.people VALUES (3, repeat(md5('x'), 400), 'y', NULL, NULL, NULL);
      UPDATE public.people SET last = 'z' WHERE id = 3; DELETE FROM public.people WHERE id = 1`);
    await expectMapped();
  });

  test('streams rows that come into a condition, leave it, change their key over it, and a truncate', async () => {
    await pipeline.source.query(`
      UPDATE public.notes SET tenant = 2 WHERE tenant = 1 AND id < 100; UPDATE public.notes SET tenant = 3 WHERE tenant = 2 AND id > 400;
      UPDATE public.notes SET tenant = 1, body = 'whole' WHERE tenant = 0 AND id > 300; UPDATE public.notes SET body = 'b' WHERE id % 7 = 0;
      UPDATE public.notes SET id = -id WHERE id % 11 = 0; DELETE FROM public.notes WHERE id % 13 = 0;
      INSERT INTO public.notes SELECT 1, i, repeat('x', 9000) FROM generate_series(1001, 1010) i;
      UPDATE public.events SET state = 'done' WHERE id % 8 = 0; UPDATE public.events SET state = 'late' WHERE id % 4 = 2;
      UPDATE public.events SET body = NULL WHERE id % 9 = 0; UPDATE public.events SET body = repeat('y', 9000) WHERE id % 10 = 0;
      UPDATE public.events SET state = 'open' WHERE id % 10 = 0; UPDATE public.events SET id = -id WHERE id % 3 = 0;
      DELETE FROM public.events WHERE id % 17 = 0;
      UPDATE public.counts SET kind = 'x' WHERE id % 5 = 0; UPDATE public.counts SET kind = 'a' WHERE id % 6 = 0;
      UPDATE public.counts SET id = -id, n = 7 WHERE id % 7 = 0; DELETE FROM public.counts WHERE id % 11 = 0`);
    await expectMapped();
    await pipeline.source.query("TRUNCATE public.counts; INSERT INTO public.counts VALUES (1, 'a', 1), (2, 'x', 1)");
    await expectMapped();
    await pipeline.until('the ledger to add up', async () => (await pipeline.status()).ledger?.addsUp === true);
    const { ledger } = await pipeline.status();
    const filtered = new Map(ledger!.tables.map((table) => [table.table, table.filtered]));
    expect(filtered.get('public.notes -> a.notes')).toBeGreaterThan(300);
    expect(filtered.get('public.users -> auth.logins')).toBe(0);
  });

  test('is verified: a difference names row and column', async () => {
    expect(await verified()).toMatchObject({ ok: true });
    await pipeline.target.query(`
      UPDATE shared.accounts SET tags = '{z}' WHERE id = 2; DELETE FROM shared.accounts WHERE id = 100;
      INSERT INTO shared.accounts SELECT origin, 7777, mail, role, state, score, born, tags, langs, city, visits, avatar, uid, level, tenant
        FROM shared.accounts WHERE id = 101;
      UPDATE shared.persons SET address = '{"zip": null}', called = 'nobody' WHERE id = 3;
      INSERT INTO a.notes VALUES (77777, 'nobody''s'); UPDATE a.notes SET body = 'x' WHERE id = 1001; DELETE FROM b.remarks WHERE id = (SELECT max(id) FROM b.remarks)`);
    const { ok, tables } = await verified();
    expect(ok).toBe(false);
    expect(tables.find(({ target }) => target === 'shared.accounts')!.differences).toEqual([
      { key: ['2'], kind: 'different', columns: ['tags'] },
      { key: ['100'], kind: 'missing' },
      { key: ['7777'], kind: 'extra' },
    ]);
    expect(tables.find(({ source }) => source === 'public.people')!.differences).toEqual([
      { key: ['3'], kind: 'different', columns: ['called', 'address'] },
    ]);
    expect(tables.find(({ target }) => target === 'a.notes')!.differences).toEqual([
      { key: ['1001'], kind: 'different', columns: ['body'] },
      { key: ['77777'], kind: 'extra' },
    ]);
    expect(tables.find(({ target }) => target === 'b.remarks')!.differences).toMatchObject([{ kind: 'missing' }]);
  });

  test('is repaired by rows that are read again, the tables that have them without a part of their key too', async () => {
    const repaired = await pipeline.ferry('verify', '--repair', '--table', 'public.notes', '--json');
    expect(repaired.json(), repaired.stderr).toMatchObject({ ok: true });
  });

  test('is replayed to the same rows', async () => {
    expect(await pipeline.ferry('replay', '--yes', '--json')).toMatchObject({ code: 0 });
    await expectMapped();
    await pipeline.statusIn('streaming');
    expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true });
  });

  test('a value that no rule knows halts transform, which goes on from its row with the corrected rule', async () => {
    pipeline.transform.mayEnd();
    await pipeline.source.query("INSERT INTO public.users (id, kind) VALUES (6, 'x')");
    expect(await pipeline.transform.ended).toMatchObject({ code: 1 });
    expect(await pipeline.transform.stderrTail()).toContain(
      'public.users -> shared.accounts.role: the row (id = 6): `map` does not have its value',
    );
    const file = join(pipeline.config.directory, 'mapping', '0.yaml');
    const text = await readFile(file, 'utf8');
    expect(text).toContain('"m": "member"');
    await writeFile(file, text.replace('"m": "member"', '"m": "member", "x": "member"'));
    pipeline.transform.start();
    await expectMapped();
    expect(await verified()).toMatchObject({ ok: true });
  });

  test('a value that the target refuses is set aside with table, column and row', async () => {
    await pipeline.source.query("INSERT INTO public.users (id, born) VALUES (5, 'soon')");
    await pipeline.untilApplied();
    const { letters } = (await pipeline.ferry('dead-letter', 'list', '--json')).json<{ letters: object[] }>();
    expect(letters).toEqual([
      expect.objectContaining({ tables: ['shared.accounts'], column: 'born', sqlstate: '22007' }),
    ]);
  });

  test('is cut over, its ledger with what was filtered', async () => {
    await pipeline.ferry('dead-letter', 'drop', '--all', '--yes');
    await pipeline.source.query(
      'DELETE FROM public.users WHERE id = 5; UPDATE public.notes SET tenant = 1 WHERE tenant = 2',
    );
    const cutover = await pipeline.ferry('cutover', '--accept-one-way', '--json');
    expect(cutover.json(), cutover.stderr).toMatchObject({ ok: true, serving: 'target' });
    expect(cutover.json<{ tables: { equal: boolean }[] }>().tables.map(({ equal }) => equal)).toEqual(
      Array(9).fill(true),
    );
  });
});
