import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makePipeline, type Pipeline } from '../../support/pipeline.js';

const BIG = "repeat(md5('x'), 100)";

describe.each([
  { driver: 'embedded', partitions: 1 },
  { driver: 'embedded', partitions: 3 },
] as const)('a table that stands, $driver with $partitions partitions', ({ driver, partitions }) => {
  let pipeline: Pipeline;

  beforeAll(async () => {
    pipeline = await makePipeline({
      driver,
      partitions,
      schemaSql: `
        CREATE TABLE public.orders (id int PRIMARY KEY, note text, big text);
        ALTER TABLE public.orders ALTER big SET STORAGE EXTERNAL;
        CREATE TABLE public.customers (id int PRIMARY KEY, name text);
        CREATE TABLE public.jobs (id int PRIMARY KEY, state text)`,
      sourceSql: `
        INSERT INTO public.orders SELECT i, 'snapshot', ${BIG} FROM generate_series(1, 50) i;
        INSERT INTO public.customers SELECT i, 'snapshot' FROM generate_series(1, 50) i;
        INSERT INTO public.jobs SELECT i, 'snapshot' FROM generate_series(1, 50) i`,
      tables: { sales: { orders: 'public.orders', customers: 'public.customers' }, work: { jobs: 'public.jobs' } },
      // What a table has missed takes several batches: between them it is the others' turn.
      apply: { batchMaxBytes: 500_000 },
    });
    pipeline.start();
    await pipeline.untilStreaming();
    await pipeline.expectApplied();
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  const stateOf = async (source: string) =>
    (await pipeline.status()).tables.find((table) => table.source === source)!.state;
  const untilRunning = (source: string) =>
    pipeline.until(`${source} to have caught up`, async () => (await stateOf(source)) === 'streaming');

  test('is passed over exactly, the others go on, and it catches up when it is resumed', async () => {
    const paused = await pipeline.ferry('table', 'pause', 'public.orders', '--json');
    expect(paused.json(), paused.stderr).toEqual({ ok: true, table: 'public.orders' });
    const before = await pipeline.target.query('SELECT * FROM sales.orders ORDER BY id');
    for (let i = 0; i < 5; i++) {
      await pipeline.source.query(`
        BEGIN;
        INSERT INTO public.orders VALUES (${100 + i}, 'new', ${BIG});
        UPDATE public.orders SET note = 'changed ${i}' WHERE id <= 10;
        UPDATE public.orders SET id = ${200 + i} WHERE id = ${20 + i};
        DELETE FROM public.orders WHERE id = ${30 + i};
        UPDATE public.customers SET name = 'changed ${i}' WHERE id <= 10;
        UPDATE public.jobs SET state = 'changed ${i}' WHERE id <= 10;
        COMMIT`);
    }
    await pipeline.expectApplied('public.customers', 'public.jobs');
    expect((await pipeline.target.query('SELECT * FROM sales.orders ORDER BY id')).rows).toEqual(before.rows);
    const status = await pipeline.statusIn('streaming');
    expect(status.ledger).toMatchObject({ addsUp: false });
    expect(status.nextSteps.join()).toMatch(/ferry table resume public.orders/);
    const refused = await pipeline.ferry('cutover', '--accept-one-way', '--json');
    expect(refused.code, refused.stderr).toBe(3);
    expect(refused.stderr).toMatch(/public.orders is paused/);

    await pipeline.ferry('table', 'resume', 'public.orders');
    await untilRunning('public.orders');
    await pipeline.expectApplied();
    expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true });
  });

  test('loses and doubles nothing when apply is killed while it catches up, and it is paused again meanwhile', async () => {
    await pipeline.ferry('table', 'pause', 'public.orders');
    await pipeline.source.query('TRUNCATE public.orders');
    for (let i = 0; i < 20; i++) {
      await pipeline.source.query(`
        INSERT INTO public.orders SELECT ${i} * 1000 + n, 'late', ${BIG} FROM generate_series(1, 100) n;
        UPDATE public.orders SET note = 'later' WHERE id % 7 = 0; DELETE FROM public.orders WHERE id % 11 = 0;
        UPDATE public.orders SET id = id + 500 WHERE id = ${i} * 1000 + 5;
        UPDATE public.customers SET name = 'on ${i}'`);
    }
    await pipeline.expectApplied('public.customers', 'public.jobs');
    await pipeline.ferry('table', 'resume', 'public.orders');
    await pipeline.apply.kill();
    pipeline.apply.start();
    await pipeline.ferry('table', 'pause', 'public.orders');
    await pipeline.source.query(`UPDATE public.orders SET note = 'meanwhile' WHERE id % 5 = 0`);
    await pipeline.ferry('table', 'resume', 'public.orders');
    await pipeline.apply.kill();
    pipeline.apply.start();
    await untilRunning('public.orders');
    await pipeline.expectApplied();
    expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true });
  });

  test('does not keep the others of its schema waiting for all that it has missed', async () => {
    await pipeline.target.query(`
      CREATE FUNCTION sales.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.003); RETURN NEW; END $$;
      CREATE TRIGGER slow BEFORE INSERT ON sales.orders FOR EACH ROW EXECUTE FUNCTION sales.slow();
      ALTER TABLE sales.orders ENABLE ALWAYS TRIGGER slow`);
    await pipeline.ferry('table', 'pause', 'public.orders');
    for (let i = 100; i < 160; i++) {
      await pipeline.source.query(
        `INSERT INTO public.orders SELECT ${i} * 1000 + n, 'much', ${BIG} FROM generate_series(1, 50) n`,
      );
    }
    await pipeline.untilApplied();
    await pipeline.ferry('table', 'resume', 'public.orders');
    await pipeline.source.query(`INSERT INTO public.customers VALUES (9000, 'meanwhile')`);
    const seen = async () => {
      const { rows } = await pipeline.target.query<{ orders: string; came: string }>(
        `SELECT (SELECT count(*) FROM sales.orders WHERE id > 100000) AS orders,
                EXISTS (SELECT FROM sales.customers WHERE id = 9000) AS came`,
      );
      return rows[0]!;
    };
    await pipeline.until('the others to go on', async () => (await seen()).came === 't');
    expect(Number((await seen()).orders)).toBeLessThan(3_000);
    await pipeline.target.query('DROP TRIGGER slow ON sales.orders');
    await untilRunning('public.orders');
    await pipeline.expectApplied();
    expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true });
  });

  test('and what cannot be done is said', async () => {
    const unknown = await pipeline.ferry('table', 'pause', 'public.nothing', '--json');
    expect([unknown.code, unknown.json()]).toMatchObject([2, { ok: false, error: { code: 'usage' } }]);
    const runs = await pipeline.ferry('table', 'resume', 'public.jobs', '--json');
    expect([runs.code, runs.json()]).toMatchObject([2, { error: { message: 'public.jobs does not stand' } }]);
  });
});

test('a table that was paused before anything was applied goes on from there, though apply dies as it catches up', async () => {
  await using pipeline = await makePipeline({
    driver: 'embedded',
    schemaSql: 'CREATE TABLE public.orders (id int PRIMARY KEY)',
    tables: { sales: { orders: 'public.orders' } },
  });
  const one = async (sql: string) => (await pipeline.target.query(sql)).rows[0];
  pipeline.apply.start();
  await pipeline.until('apply to have a checkpoint', async () => Boolean(await one('SELECT 1 FROM ferry.checkpoint')));
  await pipeline.ferry('table', 'pause', 'public.orders');
  await pipeline.apply.kill();
  await pipeline.ferry('table', 'resume', 'public.orders');
  const dying = pipeline.process('apply', { FERRY_FAILPOINTS: 'apply.committed=die:0@0' });
  dying.start();
  dying.mayEnd();
  expect((await dying.ended).signal).toBe('SIGKILL');
  expect(await one('SELECT state, stopped_offset FROM ferry.table_state')).toEqual({
    state: 'catching-up',
    stopped_offset: '0',
  });
  pipeline.start();
  await pipeline.source.query('INSERT INTO public.orders VALUES (1)');
  await pipeline.untilStreaming();
  await pipeline.expectApplied();
});

test('a table that stands in one partition alone: the others halt it at what all have, and all of it catches up', async () => {
  await using pipeline = await makePipeline({
    driver: 'embedded',
    partitions: 3,
    schemaSql:
      'CREATE TABLE public.orders (id int PRIMARY KEY); CREATE TABLE public.customers (id int PRIMARY KEY, n int)',
    sourceSql: `INSERT INTO public.orders SELECT generate_series(1, 30);
      INSERT INTO public.customers SELECT i, 0 FROM generate_series(1, 30) i`,
    tables: { sales: { orders: 'public.orders', customers: 'public.customers' } },
  });
  pipeline.start();
  await pipeline.untilStreaming();
  await pipeline.expectApplied();
  // As where the first partition alone has rows that a change of the columns has made.
  await pipeline.target.query(`
    BEGIN;
    UPDATE ferry.checkpoint SET epoch = epoch + 1, owner = NULL;
    UPDATE ferry.table_state s SET state = 'halted', reason = '{"kind": "refused", "message": "made to stand", "remedy": "resume"}',
           stopped_offset = c.next_offset, stopped_lsn = c.lsn, stopped_index = c.index
      FROM ferry.checkpoint c WHERE s.source_table = 'public.orders' AND s.partition = 0 AND c.partition = 0;
    COMMIT`);
  await pipeline.source.query('TRUNCATE public.orders');
  await pipeline.source.query(
    'INSERT INTO public.orders SELECT generate_series(1, 20); UPDATE public.customers SET n = id',
  );
  await pipeline.expectApplied('public.customers');
  const states = "SELECT state FROM ferry.table_state WHERE source_table = 'public.orders' ORDER BY partition";
  expect((await pipeline.target.query(states)).rows).toEqual(Array(3).fill({ state: 'halted' }));
  expect((await pipeline.target.query('SELECT count(*) FROM sales.orders')).rows).toEqual([{ count: '30' }]);
  expect((await pipeline.ferry('table', 'resume', 'public.orders')).code).toBe(0);
  await pipeline.until('it to run', async () => (await pipeline.status()).tables.every((t) => t.state === 'streaming'));
  await pipeline.expectApplied();
});
