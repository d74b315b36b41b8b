import { expect, test } from 'vitest';
import { makePipeline } from '../../support/pipeline.js';

test('a table stands at a TRUNCATE, the others go on, and it goes on behind it once somebody has seen to it', async () => {
  await using pipeline = await makePipeline({
    driver: 'embedded',
    schemaSql: `CREATE TABLE public.orders (id int PRIMARY KEY, note text);
                CREATE TABLE public.customers (id int PRIMARY KEY, note text)`,
    sourceSql: `INSERT INTO public.orders VALUES (1, 'old'), (2, 'old');
                INSERT INTO public.customers VALUES (1, 'old')`,
    tables: { sales: { orders: { from: 'public.orders', truncate: 'halt' }, customers: 'public.customers' } },
  });
  pipeline.start();
  await pipeline.untilStreaming();
  await pipeline.expectApplied();
  const rowsOf = async (table: string) =>
    (await pipeline.target.query(`SELECT id FROM sales.${table} ORDER BY id`)).rows.map(({ id }) => Number(id));
  const orders = async () => (await pipeline.status()).tables.find(({ source }) => source === 'public.orders')!;
  // Rows of the target that are none of the source's.
  await pipeline.target.query("INSERT INTO sales.orders VALUES (900, 'its own')");

  await pipeline.source.query(`
    BEGIN; INSERT INTO public.orders VALUES (3, 'before'); TRUNCATE public.orders, public.customers; COMMIT;
    INSERT INTO public.orders VALUES (4, 'behind'); INSERT INTO public.customers VALUES (4, 'behind')`);
  await pipeline.until('the table to stand', async () => (await orders()).state === 'halted');
  await pipeline.expectApplied('public.customers');
  expect(await rowsOf('customers')).toEqual([4]);
  expect(await rowsOf('orders')).toEqual([1, 2, 3, 900]);
  expect((await orders()).stopped).toMatchObject({
    message: expect.stringMatching(
      /^public.orders was truncated, and sales.orders has rows that never came from there/,
    ),
    remedy: expect.stringContaining('ferry table resume public.orders'),
  });

  await pipeline.target.query('DELETE FROM sales.orders WHERE id < 900');
  await pipeline.apply.kill();
  pipeline.apply.start();
  await pipeline.ferry('table', 'resume', 'public.orders');
  await pipeline.until('the table to go on', async () => (await orders()).state === 'streaming');
  expect(await rowsOf('orders')).toEqual([4, 900]);
  expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true });

  // The next one is another one.
  await pipeline.source.query('TRUNCATE public.orders');
  await pipeline.until('the table to stand again', async () => (await orders()).state === 'halted');
  expect(await rowsOf('orders')).toEqual([4, 900]);
});
