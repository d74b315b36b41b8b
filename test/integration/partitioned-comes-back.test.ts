import { afterAll, beforeAll, expect, test } from 'vitest';
import type { WayBackResult } from '../../services/control/way-back/write-way-back.js';
import { cutOver } from '../support/cut-over.js';
import { eventually } from '../support/eventually.js';
import { MovingPair } from '../support/moving-pair.js';
import { describeWithPostgres, testServers } from '../support/servers.js';

const OLD = `
  CREATE TABLE public.events (id int PRIMARY KEY, at date NOT NULL, what text, note text DEFAULT 'none');
  CREATE TABLE public.visits (id int PRIMARY KEY, at date NOT NULL, what text);
  CREATE TABLE public.a (id int PRIMARY KEY, hash text, label text);
  CREATE TABLE public.b (LIKE public.a INCLUDING ALL); CREATE TABLE public.c (LIKE public.a INCLUDING ALL);
  INSERT INTO public.events SELECT i, date '2026-01-01' + i * 20, 'event ' || i, 'note ' || i FROM generate_series(1, 12) i;
  INSERT INTO public.visits SELECT id, at, what FROM public.events;
  INSERT INTO public.a SELECT i, 'h' || i, 'a' || i FROM generate_series(1, 6) i;
  INSERT INTO public.b SELECT 100 + i, 'h' || (i + 3), 'b' || i FROM generate_series(1, 6) i;
  INSERT INTO public.c SELECT 200 + i, 'h' || (i + 6), 'c' || i FROM generate_series(1, 6) i`;

/** Tables that are partitioned by a column which their keys must have, then: beside the old key, and beside one that is made of it. */
const NEW = `
  CREATE SCHEMA log; CREATE SCHEMA x; CREATE SCHEMA y;
  CREATE TABLE log.events (id int, at date NOT NULL, what text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
  CREATE TABLE log.events_spring PARTITION OF log.events FOR VALUES FROM ('2026-01-01') TO ('2026-05-01');
  CREATE TABLE log.events_later PARTITION OF log.events DEFAULT;
  CREATE TABLE log.visits (id uuid, at date NOT NULL, what text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
  CREATE TABLE log.visits_spring PARTITION OF log.visits FOR VALUES FROM ('2026-01-01') TO ('2026-05-01');
  CREATE TABLE log.visits_later PARTITION OF log.visits DEFAULT;
  CREATE TABLE x.ab (id int PRIMARY KEY, hash text UNIQUE, label text);
  CREATE TABLE y.ac (LIKE x.ab INCLUDING ALL)`;

const MAPPINGS = {
  log: `schema: log
tables:
  events: { from: public.events, lineage: true, drop: [note] }
  visits:
    from: public.visits
    lineage: true
    columns: { id: { uuid: [id], namespace: 6ba7b810-9dad-11d1-80b4-00c04fd430c8 } }
`,
  x: 'schema: x\ntables:\n  ab: { merge: [{ from: public.a }, { from: public.b }], unique: [hash] }\n',
  y: 'schema: y\ntables:\n  ac: { merge: [{ from: public.a }, { from: public.c }], unique: [hash] }\n',
};

const ACCEPTED = { forced: { 'way-back': '--accept-one-way' } };

const EVENTS = 'SELECT id, at::text, what, note FROM public.events ORDER BY id';
const EVENTS_BOTH = (table: string) => `SELECT id, at::text, what FROM ${table} ORDER BY id`;
const VISITS_BOTH = (table: string) => `SELECT at::text, what FROM ${table} ORDER BY what, at`;

describeWithPostgres('merged tables and those with lineage, into partitioned tables and into several', () => {
  let pair: MovingPair;

  beforeAll(async () => {
    pair = await MovingPair.open({ servers: testServers(), partitions: 2 });
    await pair.source.query(OLD);
    await pair.target.query(NEW);
    await pair.configure(MAPPINGS);
    await pair.up();
  });
  afterAll(() => pair?.close());

  const rowsOf = async (side: 'source' | 'target', sql: string) =>
    (await pair[side].query(sql)).rows.map((row) => Object.values(row as object).join(' '));

  async function expectSame(old: string, now: string): Promise<void> {
    const isSame = async () =>
      JSON.stringify(await rowsOf('source', old)) === JSON.stringify(await rowsOf('target', now));
    await eventually(isSame, { what: `both projects to have the same: ${old}` }).catch(async (error) => {
      expect(await rowsOf('source', old)).toEqual(await rowsOf('target', now));
      throw error;
    });
  }

  async function expectEqual(): Promise<void> {
    await expectSame(EVENTS_BOTH('public.events'), EVENTS_BOTH('log.events'));
    await expectSame(VISITS_BOTH('public.visits'), VISITS_BOTH('log.visits'));
  }

  test('have a way back that names what their keys do not tell, and nothing that it warns of besides', async () => {
    await pair.untilStreaming();
    const written = await pair.run('way-back', '--json');
    expect(written.code, written.stderr).toBe(0);
    const { oneWay } = written.json<WayBackResult>();
    expect(oneWay.map(({ level, follows }) => `${level} ${follows}`)).toEqual([
      'kept public.events.note keeps what it has, and has its default in a row that is new in log.events',
      'rows of rows of log.events that have one id only the last that was written is in public.events',
      'new-rows a row that is new in log.visits, or gets another id there, is refused in public.visits',
      'rows a row that is new in x.ab comes back to public.a, not to public.b',
      'table nothing written to y.ac comes back to public.a',
      'rows a row that is new in y.ac comes back to public.a, not to public.c',
    ]);
    const checked = await pair.runPlain('check', '-c', pair.back, '--json');
    const { findings } = checked.json<{ findings: { level: string; message: string }[] }>();
    expect(findings.filter(({ level }) => level !== 'ok')).toEqual([]);
  });

  test('come back: new rows, and rows whose other key columns change, within a partition or to another one', async () => {
    await pair.upBack();
    expect(await cutOver(pair, 'begin', ACCEPTED)).toMatchObject({ ok: true, serving: 'target' });
    await pair.target.query(`
      UPDATE log.events SET what = what || '!' WHERE id IN (1, 12);
      UPDATE log.events SET at = at + 1 WHERE id = 2;
      UPDATE log.events SET at = at + 150 WHERE id = 3;
      DELETE FROM log.events WHERE id = 4;
      INSERT INTO log.events VALUES (50, '2026-02-02', 'new');
      UPDATE log.visits SET what = what || '?', at = at + 7 WHERE what = 'event 5';
      UPDATE log.visits SET at = at + 200 WHERE what IN ('event 1', 'event 2');
      DELETE FROM log.visits WHERE what = 'event 6'`);
    await expectEqual();
    expect((await rowsOf('source', EVENTS)).filter((row) => /^(2|3|50) /.test(row))).toEqual([
      '2 2026-02-11 event 2 note 2',
      '3 2026-07-30 event 3 note 3',
      '50 2026-02-02 new none',
    ]);
    const verified = await pair.runPlain('verify', '-c', pair.back, '--json');
    expect(verified.code, verified.stdout).toBe(0);
  });

  test('of a table that is in two merges, rows come back from the first, and those of the others from theirs', async () => {
    // Rows of public.a are in both: an application of the new project writes both.
    await pair.target.query(`
      UPDATE x.ab SET label = label || '!' WHERE id IN (1, 105); DELETE FROM x.ab WHERE id = 2;
      UPDATE y.ac SET label = label || '!' WHERE id = 1; DELETE FROM y.ac WHERE id = 2;
      UPDATE y.ac SET label = label || '?' WHERE id = 202`);
    const changed = `SELECT id, label FROM public.a WHERE id < 3
      UNION ALL SELECT id, label FROM public.b WHERE id = 105 UNION ALL SELECT id, label FROM public.c WHERE id = 202 ORDER BY id`;
    await eventually(
      async () => JSON.stringify(await rowsOf('source', changed)) === JSON.stringify(['1 a1!', '105 b5!', '202 c2?']),
      { what: 'the old tables to have the changes' },
    );
  });

  test('go back to the old project, whose changes come as before, and again to the new one', async () => {
    expect(await cutOver(pair, 'begin', {}, 'back')).toMatchObject({ ok: true, serving: 'source' });
    await pair.source.query(`
      UPDATE public.events SET at = at + 200, what = 'moved' WHERE id IN (1, 3); DELETE FROM public.events WHERE id = 50;
      UPDATE public.visits SET at = at + 200 WHERE id < 3; INSERT INTO public.visits VALUES (60, '2026-03-03', 'old')`);
    await pair.untilStreaming();
    await expectEqual();
    const verified = await pair.run('verify', '--json');
    expect(verified.code, verified.stdout).toBe(0);
    expect(await cutOver(pair, 'begin', ACCEPTED)).toMatchObject({ ok: true, serving: 'target' });
    await pair.target.query(`UPDATE log.events SET what = 'again' WHERE id = 1`);
    await expectEqual();
  });
});
