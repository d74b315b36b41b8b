import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatLsn } from '../../../core/lsn.js';
import { makePipeline, type Pipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';
import { describeWithPostgres } from '../../support/servers.js';
import { untilLookedAt } from '../../support/until-looked-at.js';

/** A partitioned table with a partition in another column order, one of mixed case, and one that is partitioned itself. */
const PARTITIONED = `
  CREATE TABLE public.events (region text, id int, n int, big text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
  ALTER TABLE public.events ALTER big SET STORAGE EXTERNAL;
  CREATE TABLE public."Events.EU" (gone int, big text, n int, id int NOT NULL, region text NOT NULL);
  ALTER TABLE public."Events.EU" DROP COLUMN gone, ALTER big SET STORAGE EXTERNAL;
  ALTER TABLE public.events ATTACH PARTITION public."Events.EU" FOR VALUES IN ('eu');
  CREATE TABLE public.events_rest PARTITION OF public.events DEFAULT PARTITION BY RANGE (id);
  CREATE TABLE public.events_rest_low PARTITION OF public.events_rest FOR VALUES FROM (0) TO (1000);
  CREATE TABLE public.events_rest_high PARTITION OF public.events_rest DEFAULT;
  CREATE TABLE public.orders (id int, v text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
  CREATE TABLE public.orders_1 PARTITION OF public.orders FOR VALUES FROM (0) TO (100);
  CREATE TABLE public.orders_2 PARTITION OF public.orders FOR VALUES FROM (100) TO (200);
  CREATE TABLE public.parent (id int PRIMARY KEY, v text);
  CREATE TABLE public.child (extra text, PRIMARY KEY (id)) INHERITS (public.parent)`;

const REGIONS = `(ARRAY['eu', 'us', 'asia'])[1 + i % 3]`;

describeWithPostgres('partitioned and inheriting tables', () => {
  let pipeline: Pipeline;

  beforeAll(async () => {
    pipeline = await makePipeline({
      driver: 'embedded',
      schemaSql: PARTITIONED,
      // The target is partitioned in another way, and one is not at all.
      targetSql: `DROP TABLE growth.events, public.orders CASCADE;
        CREATE TABLE growth.events (big text, id int, n int, region text, PRIMARY KEY (id, region)) PARTITION BY HASH (id);
        CREATE TABLE growth.events_0 PARTITION OF growth.events FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE growth.events_1 PARTITION OF growth.events FOR VALUES WITH (MODULUS 2, REMAINDER 1);
        CREATE TABLE growth.orders_1 (id int PRIMARY KEY, v text); CREATE TABLE growth.orders_2 (id int PRIMARY KEY, v text)`,
      sourceSql: `INSERT INTO public.events SELECT ${REGIONS}, i, 0, repeat('x', 3000) FROM generate_series(1, 2000) i;
        INSERT INTO public.orders SELECT i, 'snapshot' FROM generate_series(0, 199) i;
        INSERT INTO public.parent SELECT i, 'parent' FROM generate_series(1, 10) i;
        INSERT INTO public.child SELECT i, 'child', 'x' FROM generate_series(5, 15) i`,
      tables: { growth: fromPublic('events', 'parent', 'child', 'orders_1', 'orders_2') },
      capture: { snapshotChunkRows: 150 },
    });
    pipeline.start();
    await pipeline.untilStreaming();
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  test('are copied through the root, and a parent without the rows of its children', async () => {
    await pipeline.expectApplied('public.events', 'public.orders_1', 'public.orders_2', 'public.child');
    const own = await pipeline.target.query('SELECT count(*) AS n FROM ONLY growth.parent');
    expect(own.rows).toEqual([{ n: '10' }]);
    expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true });
  });

  test('and streamed: rows that move from partition to partition, statements on the root and on a partition', async () => {
    await pipeline.source.query(`
      UPDATE public.events SET n = n + 1 WHERE id % 2 = 0;
      UPDATE public.events SET region = 'us' WHERE id % 10 = 3; UPDATE public.events SET id = id + 5000 WHERE id % 50 = 7;
      UPDATE public."Events.EU" SET n = 9 WHERE id % 5 = 0; DELETE FROM public.events_rest_low WHERE id % 11 = 0;
      INSERT INTO public."Events.EU" (region, id, n, big) VALUES ('eu', 9001, 1, 'direct');
      UPDATE public.orders SET v = 'streamed' WHERE id IN (3, 103); DELETE FROM public.orders WHERE id IN (4, 104);
      UPDATE public.parent SET v = 'all' WHERE id = 7; UPDATE ONLY public.parent SET v = 'own' WHERE id = 8;
      DELETE FROM public.child WHERE id = 9`);
    await pipeline.expectApplied('public.events', 'public.orders_1', 'public.orders_2', 'public.child');
    const rows = await Promise.all(
      [pipeline.source.query('TABLE ONLY public.parent'), pipeline.target.query('TABLE ONLY growth.parent')].map(
        async (result) => (await result).rows.map((row) => JSON.stringify(row)).sort(),
      ),
    );
    expect(rows[1]).toEqual(rows[0]);
  });

  test('a partition that is created while they are streamed, and one that is attached with rows', async () => {
    await pipeline.source.query(`
      CREATE TABLE public.events_new PARTITION OF public.events FOR VALUES IN ('new');
      INSERT INTO public.events SELECT 'new', i, 0, 'created' FROM generate_series(1, 500) i;
      CREATE TABLE public.events_old (LIKE public.events INCLUDING ALL);
      INSERT INTO public.events_old SELECT 'old', i, 0, 'attached' FROM generate_series(1, 500) i;
      ALTER TABLE public.events ATTACH PARTITION public.events_old FOR VALUES IN ('old');
      UPDATE public.events SET n = 1 WHERE region = 'old' AND id <= 10; DELETE FROM public.events WHERE region = 'old' AND id = 11`);
    const count = async () =>
      (await pipeline.target.query("SELECT count(*) AS n FROM growth.events WHERE region = 'old'")).rows[0].n;
    await pipeline.until('the attached partition to be copied', async () => (await count()) === '499');
    await pipeline.expectApplied('public.events');
    expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true });
    // A rewrite changes no row.
    await pipeline.source.query('VACUUM FULL public.events_old');
  });

  test('verification sees them as one', async () => {
    const verified = await pipeline.ferry('verify', '--table', 'public.events', '--table', 'public.parent', '--json');
    expect(verified.json()).toMatchObject({ ok: true });
  });

  test('a truncated root is emptied, also by a capture that dies before it has put down that it knows', async () => {
    await pipeline.capture.stop();
    pipeline.capture.start({ FERRY_FAILPOINTS: 'capture.state-due=pause:60000@0' });
    await pipeline.source.query(
      "TRUNCATE public.events; INSERT INTO public.events VALUES ('eu', 1, 1, 'left'), ('us', 1, 1, 'left'), ('us', 2000, 1, 'left')",
    );
    await pipeline.expectApplied('public.events');
    await pipeline.until('the slot to be behind it', async () => {
      const { rows } = await pipeline.source.query(
        'SELECT pg_wal_lsn_diff(confirmed_flush_lsn, $1::pg_lsn) >= 0 AS is FROM pg_replication_slots WHERE database = current_database()',
        [formatLsn((await pipeline.appliedThrough())!)],
      );
      return rows[0].is === 't';
    });
    await pipeline.capture.kill();
    pipeline.capture.start();
    await pipeline.source.query("INSERT INTO public.events VALUES ('eu', 2, 1, 'left')");
    await pipeline.expectApplied('public.events');
  });

  test('a partition that is rewritten while capture is away changes no row, and it goes on', async () => {
    await pipeline.source.query(
      "INSERT INTO public.events SELECT 'us', i, 0, 'rewritten' FROM generate_series(10, 20) i",
    );
    await untilLookedAt(pipeline, 'public.events');
    await pipeline.capture.stop();
    await pipeline.source.query('VACUUM FULL public.events_rest_low');
    await pipeline.source.query('DELETE FROM public.events WHERE id = 10');
    pipeline.capture.start();
    await untilLookedAt(pipeline, 'public.events');
    await pipeline.expectApplied('public.events');
  });

  test('one that is truncated beside capture or without it, or detached, halts it; copied again, the table goes on', async () => {
    const copiedAgain = async (said: RegExp) => {
      pipeline.capture.mayEnd();
      expect(await pipeline.capture.ended).toMatchObject({ code: 1 });
      const tail = await pipeline.capture.stderrTail();
      expect(tail).toMatch(said);
      expect(tail).toContain('ferry table resnapshot public.events');
      const ordered = pipeline.ferry('table', 'resnapshot', 'public.events', '--yes', '--json');
      await pipeline.until('the order to be given', async () => {
        const { rows } = await pipeline.target.query(
          "SELECT FROM ferry.table_state WHERE source_table = 'public.events' AND state = 'paused'",
        );
        return rows.length > 0;
      });
      pipeline.capture.start();
      const { code, stderr } = await ordered;
      expect(code, stderr).toBe(0);
      await pipeline.until('the table to be copied again', async () =>
        (await pipeline.status()).tables.some(
          ({ source, state }) => source === 'public.events' && state === 'streaming',
        ),
      );
      await untilLookedAt(pipeline, 'public.events');
      await pipeline.expectApplied('public.events');
    };
    await pipeline.capture.stop();
    // Analyzed, as autovacuum may at any moment, it looks like one that was only rewritten.
    await pipeline.source.query('TRUNCATE public.events_rest_low; ANALYZE public.events_rest_low');
    pipeline.capture.start();
    await copiedAgain(/partition public.events_rest_low was truncated or rewritten on its own/);
    await pipeline.source.query('TRUNCATE public.events_rest_high; ANALYZE public.events_rest_high');
    await pipeline.source.query('ALTER TABLE public.events DETACH PARTITION public."Events.EU"');
    await copiedAgain(
      /Events.EU was detached or dropped; public.events_rest_high was truncated or rewritten on its own/,
    );
    expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true });
  });
});
