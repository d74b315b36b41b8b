import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { topicsOf } from '../../core/topics.js';
import { type Driver, forEachDriver } from '../support/drivers.js';
import { Load, type Transaction } from '../support/load.js';
import { makePipeline, type Pipeline } from '../support/pipeline.js';
import { fromPublic } from '../support/pipeline-files.js';
import { Random, testSeed } from '../support/random.js';
import { snapshotBlocks } from '../support/snapshot-blocks.js';

const ROWS = 3_000;
const CHUNK_ROWS = 20;

forEachDriver('the snapshot', (driver) => {
  test('killed again and again it goes on at the chunk, and holds no transaction longer than one', async () => {
    await using pipeline = await makePipeline({
      driver,
      schemaSql: 'CREATE TABLE public.t (id int PRIMARY KEY, v text); CREATE TABLE public.u (id text PRIMARY KEY, v text)',
      sourceSql: `INSERT INTO public.t SELECT i, 'v' || i FROM generate_series(1, ${ROWS}) i;
        INSERT INTO public.u SELECT md5(i::text), 'v' || i FROM generate_series(1, ${ROWS}) i`,
      tables: { growth: fromPublic('t', 'u') },
      capture: { snapshotChunkRows: CHUNK_ROWS },
    });
    await using log = await pipeline.openLog();
    const raw = topicsOf(pipeline.config.name).raw;
    const copied = async () => (await snapshotBlocks(log, raw)).reduce((sum, block) => sum + block.keys.length, 0);
    const watch = new TransactionWatch(pipeline);
    pipeline.start();
    let before = 0;
    for (let kill = 1; kill <= 3; kill++) {
      await pipeline.until(`a part of the snapshot`, async () => (await copied()) >= before + ROWS / 5);
      await pipeline.capture.kill();
      before = await copied();
      pipeline.capture.start();
    }
    // Killed in the middle of it, or nothing was proved.
    expect(before).toBeLessThan(2 * ROWS);
    await pipeline.untilStreaming();
    await pipeline.expectApplied();

    const blocks = await snapshotBlocks(log, raw);
    for (const table of ['public.t', 'public.u']) {
      const keys = blocks.filter((block) => block.table === table).flatMap((block) => block.keys);
      expect(new Set(keys).size).toBe(ROWS);
      expect(keys.length, 'rows copied, each once').toBe(ROWS);
    }
    const { transactions, longestMs, seenMs } = await watch.stop();
    expect(transactions).toBeGreaterThan(10);
    expect(longestMs).toBeLessThan(Math.max(500, seenMs / 5));
  });

  for (const seed of [testSeed(1), testSeed(2)]) {
    test(`rows that change at random while they are copied, and capture killed meanwhile: seed ${seed}`, async () => {
      await using pipeline = await randomPipeline(driver);
      const sessions = await Promise.all([1, 2, 3].map(() => pipeline.connect('source')));
      const load = new Load(sessions, CHANGES, seed);
      const random = new Random(seed);
      pipeline.start();
      await pipeline.capture.ended.constructor;
      for (let kill = 0; kill < 2; kill++) {
        await untilCopying(pipeline);
        await sleep(random.int(0, 500));
        await pipeline.capture.kill();
        pipeline.capture.start();
      }
      await pipeline.untilStreaming();
      await load.stop();
      await pipeline.expectApplied();
      expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true, deadLettered: 0 });
    });
  }
});
