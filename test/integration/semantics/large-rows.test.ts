import { join } from 'node:path';
import type { ClientBase } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Driver, forEachDriver } from '../../support/drivers.js';
import { makePipeline, type Pipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';
import { ServiceProcess } from '../../support/service-process.js';

/** 20 MB of text: a broker takes 1 MB in a message, and a chunk of the snapshot is 4 MB. */
const large = (seed: number) => `repeat('"\\' || md5('${seed}') || E'€\\t' || repeat('${seed} ', 480), 20000)`;
const TIMEOUT_MS = 100_000;

/** A row's key and a hash of its text, of every row whose text is large, and one hash of all others. */
async function digest(session: ClientBase, schema: string): Promise<unknown> {
  const of = (table: string) =>
    `SELECT '${table}' AS name, id, length(v), n, md5(v) AS hash FROM ${schema}.${table} t WHERE id > 100000
     UNION ALL SELECT '${table}', 0, count(*), 0, md5(string_agg(t::text, ',' ORDER BY id))
       FROM ${schema}.${table} t WHERE id <= 100000`;
  return (await session.query(`${of('wide')} UNION ALL ${of('whole')} ORDER BY 1, 2`)).rows;
}

forEachDriver('rows of 20 MB', (driver) => {
  let pipeline: Pipeline;

  beforeAll(async () => {
    pipeline = await widePipeline(driver);
    if (driver === 'kafka') await dieBetweenParts(pipeline);
    pipeline.start();
    await pipeline.untilStreaming(TIMEOUT_MS);
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  const expectSame = async () => {
    await pipeline.untilApplied(TIMEOUT_MS);
    const [source, target] = [await digest(pipeline.source, 'public'), await digest(pipeline.target, 'growth')];
    expect(target).toEqual(source);
  };

  test('arrive by the snapshot, also where small rows had it expect small ones', async () => {
    await expectSame();
    const { ledger } = await pipeline.status();
    expect(ledger).toMatchObject({ addsUp: true });
    const wide = ledger!.tables.find(({ table }) => table === 'public.wide');
    expect(wide).toMatchObject({ read: 10_001, deduplicated: 0 });
  });

  test('and by the stream: insert, update with and without them, old and new row, key change, delete', async () => {
    await pipeline.source.query(`
      INSERT INTO public.wide VALUES (200001, 0, ${large(3)});
      UPDATE public.wide SET n = n + 1 WHERE id IN (100001, 200001); UPDATE public.wide SET id = 200002 WHERE id = 100001;
      UPDATE public.wide SET v = ${large(4)} WHERE id = 200001; UPDATE public.whole SET v = ${large(5)} WHERE id = 100001`);
    await expectSame();
    await pipeline.source.query('DELETE FROM public.whole WHERE id = 100001');
    await expectSame();
    expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true });
  });

  test('and by a replay', async () => {
    const replayed = await pipeline.ferry('replay', '--yes', '--json');
    expect(replayed.json(), replayed.stderr).toMatchObject({ ok: true });
    await expectSame();
  });
});

function widePipeline(driver: Driver): Promise<Pipeline> {
  return makePipeline({
    driver,
    schemaSql: `CREATE TABLE public.wide (id int PRIMARY KEY, n int NOT NULL, v text);
      CREATE TABLE public.whole (id int PRIMARY KEY, n int NOT NULL, v text)`,
    sourceSql: `INSERT INTO public.wide SELECT i, 0, 'small' FROM generate_series(1, 10000) i;
      ANALYZE public.wide; ALTER TABLE public.whole REPLICA IDENTITY FULL;
      INSERT INTO public.wide VALUES (100001, 0, ${large(1)}); INSERT INTO public.whole VALUES (100001, 0, ${large(2)})`,
    tables: { growth: fromPublic('wide', 'whole') },
  });
}

/** Capture, killed behind the first part of a record that is larger than a message. */
async function dieBetweenParts(pipeline: Pipeline): Promise<void> {
  const capture = new ServiceProcess('capture', {
    config: pipeline.config.directory,
    stderrFile: join(pipeline.config.directory, 'dying.log'),
    env: { ...pipeline.env, FERRY_FAILPOINTS: 'log.part-appended=die:0@0' },
  });
  capture.start();
  await pipeline.until('capture to die between two parts', () => capture.hasFailed);
}
