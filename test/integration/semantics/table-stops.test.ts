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
    const status = await pipeline.status();
    expect(status).toMatchObject({ phase: 'streaming', ledger: { addsUp: false } });
    expect(status.nextSteps.join()).toMatch(/ferry table resume public.orders/);
    const refused = await pipeline.ferry('cutover', '--json');
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

  test('and what cannot be done is said', async () => {
    const unknown = await pipeline.ferry('table', 'pause', 'public.nothing', '--json');
    expect([unknown.code, unknown.json()]).toMatchObject([2, { ok: false, error: { code: 'usage' } }]);
    const runs = await pipeline.ferry('table', 'resume', 'public.jobs', '--json');
    expect([runs.code, runs.json()]).toMatchObject([2, { error: { message: 'public.jobs does not stand' } }]);
  });
});
