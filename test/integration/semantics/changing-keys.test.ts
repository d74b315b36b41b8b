import { afterAll, beforeAll, expect, test } from 'vitest';
import { makePipeline, type Pipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';
import { describeWithPostgres } from '../../support/servers.js';

const SCHEMA = `
  CREATE TABLE public.ranks (id int PRIMARY KEY, rank int UNIQUE DEFERRABLE INITIALLY DEFERRED, big text);
  ALTER TABLE public.ranks ALTER big SET STORAGE EXTERNAL;
  CREATE TABLE public.swapped (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, v text);
  ALTER TABLE public.swapped REPLICA IDENTITY FULL;
  CREATE TABLE public.seats (id int PRIMARY KEY, seat text, CONSTRAINT one_each UNIQUE (seat) DEFERRABLE);
  CREATE TABLE public.narrowed (a int, b int, v text, PRIMARY KEY (a, b));
  CREATE TABLE public.logged_whole (a int, b int, v text, PRIMARY KEY (a, b));
  ALTER TABLE public.logged_whole REPLICA IDENTITY FULL;
  CREATE TABLE public.unkeyed (id int PRIMARY KEY, v text);
  ALTER TABLE public.unkeyed REPLICA IDENTITY FULL`;

/** Checked for apply too, as where its role may not set session_replication_role. */
const CHECKED_ALWAYS = `
  DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tgname FROM pg_catalog.pg_trigger WHERE tgrelid = 'growth.ranks'::regclass AND tgisinternal LOOP
      EXECUTE format('ALTER TABLE growth.ranks ENABLE ALWAYS TRIGGER %I', name);
    END LOOP; END $$`;

const NARROWED = ['narrowed', 'logged_whole'];

describeWithPostgres('keys that change places, and keys that lose columns', () => {
  let pipeline: Pipeline;

  beforeAll(async () => {
    pipeline = await makePipeline({
      driver: 'embedded',
      schemaSql: SCHEMA,
      sourceSql: `
        INSERT INTO public.ranks SELECT i, i, repeat('x', 5000) FROM generate_series(1, 4) i;
        INSERT INTO public.swapped VALUES (1, 'one'), (2, 'two'), (3, 'three');
        INSERT INTO public.seats VALUES (1, 'a'), (2, 'b'); INSERT INTO public.unkeyed VALUES (1, 'x')`,
      targetSql: `${CHECKED_ALWAYS};
        ALTER TABLE strict.seats DROP CONSTRAINT one_each, ADD CONSTRAINT one_each UNIQUE (seat)`,
      tables: {
        growth: fromPublic('ranks', 'swapped', ...NARROWED, 'unkeyed'),
        strict: fromPublic('seats'),
      },
    });
    pipeline.start();
    await pipeline.untilStreaming();
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  const commit = (sql: string) => pipeline.source.query(`BEGIN; ${sql}; COMMIT`);
  const tableOf = async (source: string) => (await pipeline.status()).tables.find((table) => table.source === source)!;
  const untilHalted = async (source: string, why: string) => {
    await pipeline.until(`${source} to halt`, async () => (await tableOf(source)).state === 'halted');
    const { stopped } = await tableOf(source);
    expect(stopped!.message).toContain(why);
    return stopped!;
  };

  test('unique values change places within a transaction, as far as the target checks them at its end, too', async () => {
    await commit(`UPDATE public.ranks SET rank = 2 WHERE id = 1; UPDATE public.ranks SET rank = 1, big = 'whole' WHERE id = 2;
      UPDATE public.ranks SET rank = 7 - rank WHERE id > 2`);
    await pipeline.expectApplied('public.ranks');
  });

  test('so do the values of a deferrable primary key, whose rows are counted', async () => {
    await commit("UPDATE public.swapped SET id = 2 WHERE v = 'one'; UPDATE public.swapped SET id = 1 WHERE v = 'two'");
    await commit("DELETE FROM public.swapped WHERE id = 3; INSERT INTO public.swapped VALUES (3, 'new')");
    await pipeline.expectApplied('public.swapped');
  });

  test('a target that checks them at once is refused by ferry check, halts by name, and goes on once the remedy is done', async () => {
    const checked = await pipeline.ferry('check', '--json');
    const { findings } = checked.json<{
      findings: { check: string; level: string; object: string; remedy: string }[];
    }>();
    const found = findings.filter(({ check, level }) => check === 'deferrable-keys' && level !== 'ok');
    expect(found).toMatchObject([{ level: 'error', object: 'strict.seats' }]);
    await commit(
      "SET CONSTRAINTS ALL DEFERRED; UPDATE public.seats SET seat = 'b' WHERE id = 1; UPDATE public.seats SET seat = 'a' WHERE id = 2",
    );
    const part = async () =>
      (await pipeline.status()).services.find(({ service }) => service === 'apply')?.parts?.find(({ error }) => error);
    await pipeline.until('apply to halt', async () => (await part())?.state === 'halted');
    expect((await part())!.error!.message).toMatch(/strict\.seats.*one_each/);
    await pipeline.target.query(found[0]!.remedy);
    await pipeline.expectApplied('public.seats');
  });

  test('a key that loses a column halts, whatever the replica identity, and the stream goes on by the new one', async () => {
    for (const table of NARROWED) {
      await pipeline.source.query(`
        INSERT INTO public.${table} VALUES (1, 1, 'goes'), (1, 2, 'stays'), (2, 1, 'x'); DELETE FROM public.${table} WHERE b = 1;
        ALTER TABLE public.${table} DROP CONSTRAINT ${table}_pkey, ADD PRIMARY KEY (a);
        UPDATE public.${table} SET b = 3 WHERE a = 1; INSERT INTO public.${table} VALUES (3, 1, 'new')`);
    }
    for (const table of NARROWED) {
      const { remedy } = await untilHalted(`public.${table}`, 'the key changed from (a, b) to (a)');
      expect(remedy).toContain(`ferry table resnapshot public.${table}`);
      // The rows before it need the key of before.
      await pipeline.untilApplied();
      await pipeline.target.query(`ALTER TABLE growth.${table} DROP CONSTRAINT ${table}_pkey, ADD PRIMARY KEY (a)`);
      expect((await pipeline.ferry('table', 'resume', `public.${table}`)).code).toBe(0);
    }
    await pipeline.expectApplied(...NARROWED.map((table) => `public.${table}`));
  });

  test('and a key that is dropped: equal rows are counted from then on', async () => {
    await pipeline.source.query(`
      ALTER TABLE public.unkeyed DROP CONSTRAINT unkeyed_pkey;
      INSERT INTO public.unkeyed VALUES (1, 'x'), (1, 'x'); UPDATE public.unkeyed SET v = 'y' WHERE ctid = '(0,1)'`);
    await untilHalted('public.unkeyed', 'the key (id) was dropped');
    await pipeline.untilApplied();
    await pipeline.target.query('ALTER TABLE growth.unkeyed DROP CONSTRAINT unkeyed_pkey');
    expect((await pipeline.ferry('table', 'resume', 'public.unkeyed')).code).toBe(0);
    await pipeline.expectApplied('public.unkeyed');
  });

  test('a replay stops before the rows that the key of now would make one; copied again, they are right', async () => {
    const tables = NARROWED.flatMap((table) => ['--table', `public.${table}`]);
    const replayed = await pipeline.ferry('replay', ...tables, '--yes', '--json');
    expect(replayed.code).not.toBe(0);
    for (const table of NARROWED) {
      const { remedy } = await untilHalted(`public.${table}`, 'several would become one');
      expect(remedy).toContain(`ferry table resnapshot public.${table}`);
    }
    const copied = await pipeline.ferry('table', 'resnapshot', 'public.narrowed', '--yes', '--json');
    expect(copied.code, copied.stderr).toBe(0);
    await pipeline.until('it to be copied', async () => (await tableOf('public.narrowed')).state === 'streaming');
    await pipeline.expectApplied('public.narrowed');
  });
});
