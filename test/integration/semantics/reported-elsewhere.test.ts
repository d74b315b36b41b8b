import { afterAll, beforeAll, expect, test } from 'vitest';
import { commonExtensions } from '../../support/extensions.js';
import { makePipeline, type Pipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';
import { describeWithPostgres } from '../../support/servers.js';

/** Each stored out of line, and so not in the WAL of an update that leaves it. */
const WIDE: Readonly<Record<string, { readonly type: string; readonly value: string }>> = {
  big: { type: 'text', value: "repeat('z', 100000)" },
  numbers: { type: 'int[]', value: 'array_agg(g)' },
  ids: { type: 'uuid[]', value: 'array_agg(md5(g::text)::uuid)' },
  words: { type: 'text[]', value: `array_agg(CASE WHEN g % 7 > 0 THEN 'a "word", ' || g END)` },
  doc: { type: 'jsonb', value: 'jsonb_object_agg(g, g::text)' },
};
const PAIRS = { type: 'public.hstore', value: "public.hstore(array_agg('k' || g), array_agg(NULLIF(g, 5)::text))" };

/** As long as a name may be. */
const LONGEST = `long_${'x'.repeat(57)}!`;

/** What trackers of other replicators tell of, where no other test has the same. */
describeWithPostgres('what others were reported to lose or bend', () => {
  let pipeline: Pipeline;
  let wide: typeof WIDE;

  const tables = ['wide', 'wide_whole'];
  const insert = (table: string, id: number, n = 0) =>
    `INSERT INTO public.${table} SELECT ${id}, ${n}, ${Object.values(wide).map(({ value }) => value)} FROM generate_series(${id}, ${id} + 7000) g`;

  beforeAll(async () => {
    const [hstore] = await commonExtensions(['hstore']);
    wide = hstore ? { ...WIDE, pairs: PAIRS } : WIDE;
    const columns = Object.entries(wide).map(([name, { type }]) => `${name} ${type}`);
    const external = Object.keys(wide).map((name) => `ALTER ${name} SET STORAGE EXTERNAL`);
    pipeline = await makePipeline({
      driver: 'embedded',
      // A transaction of large rows is several batches.
      apply: { batchMaxBytes: 100_000 },
      capture: { snapshotChunkRows: 50 },
      schemaSql: `
        ${hstore ? 'CREATE EXTENSION hstore SCHEMA public;' : ''}
        ${tables.map((table) => `CREATE TABLE public.${table} (id int PRIMARY KEY, n int, ${columns}); ALTER TABLE public.${table} ${external};`).join('\n')}
        CREATE TYPE public.mood AS ENUM ('sad', 'ok', 'Happy');
        CREATE DOMAIN public.some_mood AS public.mood;
        CREATE TABLE public.moods (mood public.some_mood, other public.mood, id int, note text, PRIMARY KEY (mood, id, other));
        CREATE TABLE public.pairs (a int, b int, v text, PRIMARY KEY (b, a));
        CREATE TABLE public."${LONGEST}" ("${LONGEST}" int PRIMARY KEY, doc jsonb NOT NULL, raw json);
        CREATE TABLE public.many (id int PRIMARY KEY, v text)`,
      sourceSql: `
        ALTER TABLE public.wide_whole REPLICA IDENTITY FULL;
        INSERT INTO public.moods SELECT (enum_range(NULL::public.mood))[1 + i % 3], (enum_range(NULL::public.mood))[1 + i % 2], i, 'x'
          FROM generate_series(1, 200) i;
        INSERT INTO public.pairs SELECT i % 100, i / 100, 'x' FROM generate_series(1, 3000) i;
        DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET wal_sender_timeout = 0', current_database()); END $$;
        ${tables.flatMap((table) => [1, 2, 3].map((id) => insert(table, id))).join(';')}`,
      tables: { growth: fromPublic(...tables, 'moods', 'pairs', LONGEST, 'many') },
    });
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  async function commit(...transactions: readonly string[]): Promise<void> {
    for (const sql of transactions) await pipeline.source.query(`BEGIN; ${sql}; COMMIT`);
  }

  test('a key in another order than its columns, in pages, with capture killed among them', async () => {
    const dying = pipeline.process('capture');
    // Of some seventy chunks, most are of this table.
    const passed = Array.from({ length: 34 }, () => 'capture.chunk-sent=pause:0@0');
    dying.start({ FERRY_FAILPOINTS: [...passed, 'capture.chunk-sent=die:0@0'].join() });
    dying.mayEnd();
    expect(await dying.ended).toMatchObject({ signal: 'SIGKILL' });
    pipeline.start();
    await pipeline.untilStreaming();
    await pipeline.expectApplied();
  });

  for (const folded of [false, true]) {
    test(`arrays, documents and text out of line stay as they are under every change${folded ? ', folded' : ''}`, async () => {
      if (folded) await pipeline.apply.stop();
      const from = folded ? 100 : 10;
      for (const table of tables) {
        await commit(
          `UPDATE public.${table} SET n = n + 1`,
          // In one transaction: made and changed, changed whole and in part, made under another key.
          `${insert(table, from)}; UPDATE public.${table} SET n = 1 WHERE id = ${from};
           UPDATE public.${table} SET big = repeat('y', 100000) WHERE id = 1; UPDATE public.${table} SET n = 2 WHERE id IN (1, ${from})`,
          `${insert(table, from + 1)}; UPDATE public.${table} SET id = ${from + 1001} WHERE id = ${from + 1}`,
          insert(table, from + 2),
          `UPDATE public.${table} SET id = ${from + 1002} WHERE id = ${from + 2}`,
          // Nothing changes, and then it is gone.
          `${insert(table, from + 3)}`,
          `UPDATE public.${table} SET n = n WHERE id = ${from + 3}`,
          `DELETE FROM public.${table} WHERE id = ${from + 3}`,
        );
      }
      if (folded) pipeline.apply.start();
      await pipeline.expectApplied(...tables.map((table) => `public.${table}`));
    });
  }

  test('keys of enums and of domains over them, changed and deleted', async () => {
    await commit(
      `UPDATE public.moods SET note = 'y' WHERE id % 5 = 0; DELETE FROM public.moods WHERE id % 7 = 0`,
      `UPDATE public.moods SET mood = 'Happy', other = 'sad' WHERE id % 11 = 0; UPDATE public.moods SET note = NULL WHERE mood::public.mood = 'Happy'`,
    );
    await pipeline.expectApplied('public.moods');
  });

  test('a JSON null where SQL NULL may not be, a zero in json, names of 63 bytes', async () => {
    const [name, key] = [`public."${LONGEST}"`, `"${LONGEST}"`];
    await commit(
      `INSERT INTO ${name} VALUES (1, 'null', '"\\u0000"'), (2, '"s"', NULL), (3, '1', 'null')`,
      `UPDATE ${name} SET doc = 'null' WHERE ${key} = 2; UPDATE ${name} SET ${key} = 4, raw = NULL WHERE ${key} = 3`,
    );
    await pipeline.expectApplied(`public.${LONGEST}`);
  });

  test('a server that never asks whether we are there: a stream that it ends is begun again', async () => {
    const walsender = async () => {
      const { rows } = await pipeline.source.query<{ pid: string | null }>(
        'SELECT active_pid AS pid FROM pg_catalog.pg_replication_slots WHERE database = current_database()',
      );
      return rows[0]!.pid;
    };
    const before = await walsender();
    await pipeline.source.query('SELECT pg_catalog.pg_terminate_backend($1)', [before]);
    await pipeline.until('another stream', async () => ![null, before].includes(await walsender()));
    await commit(`INSERT INTO public.many VALUES (0, 'after')`);
    await pipeline.expectApplied('public.many');
  });

  test('a transaction of many batches, capture, transform and apply killed while they are amid it', async () => {
    await commit(`INSERT INTO public.many SELECT i, repeat('m', 200) FROM generate_series(1, 30000) i`);
    for (const service of [pipeline.capture, pipeline.transform, pipeline.apply]) {
      const { rows } = await pipeline.target.query('SELECT count(*) AS n FROM growth.many');
      expect(['1', '30001']).toContain(rows[0].n);
      await service.kill();
      service.start();
    }
    await pipeline.expectApplied('public.many');
    expect((await pipeline.statusIn('streaming')).ledger).toMatchObject({ addsUp: true });
  });
});
