import { expect, test } from 'vitest';
import { topicsOf } from '../../../core/topics.js';
import { forEachDriver } from '../../support/drivers.js';
import { Load } from '../../support/load.js';
import { startPipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';
import { testSeed } from '../../support/random.js';

const PARTITIONS = 4;
const BIG = "pg_catalog.repeat('0123456789', 10000)";

forEachDriver('four partitions', (driver) => {
  const start = () =>
    startPipeline({
      driver,
      partitions: PARTITIONS,
      schemaSql: `
        CREATE TABLE public.users (id int PRIMARY KEY, name text, big text);
        ALTER TABLE public.users ALTER big SET STORAGE EXTERNAL;
        CREATE TABLE public.places (city text, street text, n int, PRIMARY KEY (street, city));
        CREATE TABLE public.codes (id int NOT NULL, code text NOT NULL UNIQUE, n int);
        CREATE TABLE public.names (id int PRIMARY KEY, name text UNIQUE);
        CREATE TABLE public.quiet (id int PRIMARY KEY)`,
      sourceSql: `
        INSERT INTO public.users SELECT i, 'u', CASE WHEN i % 10 = 1 THEN ${BIG} END FROM generate_series(1, 1000) i;
        INSERT INTO public.places SELECT 'c' || i, e's\\t\\\\' || i, i FROM generate_series(1, 500) i;
        INSERT INTO public.codes SELECT i, 'k' || i, 0 FROM generate_series(1, 100) i;
        INSERT INTO public.names SELECT i, 'name ' || i FROM generate_series(1, 200) i;
        ALTER TABLE public.codes REPLICA IDENTITY USING INDEX codes_code_key`,
      targetSql: 'ALTER TABLE shared.codes ADD PRIMARY KEY (code)',
      tables: { growth: fromPublic('users', 'places', 'names'), shared: fromPublic('codes', 'quiet') },
    });

  test('every change arrives: key moves with and without TOAST, truncates, other identities', async () => {
    await using pipeline = await start();
    const run = (sql: string) => pipeline.source.query(`BEGIN; ${sql}; COMMIT`);
    await run(`UPDATE public.users SET name = 'x' WHERE id % 2 = 0; DELETE FROM public.users WHERE id % 7 = 0`);
    await run(`UPDATE public.users SET id = id + 5000 WHERE id <= 100`);
    await run(`UPDATE public.users SET id = id - 5000, name = 'back' WHERE id > 5050`);
    await run(`UPDATE public.places SET city = 'moved ' || city WHERE n % 3 = 0; UPDATE public.places SET n = -n`);
    await run(`UPDATE public.codes SET code = 'new ' || code WHERE id < 50; UPDATE public.codes SET n = n + 1;
      DELETE FROM public.codes WHERE id > 90; UPDATE public.codes SET id = id + 1000 WHERE id < 10`);
    await run(`INSERT INTO public.quiet SELECT generate_series(1, 100); TRUNCATE public.quiet;
      INSERT INTO public.quiet SELECT generate_series(50, 150)`);
    // Unique values pass on from row to row, from partition to partition.
    const passes = Array.from(
      { length: 60 },
      (_, i) => `UPDATE public.names SET name = 'name ${i + 1}' WHERE id = ${i + 2}`,
    );
    await run(`UPDATE public.names SET name = NULL WHERE id = 1; ${passes.join(';')}`);
    await run(
      `TRUNCATE public.places; INSERT INTO public.places SELECT 'c', 's' || i, i FROM generate_series(1, 50) i`,
    );
    await pipeline.expectApplied();
    expect((await pipeline.statusIn('streaming')).ledger).toMatchObject({ addsUp: true });
    const verified = await pipeline.ferry('verify', '--json');
    expect(verified.code, verified.stderr).toBe(0);
    // All of this went over several partitions, or it would have proved nothing.
    await using log = await pipeline.openLog();
    const { raw } = topicsOf(pipeline.config.name);
    for (let partition = 0; partition < PARTITIONS; partition++) {
      expect(await log.endOffset({ topic: raw, partition })).toBeGreaterThan(3);
    }
  });

  // Over the embedded log one process has all partitions: kills meet nothing there that one partition does not.
  if (driver === 'embedded') return;

  test('survives kills under load, and a replay', async () => {
    await using pipeline = await start();
    const sessions = await Promise.all([1, 2].map(() => pipeline.connect('source')));
    const load = new Load(
      sessions,
      [
        (random) => `UPDATE public.users SET name = 'n${random.int(1, 99)}' WHERE id = ${random.int(1, 1000)}`,
        (random) => `UPDATE public.users SET id = ${random.int(2000, 9999)} WHERE id = ${random.int(1, 2000)}
          AND NOT EXISTS (SELECT FROM public.users WHERE id > 1999 AND id < 10000 AND random() < 0)`,
        (random) => `INSERT INTO public.places VALUES ('l', 'l${random.int(1, 300)}', 1) ON CONFLICT DO NOTHING;
          DELETE FROM public.places WHERE street = 'l${random.int(1, 300)}'`,
        (random) => `UPDATE public.codes SET n = n + 1 WHERE id = ${random.int(1, 100)}`,
        (random) =>
          random.int(1, 40) === 1
            ? 'TRUNCATE public.quiet'
            : `INSERT INTO public.quiet VALUES (${random.int(1, 200)}) ON CONFLICT DO NOTHING`,
      ],
      testSeed(5),
    );
    for (const service of [pipeline.apply, pipeline.transform, pipeline.capture]) {
      await service.kill();
      service.start();
      await pipeline.untilApplied();
    }
    await load.stop();
    await pipeline.expectApplied();
    expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true });
    await pipeline.target.query(`UPDATE growth.users SET name = 'spoiled'; DELETE FROM shared.codes WHERE id % 2 = 0`);
    const replayed = await pipeline.ferry('replay', '--yes', '--json');
    expect(replayed.json(), replayed.stderr).toMatchObject({ ok: true });
    await pipeline.expectApplied();
  });
});
