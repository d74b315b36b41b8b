import { afterAll, beforeAll, expect, test } from 'vitest';
import { sourceObjectName } from '../../../core/topics.js';
import { quoteIdentifier } from '../../../platform/postgres.js';
import { makePipeline, type Pipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';
import { describeWithPostgres } from '../../support/servers.js';

describeWithPostgres('a publication that was made beforehand, with row filters and column lists', () => {
  let pipeline: Pipeline;
  let name: string;

  beforeAll(async () => {
    pipeline = await makePipeline({
      driver: 'embedded',
      schemaSql: `CREATE TABLE public.docs (id int PRIMARY KEY, tenant int NOT NULL, state text, big text);
        ALTER TABLE public.docs ALTER big SET STORAGE EXTERNAL;
        CREATE TABLE public.people (secret text, id int, name text, note text DEFAULT 'd', PRIMARY KEY (id));
        CREATE TABLE public.parts (id int, tenant int, v text, PRIMARY KEY (id, tenant)) PARTITION BY LIST (tenant);
        CREATE TABLE public.parts_1 PARTITION OF public.parts FOR VALUES IN (1);
        CREATE TABLE public.parts_2 PARTITION OF public.parts FOR VALUES IN (2)`,
      sourceSql: `ALTER TABLE public.docs REPLICA IDENTITY FULL;
        INSERT INTO public.docs SELECT i, i % 3, CASE WHEN i % 2 = 0 THEN 'live' END, repeat('b', 3000) FROM generate_series(1, 300) i;
        INSERT INTO public.people SELECT 'hidden', i, 'name ' || i FROM generate_series(1, 100) i;
        INSERT INTO public.parts SELECT i, 1 + i % 2, 'x' FROM generate_series(1, 100) i`,
      // What the column list leaves out, the target need not have.
      targetSql: 'ALTER TABLE growth.people DROP COLUMN secret',
      tables: { growth: fromPublic('docs', 'people', 'parts') },
      capture: { snapshotChunkRows: 40 },
    });
    name = sourceObjectName(pipeline.config.name);
    await pipeline.source.query(
      `CREATE PUBLICATION ${quoteIdentifier(name)} FOR TABLE public.docs WHERE (tenant = 1 AND state IS DISTINCT FROM 'gone'),
         public.people (id, name, note), public.parts WHERE (id % 5 <> 0) WITH (publish_via_partition_root = true)`,
    );
    expect((await pipeline.ferry('check', '--json')).json()).toMatchObject({ ok: true });
    pipeline.start();
    await pipeline.untilStreaming();
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  const published: Readonly<Record<string, string>> = {
    docs: "SELECT id, tenant, state, md5(big) FROM %.docs WHERE tenant = 1 AND state IS DISTINCT FROM 'gone'",
    people: 'SELECT id, name, note FROM %.people',
    parts: 'SELECT id, tenant, v FROM %.parts WHERE id % 5 <> 0',
  };
  const expectSame = async () => {
    await pipeline.untilApplied();
    for (const [table, sql] of Object.entries(published)) {
      const source = await pipeline.source.query(`${sql.replace('%.', 'public.')} ORDER BY 1, 2`);
      const target = await pipeline.target.query(
        `${sql.replace('%.', 'growth.').replace(/ WHERE .*/, '')} ORDER BY 1, 2`,
      );
      expect(target.rows, table).toEqual(source.rows);
    }
  };

  test('the snapshot copies what it publishes, and nothing else', async () => {
    await expectSame();
    const { rows } = await pipeline.target.query('SELECT count(*) AS n FROM growth.docs');
    expect(rows).toEqual([{ n: '100' }]);
  });

  test('and the stream: rows that leave the filter are deleted, those that enter it are inserted', async () => {
    await pipeline.source.query(`
      UPDATE public.docs SET tenant = 2 WHERE id IN (1, 4); UPDATE public.docs SET tenant = 1 WHERE id IN (2, 5);
      UPDATE public.docs SET state = 'gone' WHERE id = 7; UPDATE public.docs SET state = 'back' WHERE state IS NULL AND id < 20;
      INSERT INTO public.docs VALUES (1001, 1, 'new', 'x'), (1002, 2, 'new', 'x'); DELETE FROM public.docs WHERE id IN (10, 11);
      UPDATE public.people SET secret = 'other' WHERE id < 10; UPDATE public.people SET name = 'new', secret = 's' WHERE id > 90;
      UPDATE public.people SET id = 1000 WHERE id = 50; DELETE FROM public.people WHERE id = 51;
      UPDATE public.parts SET id = id + 1000, v = 'moved' WHERE id BETWEEN 10 AND 20; UPDATE public.parts SET tenant = 2 WHERE id = 31`);
    await expectSame();
    expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true });
  });

  test('verification compares what it publishes, and finds what differs in it', async () => {
    expect((await pipeline.ferry('verify', '--json')).json()).toMatchObject({ ok: true });
    await pipeline.target.query("UPDATE growth.docs SET state = 'wrong' WHERE id = 13");
    expect((await pipeline.ferry('verify', '--json')).json()).toMatchObject({ ok: false });
  });

  test('it is not changed, and one that became unfit is refused', async () => {
    const definition = async () =>
      (await pipeline.source.query('SELECT * FROM pg_catalog.pg_publication_tables WHERE pubname = $1', [name])).rows;
    const before = await definition();
    expect(before).toHaveLength(3);
    await pipeline.source.query('ALTER TABLE public.docs REPLICA IDENTITY DEFAULT');
    await pipeline.source.query(`ALTER PUBLICATION ${quoteIdentifier(name)} SET (publish = 'insert, update, delete')`);
    await pipeline.capture.kill();
    pipeline.capture.start();
    pipeline.capture.mayEnd();
    expect(await pipeline.capture.ended).toMatchObject({ code: 1 });
    const said = await pipeline.capture.stderrTail();
    expect(said).toContain('does not publish truncate');
    expect(said).toContain('row filter of public.docs');
    expect(said).toContain('reads tenant, state, which its replica identity lacks');
    expect(await definition()).toEqual(before);
  });
});
