import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { countedWrites, countWritesSql } from '../support/append-proof.js';
import { Load } from '../support/load.js';
import { type Pipeline, startPipeline } from '../support/pipeline.js';
import { fromPublic } from '../support/pipeline-files.js';
import { testSeed } from '../support/random.js';
import { describeWithKafka } from '../support/servers.js';
import type { ServiceProcess } from '../support/service-process.js';

/** Twice as long as the group gives a member that is not heard of. */
const STOPPED_MS = 12_000;

/** Takes down each step back of a number that only rises. */
const STEPS_BACK = `
  CREATE TABLE proof.steps_back (id int, before bigint, after bigint);
  CREATE FUNCTION proof.compare() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.n < OLD.n THEN INSERT INTO proof.steps_back VALUES (OLD.id, OLD.n, NEW.n); END IF; RETURN NULL; END $$;
  CREATE TRIGGER compare AFTER UPDATE ON growth.totals FOR EACH ROW EXECUTE FUNCTION proof.compare();
  ALTER TABLE growth.totals ENABLE ALWAYS TRIGGER compare`;

describeWithKafka('two instances each of transform and apply share four partitions', () => {
  const start = () =>
    startPipeline({
      driver: 'kafka',
      partitions: 4,
      schemaSql: `CREATE TABLE public.entries (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text);
        CREATE TABLE public.totals (id int PRIMARY KEY, n bigint NOT NULL)`,
      sourceSql: 'INSERT INTO public.totals SELECT i, 0 FROM generate_series(1, 50) i',
      targetSql: `${countWritesSql([{ schema: 'growth', table: 'entries' }])}; ${STEPS_BACK}`,
      tables: { growth: fromPublic('entries', 'totals') },
    });

  async function startLoad(pipeline: Pipeline, seed: number): Promise<Load> {
    const sessions = await Promise.all([1, 2].map(() => pipeline.connect('source')));
    return new Load(
      sessions,
      [
        (random) => `INSERT INTO public.entries (note) SELECT 'e' FROM generate_series(1, ${random.int(1, 4)});
          UPDATE public.totals SET n = n + 1 WHERE id = ${random.int(1, 50)}`,
      ],
      seed,
    );
  }

  async function expectAppliedOnceInOrder(pipeline: Pipeline): Promise<void> {
    await pipeline.expectApplied();
    const { rows } = await pipeline.source.query('SELECT count(*) AS n FROM public.entries');
    expect(await countedWrites(pipeline.target)).toEqual([`entries: 1 x ${rows[0].n}`]);
    expect((await pipeline.target.query('SELECT * FROM proof.steps_back')).rows).toEqual([]);
    expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true, deadLettered: 0 });
  }

  /** Partitions that each instance works on, by the checkpoints' owners. */
  async function shares(pipeline: Pipeline): Promise<number[]> {
    const { rows } = await pipeline.target.query<{ n: string }>(
      'SELECT count(*) AS n FROM ferry.checkpoint WHERE pipeline = $1 GROUP BY owner ORDER BY n',
      [pipeline.config.name],
    );
    return rows.map((row) => Number(row.n));
  }

  async function startSecond(pipeline: Pipeline): Promise<{ transform: ServiceProcess; apply: ServiceProcess }> {
    const second = { transform: pipeline.process('transform'), apply: pipeline.process('apply') };
    second.transform.start();
    second.apply.start();
    await pipeline.until('both applies to have half of the partitions', async () => {
      const found = await shares(pipeline);
      return found.length === 2 && found[0] === found[1];
    });
    return second;
  }

  test('one is killed, the other takes its partitions over', async () => {
    await using pipeline = await start();
    const load = await startLoad(pipeline, testSeed(6));
    const second = await startSecond(pipeline);
    await pipeline.untilApplied();
    await Promise.all([pipeline.transform.kill(), pipeline.apply.kill()]);
    await pipeline.untilApplied(30_000);
    expect(await shares(pipeline)).toEqual([4]);
    // The other way round: one that comes back takes its share again.
    pipeline.transform.start();
    pipeline.apply.start();
    await sleep(2_000);
    await Promise.all([second.transform.stop(), second.apply.stop()]);
    await load.stop();
    await expectAppliedOnceInOrder(pipeline);
  });

  test('one that was thought dead comes back: its late write is refused, and it shares again', async () => {
    await using pipeline = await start();
    const load = await startLoad(pipeline, testSeed(7));
    await startSecond(pipeline);
    const standStill = async (service: ServiceProcess) => {
      service.signal('SIGSTOP');
      await sleep(STOPPED_MS);
      await pipeline.untilApplied(30_000);
      service.signal('SIGCONT');
      await sleep(2_000);
    };
    await standStill(pipeline.apply);
    await standStill(pipeline.transform);
    const isFenced = async () => (await pipeline.apply.stderr()).includes('checkpoint-fenced');
    // Where it stood with nothing to write, and was given other partitions, it had no late write.
    for (let again = 0; again < 2 && !(await isFenced()); again++) await standStill(pipeline.apply);
    expect(await isFenced()).toBe(true);
    await load.stop();
    await expectAppliedOnceInOrder(pipeline);
    await pipeline.until('both to share again', async () => (await shares(pipeline)).length === 2);
  }, 300_000);
});
