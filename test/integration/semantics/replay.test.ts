import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachDriver } from '../../support/drivers.js';
import { Load } from '../../support/load.js';
import { type Pipeline, startPipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';
import { processesWith } from '../../support/processes.js';

const BIG = "pg_catalog.repeat('0123456789', 10000)";

/** A history with everything in it that a rebuild must get right again. */
const HISTORY = [
  `UPDATE public.users SET name = 'changed' WHERE id <= 50`,
  `UPDATE public.users SET id = id + 10000 WHERE id BETWEEN 51 AND 60`,
  `DELETE FROM public.users WHERE id BETWEEN 61 AND 70; INSERT INTO public.users VALUES (61, 'again', ${BIG})`,
  `INSERT INTO public.posts SELECT i, i FROM generate_series(1, 500) i`,
  `TRUNCATE public.posts`,
  `INSERT INTO public.posts SELECT i, i FROM generate_series(101, 300) i; UPDATE public.posts SET id = -id WHERE id < 200`,
];

forEachDriver('a replay', (driver) => {
  let pipeline: Pipeline;

  beforeAll(async () => {
    pipeline = await startPipeline({
      driver,
      schemaSql: `
        CREATE TABLE public.users (id int PRIMARY KEY, name text, big text);
        ALTER TABLE public.users ALTER big SET STORAGE EXTERNAL;
        CREATE TABLE public.posts (id int PRIMARY KEY, author int)`,
      sourceSql: `INSERT INTO public.users SELECT i, 'u', CASE WHEN i % 100 = 1 THEN ${BIG} END FROM generate_series(1, 2000) i`,
      targetSql: `CREATE TABLE shared.unmapped AS SELECT 1 AS kept`,
      tables: { shared: fromPublic('users'), growth: fromPublic('posts') },
    });
    for (const sql of HISTORY) await pipeline.source.query(`BEGIN; ${sql}; COMMIT`);
    await pipeline.expectApplied();
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  async function replay(): Promise<void> {
    const result = await pipeline.ferry('replay', '--yes', '--json');
    expect(result.json(), result.stderr).toMatchObject({ ok: true });
    expect(result.code).toBe(0);
  }

  /** What nobody but apply may do to the target, and what a rebuild repairs. */
  async function spoilTarget(): Promise<void> {
    await pipeline.target.query(`UPDATE shared.users SET name = 'spoiled'; DELETE FROM growth.posts WHERE id % 2 = 0;
      INSERT INTO growth.posts VALUES (-7, -7)`);
    await expect(pipeline.expectEqual()).rejects.toThrow();
  }

  test('while the services run and the source is written to, repairs what others did to the target', async () => {
    await spoilTarget();
    const sessions = await Promise.all([1, 2].map(() => pipeline.connect('source')));
    const load = new Load(
      sessions,
      [
        (random) => `UPDATE public.users SET name = 'n${random.int(1, 99)}' WHERE id = ${random.int(1, 2000)}`,
        (random) =>
          `INSERT INTO public.posts VALUES (${random.int(1000, 9999)}, 1) ON CONFLICT (id) DO UPDATE SET author = 2`,
        (random) => `DELETE FROM public.posts WHERE id = ${random.int(1000, 9999)}`,
      ],
      1,
    );
    await replay();
    await load.stop();
    await pipeline.expectApplied();
    expect((await pipeline.statusIn('streaming')).ledger).toMatchObject({ addsUp: true });
    expect((await pipeline.target.query('SELECT kept FROM shared.unmapped')).rows).toEqual([{ kept: '1' }]);
  });

  test('while no service runs, starts what it needs and leaves nothing running', async () => {
    await pipeline.stop();
    await spoilTarget();
    await pipeline.source.query(`UPDATE public.users SET name = 'while all was down' WHERE id < 10`);
    await replay();
    await pipeline.expectEqual();
    await expect.poll(() => processesWith(pipeline.config.directory), { timeout: 5_000 }).toEqual([]);
    pipeline.start();
    await pipeline.source.query(`DELETE FROM public.users WHERE id = 1`);
    await pipeline.expectApplied();
    expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true });
  });
});
