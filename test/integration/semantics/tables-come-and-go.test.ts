import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ledgerAddsUp } from '../../../core/ledger.js';
import { displayName } from '../../../core/relation.js';
import type { PastAct } from '../../../services/control/history/acts.js';
import { type Driver, forEachDriver } from '../../support/drivers.js';
import { makePipeline, type Pipeline } from '../../support/pipeline.js';
import { describeWithKafka } from '../../support/servers.js';
import { tableDifferences } from '../../support/table-differences.js';

/** Between writes: there are others who want to compute. */
const PAUSE_MS = 20;
const BIG = "repeat(md5('x'), 100)";

/** Orders that others refer to, rows without a key, and a table of another domain. */
function comingAndGoing(partitions: number, driver: Driver): Promise<Pipeline> {
  return makePipeline({
    driver,
    partitions,
    schemaSql: `
      CREATE TABLE public.orders (id int PRIMARY KEY, note text, big text, CHECK (note <> 'refused'));
      ALTER TABLE public.orders ALTER big SET STORAGE EXTERNAL;
      CREATE TABLE public.lines (id int PRIMARY KEY, order_id int REFERENCES public.orders);
      CREATE TABLE public.events (at int, what text); ALTER TABLE public.events REPLICA IDENTITY FULL;
      CREATE TABLE public.customers (id int PRIMARY KEY, name text)`,
    sourceSql: `
      ALTER TABLE public.orders DROP CONSTRAINT orders_note_check;
      ALTER TABLE public.lines DROP CONSTRAINT lines_order_id_fkey;
      INSERT INTO public.orders SELECT i, 'snapshot', ${BIG} FROM generate_series(1, 100) i;
      INSERT INTO public.lines SELECT i, i FROM generate_series(1, 100) i;
      INSERT INTO public.events SELECT i % 7, 'snapshot' FROM generate_series(1, 50) i;
      INSERT INTO public.customers SELECT i, 'snapshot' FROM generate_series(1, 50) i`,
    tables: {
      sales: { orders: 'public.orders', lines: 'public.lines', events: 'public.events' },
      people: { customers: 'public.customers' },
    },
    capture: { snapshotChunkRows: 20 },
    apply: { onRefusal: 'dead-letter' },
  });
}

const changes = (i: number) => `
  UPDATE public.orders SET note = 'changed ${i}' WHERE id % 10 = 3; UPDATE public.orders SET id = -id WHERE id % 10 = 4;
  INSERT INTO public.orders VALUES (${1000 + i}, 'new', ${BIG}); DELETE FROM public.events WHERE at = 3;
  INSERT INTO public.events VALUES (3, 'new'), (3, 'new'); UPDATE public.events SET what = 'changed ${i}' WHERE at = 5;
  UPDATE public.customers SET name = 'changed ${i}' WHERE id % 10 = 3`;

/** Writes again and again until the work is done. */
async function whileWriting<T>(pipeline: Pipeline, sql: (i: number) => string, work: () => Promise<T>): Promise<T> {
  const session = await pipeline.connect('source');
  let isDone = false;
  const writing = (async () => {
    while (!isDone) {
      await session.query(`BEGIN; ${sql(++written)}; COMMIT`);
      await sleep(PAUSE_MS);
    }
  })();
  writing.catch(() => {});
  try {
    return await work();
  } finally {
    isDone = true;
    await writing;
  }
}

let written = 0;

/** As somebody who had no business there. */
async function damage({ target }: Pipeline): Promise<void> {
  await target.query(`
    SET session_replication_role = 'replica';
    DELETE FROM sales.orders WHERE id % 3 = 0; UPDATE sales.orders SET note = 'damaged' WHERE id % 3 = 1;
    INSERT INTO sales.orders VALUES (-1, 'nobody knows', '')`);
}

async function untilStreaming(pipeline: Pipeline, ...sources: readonly string[]): Promise<void> {
  await pipeline.until(`${sources} to be copied`, async () => {
    const { tables } = await pipeline.status();
    return sources.every((source) => tables.find((table) => table.source === source)?.state === 'streaming');
  });
}

const ordersIn = async ({ target }: Pipeline) =>
  Number((await target.query('SELECT count(*) FROM sales.orders')).rows[0]!.count);

const copiedAgain = (pipeline: Pipeline, table: string) =>
  pipeline.ferry('table', 'resnapshot', table, '--yes', '--json');

async function expectSound(pipeline: Pipeline): Promise<void> {
  await pipeline.expectApplied();
  await expectBalanced(pipeline);
}

async function expectBalanced(pipeline: Pipeline): Promise<void> {
  const { tables, deadLettered } = (await pipeline.status()).ledger!;
  expect([tables.filter((entry) => !ledgerAddsUp(entry)), deadLettered]).toEqual([[], 0]);
}

forEachDriver('a table that is copied again', (driver) => {
  const partitions = driver === 'kafka' ? 3 : 1;
  let pipeline: Pipeline;
  beforeAll(async () => {
    pipeline = await comingAndGoing(partitions, driver);
    pipeline.start();
    await pipeline.untilStreaming();
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  test('comes right under writes, whatever its target held, and whoever is killed', async () => {
    await damage(pipeline);
    await pipeline.target.query('DELETE FROM sales.events WHERE at = 1');
    await whileWriting(pipeline, changes, async () => {
      const ordered = await copiedAgain(pipeline, 'public.orders');
      expect(ordered.json(), ordered.stderr).toMatchObject({ ok: true, table: 'public.orders' });
      await pipeline.capture.kill();
      const waits = copiedAgain(pipeline, 'public.events');
      await pipeline.until('the order to be written', async () =>
        (await pipeline.status()).tables.some(({ stopped }) => stopped?.message.includes('is to be copied again')),
      );
      pipeline.capture.start();
      expect((await waits).json()).toMatchObject({ ok: true });
      await pipeline.apply.kill();
      pipeline.apply.start();
      await untilStreaming(pipeline, 'public.orders', 'public.events');
    });
    await expectSound(pipeline);
  });

  test('is copied from the place of the order on, and the others go on meanwhile', async () => {
    await damage(pipeline);
    const holder = await pipeline.connect('source');
    await holder.query('BEGIN; LOCK TABLE public.orders IN ACCESS EXCLUSIVE MODE');
    const ordered = await copiedAgain(pipeline, 'public.orders');
    expect(ordered.json()).toMatchObject({ ok: true });
    await pipeline.until('the target to be emptied', async () => (await ordersIn(pipeline)) === 0);
    const verified = await pipeline.ferry('verify', '--json');
    expect([verified.code, verified.stderr]).toEqual([
      3,
      expect.stringContaining('not copied to the end yet: public.orders'),
    ]);
    await pipeline.source.query("UPDATE public.customers SET name = 'meanwhile' WHERE id % 5 = 0");
    await pipeline.expectApplied('public.customers', 'public.events', 'public.lines');
    expect(await ordersIn(pipeline)).toBe(0);
    await pipeline.capture.kill();
    await holder.query('COMMIT');
    pipeline.capture.start();
    await untilStreaming(pipeline, 'public.orders');
    await expectSound(pipeline);
  });
});

describe('a table that stands', () => {
  let pipeline: Pipeline;
  beforeAll(async () => {
    pipeline = await comingAndGoing(1, 'embedded');
    pipeline.start();
    await pipeline.untilStreaming();
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  test('because its columns changed begins anew, with the columns of now', async () => {
    await pipeline.source.query(`
      ALTER TABLE public.orders ALTER note TYPE int USING 1;
      UPDATE public.orders SET note = 2 WHERE id < 10; UPDATE public.customers SET name = 'on'`);
    await pipeline.until('orders to halt', async () =>
      (await pipeline.status()).tables.some(({ state }) => state === 'halted'),
    );
    await pipeline.source.query('UPDATE public.orders SET note = 3 WHERE id = 50');
    await pipeline.target.query(`
      ALTER TABLE sales.orders DROP CONSTRAINT orders_note_check; ALTER TABLE sales.orders ALTER note TYPE int USING 0`);
    await copiedAgain(pipeline, 'public.orders');
    await untilStreaming(pipeline, 'public.orders');
    await expectSound(pipeline);
  });

  test('whose columns changed since capture began is copied with those of now, whether its stream has told of them or not', async () => {
    const both = (sql: string) =>
      Promise.all([
        pipeline.source.query(sql.replaceAll('T', 'public.customers')),
        pipeline.target.query(sql.replaceAll('T', 'people.customers')),
      ]);
    await both('alter table T add level int');
    await pipeline.source.query('UPDATE public.customers SET level = id');
    await pipeline.untilApplied();
    await both('alter table T add rank int default 7');
    await pipeline.target.query('UPDATE people.customers SET rank = NULL, level = NULL');
    await copiedAgain(pipeline, 'public.customers');
    await untilStreaming(pipeline, 'public.customers');
    await expectSound(pipeline);
    expect(
      (await pipeline.target.query('SELECT count(level), count(rank) AS ranks FROM people.customers')).rows,
    ).toEqual([{ count: '50', ranks: '50' }]);
  });

  test('takes its dead letters with it, and a truncate of several tables stands on for the others', async () => {
    await pipeline.target.query(`
      ALTER TABLE sales.events ADD CONSTRAINT small CHECK (at < 10); ALTER TABLE people.customers ADD CHECK (id < 100);
      ALTER TABLE sales.lines ADD CONSTRAINT small CHECK (id < 1000)`);
    await pipeline.source.query(`
      INSERT INTO public.events VALUES (99, 'refused'); INSERT INTO public.lines VALUES (1001, 1);
      TRUNCATE public.events, public.lines; INSERT INTO public.events VALUES (7, 'behind'); INSERT INTO public.lines VALUES (5, 5)`);
    await pipeline.until('letters to stand', async () => ((await pipeline.status()).ledger?.deadLettered ?? 0) >= 6);
    await copiedAgain(pipeline, 'public.events');
    await untilStreaming(pipeline, 'public.events');
    await pipeline.expectApplied('public.events', 'public.orders', 'public.customers');
    await pipeline.target.query('ALTER TABLE sales.lines DROP CONSTRAINT small');
    const retried = await pipeline.ferry('dead-letter', 'retry', '--all', '--json');
    expect(retried.code, retried.stdout).toBe(0);
    await expectSound(pipeline);
  });

  test('and the target can be rebuilt from the log', async () => {
    await pipeline.target.query('ALTER TABLE sales.events DROP CONSTRAINT small');
    const replayed = await pipeline.ferry('replay', '--yes', '--json');
    expect([replayed.code, replayed.json()], replayed.stderr).toMatchObject([0, { ok: true, tables: { length: 4 } }]);
    const { state, settled } = (
      await pipeline.target.query('SELECT count(*) AS settled, min(state) AS state FROM ferry.dead_letter')
    ).rows[0]!;
    expect([Number(settled) > 0, state]).toEqual([true, 'dropped']);
  });

  test('what cannot be done is refused', async () => {
    const unknown = await pipeline.ferry('table', 'resnapshot', 'public.nothing', '--yes', '--json');
    expect([unknown.code, unknown.json()]).toMatchObject([2, { ok: false, error: { code: 'usage' } }]);
    const unasked = await pipeline.ferry('table', 'resnapshot', 'public.orders', '--json');
    expect([unasked.code, unasked.json()]).toMatchObject([2, { error: { remedy: 'Give --yes.' } }]);
    expect(pipeline.config.tables.map(({ source }) => displayName(source))).toHaveLength(4);
  });
});

describeWithKafka('a table that joins and leaves', () => {
  let pipeline: Pipeline;
  const files = () => readFile(join(pipeline.config.directory, 'mapping', '0.yaml'), 'utf8');
  const state = async (source: string) =>
    (await pipeline.status()).tables.find((table) => table.source === source)?.state;
  const added = (table: string, ...flags: string[]) => pipeline.ferry('table', 'add', table, ...flags, '--json');

  beforeAll(async () => {
    pipeline = await makePipeline({
      driver: 'kafka',
      schemaSql: `
        CREATE TABLE public.orders (id int PRIMARY KEY, note text);
        CREATE TABLE public.visits (id int PRIMARY KEY, note text);
        CREATE TABLE public.jobs (id int PRIMARY KEY, note text)`,
      sourceSql: `
        INSERT INTO public.orders SELECT i, 'snapshot' FROM generate_series(1, 50) i;
        INSERT INTO public.visits SELECT i, 'before' FROM generate_series(1, 50) i;
        INSERT INTO public.jobs SELECT i, 'before' FROM generate_series(1, 50) i;
        CREATE TABLE public.keyless (id int)`,
      targetSql: `CREATE SCHEMA work; ALTER TABLE public.jobs SET SCHEMA work; ALTER TABLE public.visits SET SCHEMA sales;
        ALTER TABLE sales.visits RENAME TO calls; ALTER TABLE sales.calls RENAME note TO remark; CREATE TABLE sales.keyless (id int)`,
      tables: { sales: { orders: 'public.orders' } },
      capture: { snapshotChunkRows: 20 },
    });
    pipeline.start();
    await pipeline.untilStreaming();
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  const change = (i: number) => `
    UPDATE public.orders SET note = 'on ${i}' WHERE id % 5 = 0; UPDATE public.visits SET note = 'on ${i}' WHERE id % 5 = 1;
    INSERT INTO public.visits VALUES (1000 + ${i}, 'new'); DELETE FROM public.visits WHERE id = ${i % 50};
    UPDATE public.jobs SET note = 'on ${i}' WHERE id % 5 = 2; INSERT INTO public.jobs VALUES (1000 + ${i}, 'new')`;

  const mappingOf = (source: string, target: [string, string], rename: Record<string, string> = {}) => ({
    ...pipeline.config.tables[0]!,
    source: { schema: 'public', table: source },
    target: { schema: target[0], table: target[1] },
    rename: new Map(Object.entries(rename)),
  });
  const expectSame = async (...mapped: ReturnType<typeof mappingOf>[]) => {
    for (const mapping of mapped) {
      const differ = () => tableDifferences(pipeline.source, pipeline.target, mapping);
      await pipeline.until(`${mapping.source.table} to be equal`, async () => (await differ()).length === 0, 20_000);
    }
  };
  const visits = () => mappingOf('visits', ['sales', 'calls'], { note: 'remark' });
  const jobs = () => mappingOf('jobs', ['work', 'jobs']);

  test('is refused with what stands against it, and nothing is changed', async () => {
    const before = await files();
    const keyless = await added('public.keyless', '--to', 'sales');
    expect([keyless.code, keyless.json()], keyless.stderr).toMatchObject([3, { ok: false, table: 'public.keyless' }]);
    expect(JSON.stringify(keyless.json())).toMatch(/REPLICA IDENTITY/);
    const unknown = await added('public.nothing', '--to', 'sales');
    expect([unknown.code, unknown.stdout]).toEqual([3, expect.stringContaining('does not exist')]);
    expect((await added('public.visits')).json()).toMatchObject({
      error: { code: 'usage', remedy: expect.stringContaining('--to') },
    });
    expect((await added('public.orders', '--to', 'sales')).code).toBe(2);
    await pipeline.target.query("INSERT INTO sales.calls VALUES (-1, 'whose?')");
    const filled = await added('public.visits', '--to', 'sales.calls', '--rename', 'note=remark');
    expect([filled.code, filled.json()]).toMatchObject([3, { error: { remedy: expect.stringContaining('--empty') } }]);
    expect(await files()).toBe(before);
  });

  test('joins while it is written, and the others go on', async () => {
    await whileWriting(pipeline, change, async () => {
      const visited = await added('public.visits', '--to', 'sales.calls', '--rename', 'note=remark', '--empty');
      expect([visited.code, visited.json()], visited.stderr).toEqual([
        0,
        expect.objectContaining({ ok: true, table: 'public.visits', target: 'sales.calls' }),
      ]);
      await pipeline.until('visits to be copied', async () => (await state('public.visits')) === 'streaming');
    });
    await expectSame(visits(), mappingOf('orders', ['sales', 'orders']));
    await expectBalanced(pipeline);
  });

  test('joins in a domain schema of its own, and is taken by services that start later', async () => {
    await pipeline.capture.kill();
    await pipeline.transform.kill();
    await whileWriting(pipeline, change, async () => {
      const adding = added('public.jobs', '--to', 'work');
      await pipeline.until('the mapping to have it', async () => (await state('public.jobs')) !== undefined);
      pipeline.capture.start();
      pipeline.transform.start();
      expect((await adding).json()).toMatchObject({ ok: true, target: 'work.jobs' });
      await pipeline.until('jobs to be copied', async () => (await state('public.jobs')) === 'streaming');
    });
    await expectSame(jobs(), visits());
  });

  test('leaves without its rows, which nothing touches any more, and joins again', async () => {
    const removed = await whileWriting(pipeline, change, () =>
      pipeline.ferry('table', 'remove', 'public.visits', '--yes', '--json'),
    );
    expect([removed.code, removed.json()], removed.stderr).toEqual([
      0,
      { ok: true, table: 'public.visits', target: 'sales.calls', published: false },
    ]);
    await pipeline.target.query("UPDATE sales.calls SET remark = 'ours now'");
    await pipeline.source.query("UPDATE public.visits SET note = 'unseen'; UPDATE public.orders SET note = 'seen'");
    await expectSame(mappingOf('orders', ['sales', 'orders']));
    const replayed = await pipeline.ferry('replay', '--yes', '--json');
    expect([replayed.code, replayed.stderr]).toEqual([0, expect.anything()]);
    const { rows } = await pipeline.target.query('SELECT DISTINCT remark FROM sales.calls');
    expect(rows).toEqual([{ remark: 'ours now' }]);

    expect((await added('public.visits', '--to', 'sales.calls', '--rename', 'note=remark')).code).toBe(3);
    await whileWriting(pipeline, change, async () => {
      const again = await added('public.visits', '--to', 'sales.calls', '--rename', 'note=remark', '--empty');
      expect(again.json(), again.stderr).toMatchObject({ ok: true });
      await pipeline.until('visits to be copied', async () => (await state('public.visits')) === 'streaming');
    });
    await expectSame(visits(), jobs(), mappingOf('orders', ['sales', 'orders']));
    await expectBalanced(pipeline);
    expect((await pipeline.ferry('verify', '--json')).json()).toMatchObject({ ok: true });
  });

  test('made anew in the source comes back by leaving and joining', async () => {
    await pipeline.source.query(`DROP TABLE public.jobs; CREATE TABLE public.jobs (id int PRIMARY KEY, note text);
      INSERT INTO public.jobs SELECT i, 'another table' FROM generate_series(1, 30) i`);
    await pipeline.until('the old one to be missed', async () => (await state('public.jobs')) === 'halted');
    expect((await pipeline.ferry('table', 'remove', 'public.jobs', '--yes')).code).toBe(0);
    const again = await added('public.jobs', '--to', 'work', '--empty');
    expect(again.json(), again.stderr).toMatchObject({ ok: true });
    await pipeline.until('jobs to be copied', async () => (await state('public.jobs')) === 'streaming');
    await pipeline.source.query(`UPDATE public.jobs SET note = 'goes on' WHERE id < 5`);
    const { acts } = (await pipeline.ferry('history', '--json')).json<{ acts: PastAct[] }>();
    expect(acts.slice(0, 3)).toMatchObject([
      { act: 'table add', subject: 'public.jobs', detail: { target: 'work.jobs' } },
      { act: 'table remove', subject: 'public.jobs' },
      { act: 'verify', detail: { ok: true, tables: 3 } },
    ]);
    await expectSame(jobs(), visits());
  });

  test('what is mapped by nobody is not left out in silence', async () => {
    const before = await files();
    const mapping = parse(before);
    delete mapping.tables.calls;
    await pipeline.transform.kill();
    await writeFile(join(pipeline.config.directory, 'mapping', '0.yaml'), JSON.stringify(mapping));
    await pipeline.source.query("UPDATE public.visits SET note = 'kept'");
    pipeline.transform.start();
    pipeline.transform.mayEnd();
    expect(await pipeline.transform.ended).toMatchObject({ code: 1 });
    expect(await pipeline.transform.stderr()).toMatch(/ferry table remove public.visits/);
    await writeFile(join(pipeline.config.directory, 'mapping', '0.yaml'), before);
    pipeline.transform.start();
    await expectSame(visits());
  });
});
