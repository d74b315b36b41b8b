import { afterAll, beforeAll, expect, test } from 'vitest';
import type { WayBackResult } from '../../services/control/way-back/write-way-back.js';
import { cutOver } from '../support/cut-over.js';
import { eventually } from '../support/eventually.js';
import { MovingPair } from '../support/moving-pair.js';
import { describeWithPostgres, testServers } from '../support/servers.js';

/** Two tables of keys that are one by their hash, and two of things whose key is made; `note` travels nowhere. */
const OLD = `
  CREATE TABLE public.keys (id serial PRIMARY KEY, hash text, label text NOT NULL, note text DEFAULT 'old');
  CREATE TABLE public.vendor_keys (id int PRIMARY KEY, hash text, label text NOT NULL);
  CREATE TABLE public.devices (id int PRIMARY KEY, name text);
  CREATE TABLE public.gadgets (maker text, no int, title text, PRIMARY KEY (no, maker));
  INSERT INTO public.keys (hash, label, note) SELECT 'h' || i, 'key ' || i, 'note ' || i FROM generate_series(1, 10) i;
  INSERT INTO public.vendor_keys SELECT 1000 + i, CASE WHEN i > 4 THEN 'v' ELSE 'h' END || i, 'vendor ' || i FROM generate_series(2, 10) i;
  INSERT INTO public.devices SELECT i, 'device ' || i FROM generate_series(1, 5) i;
  INSERT INTO public.gadgets SELECT 'm "' || i, i, 'gadget ' || i FROM generate_series(1, 5) i`;

const NEW = `
  CREATE SCHEMA sec;
  CREATE TABLE sec.keys (id serial PRIMARY KEY, hash text UNIQUE, label text NOT NULL);
  CREATE TABLE sec.things (id uuid PRIMARY KEY, name text)`;

const NAMESPACE = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
const MAPPINGS = {
  sec: `schema: sec
tables:
  keys: { merge: [{ from: public.keys, drop: [note] }, { from: public.vendor_keys }], unique: [hash] }
  things:
    merge:
      - { from: public.devices, columns: { id: { uuid: [id], namespace: ${NAMESPACE} } } }
      - { from: public.gadgets, rename: { title: name }, drop: [maker, no], columns: { id: { uuid: [maker, no], namespace: ${NAMESPACE} } } }
`,
};

const ACCEPTED = { forced: { 'way-back': '--accept-one-way' } };

/** What the mapping makes of the old tables; of one hash the first table's. */
const MERGED = `
  SELECT DISTINCT ON (hash) id, hash, label FROM (
    SELECT 1 AS rank, id, hash, label FROM public.keys UNION ALL SELECT 2, id, hash, label FROM public.vendor_keys) k
  ORDER BY hash, rank, id`;
const STANDING = 'SELECT id, hash, label FROM sec.keys ORDER BY hash';
const NAMES = 'SELECT name FROM public.devices UNION ALL SELECT title FROM public.gadgets ORDER BY 1';
const THINGS = 'SELECT name FROM sec.things ORDER BY 1';

describeWithPostgres('tables that were merged', () => {
  let pair: MovingPair;

  beforeAll(async () => {
    pair = await MovingPair.open({ servers: testServers() });
    await pair.source.query(OLD);
    await pair.target.query(NEW);
    await pair.configure(MAPPINGS);
    await pair.up();
  });
  afterAll(() => pair?.close());

  const rowsOf = async (side: 'source' | 'target', sql: string) => (await pair[side].query(sql)).rows;
  const linesOf = async (side: 'source' | 'target', table: string) =>
    (await rowsOf(side, `SELECT t::text AS line FROM ${table} t ORDER BY id`)).map(({ line }) => line as string);

  async function eventuallyGives(side: 'source' | 'target', sql: string, expected: readonly object[]): Promise<void> {
    const isSame = async () => JSON.stringify(await rowsOf(side, sql)) === JSON.stringify(expected);
    await eventually(isSame, { what: `${side} to have what is expected: ${sql}` }).catch(async (error) => {
      expect(await rowsOf(side, sql)).toEqual(expected);
      throw error;
    });
  }

  /** Both ways of the mapping hold. */
  async function expectMerged(): Promise<void> {
    await eventuallyGives('target', STANDING, await rowsOf('source', MERGED));
    await eventuallyGives('target', THINGS, await rowsOf('source', NAMES));
  }

  test('have a way back from their candidates, which says what is one-way', async () => {
    const written = await pair.run('way-back', '--json');
    expect(written.code, written.stderr).toBe(0);
    const { tables, oneWay } = written.json<WayBackResult>();
    expect(tables.map(({ source, target }) => `${source} -> ${target}`)).toEqual([
      'ferry.sec.keys < public.keys -> public.keys',
      'ferry.sec.keys < public.vendor_keys -> public.vendor_keys',
      'ferry.sec.things < public.devices -> public.devices',
      'ferry.sec.things < public.gadgets -> public.gadgets',
    ]);
    expect(oneWay.map(({ level, source, follows }) => `${level} ${source}: ${follows}`)).toEqual([
      'kept public.keys: public.keys.note keeps what it has, and has its default in a row that is new in sec.keys',
      'rows public.vendor_keys: a row that is new in sec.keys comes back to public.keys, not to public.vendor_keys',
      'new-rows public.devices: a row that is new in sec.things, or gets another key there, is refused in public.devices',
      'rows public.gadgets: a row that is new in sec.things comes back to public.devices, not to public.gadgets',
      'new-rows public.gadgets: a row that gets another key in sec.things is refused in public.gadgets',
    ]);
    const checked = await pair.runPlain('check', '-c', pair.back, '--json');
    expect(checked.code, checked.stdout).toBe(0);
    await pair.upBack();
    expect(await cutOver(pair, 'begin', ACCEPTED)).toMatchObject({ ok: true, serving: 'target' });
  });

  test('get each row back by its lineage, and those behind others stay behind', async () => {
    await pair.target.query(`
      UPDATE sec.keys SET label = 'changed' WHERE id IN (1, 2, 1010);
      UPDATE sec.keys SET hash = 'h3b' WHERE id = 3;
      DELETE FROM sec.keys WHERE id IN (4, 5, 1005, 1006);
      INSERT INTO sec.keys VALUES (1006, 'new 6', 'born in the new project');
      INSERT INTO sec.keys (hash, label) VALUES ('new', 'fresh');
      UPDATE sec.keys SET id = 1700 WHERE id = 1007;
      UPDATE sec.things SET name = name || '!' WHERE name IN ('device 1', 'gadget 1');
      DELETE FROM sec.things WHERE name IN ('device 2', 'gadget 2')`);
    const fresh = (await rowsOf('target', `SELECT id FROM sec.keys WHERE hash = 'new'`))[0]!.id;
    await eventuallyGives('source', NAMES, await rowsOf('target', THINGS));
    const keys = (await linesOf('target', 'sec.keys')).filter((line) => !/^\((1008|1009|1010|1700),/.test(line));
    await eventually(async () => (await linesOf('source', 'public.keys')).length === keys.length, {
      what: 'all to be back',
    });
    expect(await linesOf('source', 'public.keys')).toEqual([
      '(1,h1,changed,"note 1")',
      '(2,h2,changed,"note 2")',
      '(3,h3b,"key 3","note 3")',
      ...[6, 7, 8, 9, 10].map((i) => `(${i},h${i},"key ${i}","note ${i}")`),
      '(1006,"new 6","born in the new project",old)',
      `(${fresh},new,fresh,old)`,
    ]);
    expect(await linesOf('source', 'public.vendor_keys')).toEqual([
      ...[2, 3, 4].map((i) => `(${1000 + i},h${i},"vendor ${i}")`),
      '(1008,v8,"vendor 8")',
      '(1009,v9,"vendor 9")',
      '(1010,v10,changed)',
      '(1700,v7,"vendor 7")',
    ]);
    expect(await rowsOf('target', `SELECT id FROM sec.keys WHERE id IN (1003, 1004)`)).toEqual([]);
    const verified = await pair.runPlain('verify', '-c', pair.back, '--json');
    expect(verified.code, verified.stdout).toBe(0);
  });

  test('are merged again after a rollback, and go there and back again', async () => {
    expect(await cutOver(pair, 'begin', {}, 'back')).toMatchObject({ ok: true, serving: 'source' });
    expect(await rowsOf('target', `SELECT id FROM sec.keys WHERE id IN (1003, 1004) ORDER BY 1`)).toEqual([
      { id: '1003' },
      { id: '1004' },
    ]);
    await expectMerged();
    await expect(pair.target.query(`UPDATE sec.keys SET label = 'late' WHERE id = 1`)).rejects.toThrow('are refused');
    await expect(pair.target.query(`DELETE FROM sec.keys WHERE id = 1`)).rejects.toThrow('are refused');
    await expect(pair.target.query(`TRUNCATE sec.things`)).rejects.toThrow('are refused');
    await pair.source.query(`
      INSERT INTO public.keys (hash, label) VALUES ('h4', 'before it again');
      UPDATE public.keys SET label = 'old again' WHERE id = 1006;
      UPDATE public.vendor_keys SET hash = 'v3' WHERE id = 1003;
      DELETE FROM public.keys WHERE id = 7;
      UPDATE public.gadgets SET title = 'gadget 3!' WHERE no = 3`);
    await pair.untilStreaming();
    await expectMerged();
    expect(await cutOver(pair, 'begin', ACCEPTED)).toMatchObject({ ok: true, serving: 'target' });
    await pair.target.query(`
      UPDATE sec.keys SET label = 'new again' WHERE id IN (1, 1003, 1006);
      TRUNCATE sec.things`);
    await eventuallyGives('source', NAMES, []);
    await eventuallyGives('source', `SELECT count(*) FROM public.vendor_keys WHERE label = 'new again'`, [
      { count: '1' },
    ]);
    await eventuallyGives('source', `SELECT count(*) FROM public.keys WHERE label = 'new again'`, [{ count: '2' }]);
    expect(await cutOver(pair, 'begin', {}, 'back')).toMatchObject({ ok: true, serving: 'source' });
    await expectMerged();
    const verified = await pair.run('verify', '--json');
    expect(verified.code, verified.stdout).toBe(0);
  });
});
