import { Readable } from 'node:stream';
import { pipeline as streamPipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { countedWrites, countWritesSql } from '../../support/append-proof.js';
import { type OwnServer, ownServer } from '../../support/own-server.js';
import { makePipeline, type Pipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';
import { describeWithPostgres } from '../../support/servers.js';

/** More than logical_decoding_work_mem in the sessions that set it to its least: spilled by the server, or streamed. */
const SPILLED = "SELECT i, repeat('s', 500) FROM generate_series";

describeWithPostgres('transactions arrive in the order of their commits', () => {
  let server: OwnServer;
  let pipeline: Pipeline;

  beforeAll(async () => {
    // What is prepared here, checks of others at the same server would name.
    server = await ownServer({ wal_level: 'logical', max_prepared_transactions: '4' });
    pipeline = await makePipeline({
      driver: 'embedded',
      sourceServer: server.url,
      schemaSql: `
        CREATE TABLE public.notes (id int PRIMARY KEY, text text);
        CREATE TABLE public.events (id int PRIMARY KEY, text text)`,
      sourceSql: `
        INSERT INTO public.notes SELECT i, 'before' FROM generate_series(1, 100) i;
        DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET logical_decoding_work_mem = %L', current_database(), '64kB'); END $$`,
      targetSql: countWritesSql([{ schema: 'facts', table: 'events' }]),
      tables: { words: fromPublic('notes'), facts: fromPublic('events') },
    });
  });
  afterAll(async () => {
    await pipeline?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  test('one that began, and wrote, before there was a slot', async () => {
    const early = await pipeline.connect('source');
    await early.query(
      `BEGIN; UPDATE public.notes SET text = 'early' WHERE id = 1; INSERT INTO public.events VALUES (1, 'early')`,
    );
    pipeline.start();
    await pipeline.until('capture to say that it waits', async () =>
      (await pipeline.capture.stderr()).includes('waits for transactions that are open'),
    );
    await early.query(`INSERT INTO public.events VALUES (2, 'later'); COMMIT`);
    await pipeline.untilStreaming();
    await pipeline.expectApplied();
  });

  test('those that began in one order and committed in another, over the same rows', async () => {
    const [one, two, three] = [
      await pipeline.connect('source'),
      await pipeline.connect('source'),
      await pipeline.connect('source'),
    ];
    await one.query(
      `BEGIN; INSERT INTO public.events VALUES (10, 'one'); UPDATE public.notes SET text = 'one' WHERE id = 2`,
    );
    await two.query(
      `BEGIN; INSERT INTO public.events VALUES (11, 'two'); UPDATE public.notes SET text = 'two' WHERE id = 3`,
    );
    await three.query(`BEGIN; DELETE FROM public.notes WHERE id = 4; COMMIT`);
    await two.query(`INSERT INTO public.notes VALUES (4, 'two'); COMMIT`);
    await one.query(`UPDATE public.notes SET text = text || ' and one' WHERE id IN (3, 4); COMMIT`);
    await pipeline.expectApplied();
  });

  test('savepoints that are rolled back leave nothing, in small transactions and in large ones', async () => {
    await pipeline.source.query(`
      BEGIN; INSERT INTO public.events VALUES (20, 'kept'); SAVEPOINT a; INSERT INTO public.events VALUES (21, 'not');
      SAVEPOINT b; UPDATE public.notes SET text = 'not'; ROLLBACK TO a; INSERT INTO public.events VALUES (22, 'kept'); COMMIT;
      BEGIN; INSERT INTO public.events ${SPILLED}(1000, 1999) i; SAVEPOINT c; INSERT INTO public.events ${SPILLED}(2000, 2999) i;
      DELETE FROM public.notes; ROLLBACK TO c; INSERT INTO public.events VALUES (2000, 'after'); COMMIT;
      BEGIN; INSERT INTO public.events ${SPILLED}(3000, 4999) i; TRUNCATE public.notes; ROLLBACK`);
    await pipeline.expectApplied();
  });

  test('two-phase: what is prepared arrives when it is committed, capture killed between; what is rolled back never', async () => {
    await pipeline.source.query(`BEGIN; INSERT INTO public.events VALUES (30, 'prepared'); UPDATE public.notes SET text = 'p' WHERE id = 5;
      PREPARE TRANSACTION 'kept_${pipeline.config.name}'`);
    await pipeline.source.query(
      `BEGIN; INSERT INTO public.events VALUES (31, 'never'); PREPARE TRANSACTION 'undone_${pipeline.config.name}'`,
    );
    await pipeline.source.query(`INSERT INTO public.events VALUES (32, 'between')`);
    await pipeline.untilApplied();
    expect((await pipeline.target.query('SELECT id FROM facts.events WHERE id BETWEEN 30 AND 39')).rows).toEqual([
      { id: '32' },
    ]);
    await pipeline.capture.kill();
    await pipeline.source.query(`ROLLBACK PREPARED 'undone_${pipeline.config.name}'`);
    await pipeline.source.query(`COMMIT PREPARED 'kept_${pipeline.config.name}'`);
    pipeline.capture.start();
    await pipeline.expectApplied();
  });

  test('many events of one LSN, and one transaction right behind the other, capture killed amid them', async () => {
    for (const from of [10_000, 20_000, 30_000]) {
      const lines = Array.from({ length: 5_000 }, (_, i) => `${from + i}\tmany\n`);
      // Only COPY puts many rows into one record of the WAL.
      await streamPipeline(Readable.from(lines), pipeline.source.query(copyFrom('COPY public.events FROM STDIN')));
      await pipeline.source.query(
        `INSERT INTO public.events SELECT i, 'next' FROM generate_series(${from + 5_000}, ${from + 5_010}) i`,
      );
      await pipeline.capture.kill();
      pipeline.capture.start();
    }
    await pipeline.expectApplied();
    const { rows } = await pipeline.source.query('SELECT count(*) AS n FROM public.events');
    expect(await countedWrites(pipeline.target)).toEqual([`events: 1 x ${rows[0]!.n}`]);
  });
});
