import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { topicsOf } from '../../core/topics.js';
import { type Driver, forEachDriver } from '../support/drivers.js';
import { Load, type Transaction } from '../support/load.js';
import { makePipeline, type Pipeline } from '../support/pipeline.js';
import { fromPublic } from '../support/pipeline-files.js';
import { Random, testSeed } from '../support/random.js';
import { describeWithPostgres } from '../support/servers.js';
import { snapshotBlocks } from '../support/snapshot-blocks.js';

const ROWS = 3_000;
const CHUNK_ROWS = 20;

// What a kill leaves behind differs by driver, and the test with random changes has it over both.
describeWithPostgres('the snapshot', () => {
  test('killed again and again it goes on at the chunk, and holds no transaction longer than one', async () => {
    await using pipeline = await makePipeline({
      driver: 'embedded',
      schemaSql: `CREATE TABLE public.t (id int PRIMARY KEY, v text); CREATE TABLE public.u (id text PRIMARY KEY, v text);
        CREATE TABLE public.single (id int PRIMARY KEY, v text); CREATE TABLE public.nothing (id int PRIMARY KEY, v text)`,
      sourceSql: `INSERT INTO public.t SELECT i, 'v' || i FROM generate_series(1, ${ROWS}) i;
        INSERT INTO public.u SELECT md5(i::text), 'v' || i FROM generate_series(1, ${ROWS}) i;
        INSERT INTO public.single VALUES (1, 'the one')`,
      tables: { growth: fromPublic('t', 'u'), shared: fromPublic('single', 'nothing') },
      capture: { snapshotChunkRows: CHUNK_ROWS },
    });
    await using log = await pipeline.openLog();
    const raw = topicsOf(pipeline.config.name).raw;
    const copied = async () => (await snapshotBlocks(log, raw)).reduce((sum, block) => sum + block.keys.length, 0);
    const watch = new TransactionWatch(pipeline);
    pipeline.start();
    let before = 0;
    for (const share of [0.1, 0.4, 0.7]) {
      await pipeline.until(`${share} of the snapshot`, async () => (await copied()) >= 2 * ROWS * share);
      await pipeline.capture.kill();
      before = await copied();
      pipeline.capture.start();
    }
    // Killed in the middle of it, or nothing was proved.
    expect(before).toBeLessThan(2 * ROWS);
    await pipeline.untilStreaming();
    // In the gap between the end of the snapshot and the first change.
    await pipeline.capture.kill();
    pipeline.capture.start();
    await pipeline.expectApplied();

    const blocks = await snapshotBlocks(log, raw);
    const expected = { 'public.t': ROWS, 'public.u': ROWS, 'public.single': 1, 'public.nothing': 0 };
    const { ledger } = await pipeline.status();
    expect(ledger).toMatchObject({ addsUp: true });
    for (const [table, rows] of Object.entries(expected)) {
      const keys = blocks.filter((block) => block.table === table).flatMap((block) => block.keys);
      expect(new Set(keys).size).toBe(rows);
      expect(keys.length, 'rows copied, each once').toBe(rows);
      const entry = ledger!.tables.find((counted) => counted.table === table);
      expect(entry ?? { read: 0, deduplicated: 0 }).toMatchObject({ read: rows, deduplicated: 0 });
    }
    const { transactions, longestMs, seenMs } = await watch.stop();
    expect(transactions).toBeGreaterThan(10);
    expect(longestMs).toBeLessThan(Math.max(500, seenMs / 5));
  });
});

forEachDriver('the snapshot', (driver) => {
  const seed = testSeed(driver === 'embedded' ? 1 : 2);
  test(`rows that change at random while they are copied, capture killed meanwhile: seed ${seed}`, async ({
    annotate,
  }) => {
    await using pipeline = await randomPipeline(driver);
    await using log = await pipeline.openLog();
    const raw = { topic: topicsOf(pipeline.config.name).raw, partition: 0 };
    const sessions = await Promise.all([1, 2, 3].map(() => pipeline.connect('source')));
    const load = new Load(sessions, CHANGES, seed);
    const random = new Random(seed);
    pipeline.start();
    for (let kill = 0; kill < 2; kill++) {
      // 0 as long as capture has not made the topic yet.
      const end = await log.endOffset(raw).catch(() => 0);
      await pipeline.until('capture to go on', async () => (await log.endOffset(raw)) > end + 10);
      await sleep(random.int(0, 400));
      await pipeline.capture.kill();
      pipeline.capture.start();
    }
    const inTime = !(await pipeline.isCopied());
    await pipeline.untilStreaming();
    await load.stop();
    await pipeline.expectApplied();
    const { ledger } = await pipeline.status();
    expect(ledger).toMatchObject({ addsUp: true, deadLettered: 0 });
    const gaveWay = ledger!.tables.reduce((sum, table) => sum + table.deduplicated!, 0);
    await annotate(`${load.transactions} transactions; ${gaveWay} rows of chunks gave way to changes or came again`);
    expect(inTime, 'the last kill came before the end of the snapshot').toBe(true);
  });
});

const KEYS = 240;

function randomPipeline(driver: Driver): Promise<Pipeline> {
  const fill = (key: string) => `SELECT ${key}, 0, repeat('0', 3000) FROM generate_series(1, ${KEYS}) i`;
  return makePipeline({
    driver,
    schemaSql: ['plain', 'whole']
      .map(
        (table) => `CREATE TABLE public.${table} (id int PRIMARY KEY, n int NOT NULL, big text);
        ALTER TABLE public.${table} ALTER big SET STORAGE EXTERNAL`,
      )
      .concat(`CREATE TABLE public.pairs (a text, b int, n int NOT NULL, big text, PRIMARY KEY (b, a));
        ALTER TABLE public.pairs ALTER big SET STORAGE EXTERNAL`)
      .join(';'),
    sourceSql: `INSERT INTO public.plain ${fill('i')}; INSERT INTO public.whole ${fill('i')};
      INSERT INTO public.pairs ${fill("'k' || i % 10, i / 10")}; ALTER TABLE public.whole REPLICA IDENTITY FULL`,
    tables: { growth: fromPublic('plain', 'whole'), shared: fromPublic('pairs') },
    capture: { snapshotChunkRows: 5, snapshotParallelTables: 3 },
  });
}

const big = (random: Random) => `repeat('${random.int(100, 999)}', 1000)`;
const anyRow = (random: Random) => {
  const id = random.int(1, KEYS * 1.2);
  return random.pick([
    { table: 'public.plain', where: `id = ${id}`, key: `${id}`, move: `id = ${random.int(1, KEYS * 1.2)}` },
    { table: 'public.whole', where: `id = ${id}`, key: `${id}`, move: `id = ${random.int(1, KEYS * 1.2)}` },
    {
      table: 'public.pairs',
      where: `(a, b) = ('k${id % 10}', ${Math.floor(id / 10)})`,
      key: `'k${id % 10}', ${Math.floor(id / 10)}`,
      move: random.pick([`b = ${random.int(0, KEYS / 10)}`, `a = 'k${random.int(0, 9)}'`]),
    },
  ]);
};
const onRow =
  (sql: (row: ReturnType<typeof anyRow>, random: Random) => string): Transaction =>
  (random) =>
    sql(anyRow(random), random);

const SINGLE: readonly Transaction[] = [
  onRow(({ table, key }, random) => `INSERT INTO ${table} VALUES (${key}, 1, ${big(random)})`),
  onRow(({ table, where }) => `UPDATE ${table} SET n = n + 1 WHERE ${where}`),
  onRow(({ table, where }) => `UPDATE ${table} SET n = n + 1 WHERE ${where}`),
  onRow(({ table, where }, random) => `UPDATE ${table} SET big = ${big(random)} WHERE ${where}`),
  onRow(({ table, where, move }) => `UPDATE ${table} SET ${move} WHERE ${where}`),
  onRow(({ table, where, move }) => `UPDATE ${table} SET n = n + 1, ${move} WHERE ${where}`),
  onRow(({ table, where }) => `DELETE FROM ${table} WHERE ${where}`),
  onRow(
    ({ table, where, key }, random) =>
      `DELETE FROM ${table} WHERE ${where}; INSERT INTO ${table} VALUES (${key}, 2, ${big(random)})`,
  ),
];
const several: Transaction = (random) => Array.from({ length: 4 }, () => random.pick(SINGLE)(random)).join(';');
const seldomEmptied: Transaction = (random) =>
  random.next() < 0.03 ? 'SET LOCAL lock_timeout = 100; TRUNCATE public.whole' : several(random);
const CHANGES: readonly Transaction[] = [...SINGLE, several, several, seldomEmptied];

/** Looks every few milliseconds at how long the snapshot's transactions on the source have been open. */
class TransactionWatch {
  readonly #running: Promise<void>;
  readonly #starts = new Set<string>();
  readonly #startedAt = performance.now();
  #isStopped = false;
  #longestMs = 0;

  constructor(pipeline: Pipeline) {
    this.#running = this.#look(pipeline);
    this.#running.catch(() => {});
  }

  async stop(): Promise<{ transactions: number; longestMs: number; seenMs: number }> {
    this.#isStopped = true;
    await this.#running;
    const seenMs = performance.now() - this.#startedAt;
    return { transactions: this.#starts.size, longestMs: this.#longestMs, seenMs };
  }

  async #look(pipeline: Pipeline): Promise<void> {
    const session = await pipeline.connect('source');
    while (!this.#isStopped) {
      const { rows } = await session.query<{ start: string; ms: string }>(
        `SELECT xact_start AS start, extract(epoch FROM clock_timestamp() - xact_start) * 1000 AS ms
           FROM pg_catalog.pg_stat_activity
          WHERE datname = current_database() AND application_name = 'ferry capture snapshot' AND xact_start IS NOT NULL`,
      );
      for (const { start, ms } of rows) {
        this.#starts.add(start);
        this.#longestMs = Math.max(this.#longestMs, Number(ms));
      }
      await sleep(3);
    }
  }
}
