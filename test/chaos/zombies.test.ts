import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { countedWrites, countWritesSql } from '../support/append-proof.js';
import { type Driver, forEachDriver } from '../support/drivers.js';
import { Load } from '../support/load.js';
import { type Pipeline, startPipeline } from '../support/pipeline.js';
import { fromPublic } from '../support/pipeline-files.js';
import { Random, testSeed } from '../support/random.js';

const ROUNDS = 3;

function countingPipeline(driver: Driver): Promise<Pipeline> {
  return startPipeline({
    driver,
    schemaSql: `CREATE TABLE public.entries (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text);
      CREATE TABLE public.totals (id int PRIMARY KEY, n bigint NOT NULL)`,
    sourceSql: 'INSERT INTO public.totals SELECT i, 0 FROM generate_series(1, 20) i',
    targetSql: countWritesSql([{ schema: 'growth', table: 'entries' }]),
    tables: { growth: fromPublic('entries', 'totals') },
  });
}

async function startLoad(pipeline: Pipeline, seed: number): Promise<Load> {
  const sessions = await Promise.all([1, 2].map(() => pipeline.connect('source')));
  const work = (
    random: Random,
  ) => `INSERT INTO public.entries (note) SELECT 'e' FROM generate_series(1, ${random.int(1, 4)});
    UPDATE public.totals SET n = n + 1 WHERE id = ${random.int(1, 20)}`;
  return new Load(sessions, [work], seed);
}

async function expectEachAppliedOnce(pipeline: Pipeline): Promise<void> {
  await pipeline.expectApplied();
  const { rows } = await pipeline.source.query('SELECT count(*) AS n FROM public.entries');
  expect(await countedWrites(pipeline.target)).toEqual([`entries: 1 x ${rows[0].n}`]);
  expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true });
}

forEachDriver('an instance that was thought dead', (driver) => {
  test('an apply that comes back is refused by the checkpoint', async () => {
    await using pipeline = await countingPipeline(driver);
    const random = new Random(testSeed(3));
    const load = await startLoad(pipeline, testSeed(3));
    let { apply } = pipeline;
    for (let round = 0; round < ROUNDS; round++) {
      await sleep(random.int(0, 300));
      const zombie = apply;
      zombie.mayEnd();
      zombie.signal('SIGSTOP');
      apply = pipeline.process('apply');
      apply.start();
      // The new one may have to wait for locks that the other still holds.
      await sleep(random.int(500, 2_000));
      zombie.signal('SIGCONT');
      expect((await zombie.ended).code).toBe(1);
      expect(await zombie.stderr()).toContain('checkpoint-fenced');
    }
    await load.stop();
    await expectEachAppliedOnce(pipeline);
  });

  test('a transform that comes back does not make anything apply twice', async () => {
    await using pipeline = await countingPipeline(driver);
    const random = new Random(testSeed(4));
    const load = await startLoad(pipeline, testSeed(4));
    let { transform } = pipeline;
    for (let round = 0; round < ROUNDS; round++) {
      await sleep(random.int(0, 300));
      const zombie = transform;
      zombie.mayEnd();
      zombie.signal('SIGSTOP');
      transform = pipeline.process('transform');
      transform.start();
      transform.mayEnd();
      // Long enough for it to append, unless the other holds the embedded log's lock.
      await sleep(random.int(1_500, 2_000));
      zombie.signal('SIGCONT');
      // Over Kafka it is noticed only after both have appended, and then neither knows the end any more.
      const first = await Promise.race([zombie, transform].map((service) => service.ended.then(() => service)));
      expect(await first.stderr()).toContain('log-regressed');
      await Promise.all([zombie.kill(), transform.kill()]);
      transform = pipeline.process('transform');
      transform.start();
      await pipeline.untilApplied();
    }
    await load.stop();
    await expectEachAppliedOnce(pipeline);
  });
});
