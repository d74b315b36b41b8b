import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makePipeline, type Pipeline, startPipeline } from '../../support/pipeline.js';
import { describeWithPostgres } from '../../support/servers.js';

/** Tables that are alike, one for each policy and change. */
const TABLES = {
  halts: 'public.halts',
  renamed: 'public.renamed',
  rekeyed: 'public.rekeyed',
  dropped: 'public.dropped',
  offline: 'public.offline',
  others: 'public.others',
  propagates: { from: 'public.propagates', schemaChanges: 'propagate' },
  ignores: { from: 'public.ignores', schemaChanges: 'ignore' },
} as const;

describeWithPostgres("changes of the source's tables while rows flow", () => {
  let pipeline: Pipeline;

  beforeAll(async () => {
    const names = Object.keys(TABLES);
    pipeline = await makePipeline({
      driver: 'embedded',
      schemaSql: names
        .map(
          (name) => `CREATE TABLE public.${name} (id int PRIMARY KEY, a text, b varchar(10), n int NOT NULL DEFAULT 7)`,
        )
        .join(';'),
      sourceSql: names
        .map((name) => `INSERT INTO public.${name} SELECT i, 'a' || i, 'b', i FROM generate_series(1, 20) i`)
        .join(';'),
      tables: { growth: TABLES },
    });
    pipeline.start();
    await pipeline.untilStreaming();
    await pipeline.expectApplied();
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  const tableOf = async (source: string) => (await pipeline.status()).tables.find((table) => table.source === source)!;
  const untilState = (source: string, state: string) =>
    pipeline.until(`${source} to be ${state}`, async () => (await tableOf(source)).state === state);
  const resume = async (source: string) => {
    const resumed = await pipeline.ferry('table', 'resume', source);
    expect(resumed.code, resumed.stderr).toBe(0);
    await untilState(source, 'streaming');
  };
  /** Does on the target what the halt asks for, and waits until the table is at its end or at the next change. */
  const stepOver = async (source: string, fix: (stopped: { message: string; remedy: string }) => string) => {
    await untilState(source, 'halted');
    await pipeline.target.query(fix((await tableOf(source)).stopped!));
    expect((await pipeline.ferry('table', 'resume', source)).code).toBe(0);
    await pipeline.until('the resume to be seen', async () => (await tableOf(source)).state !== 'catching-up');
  };
  const othersGoOn = async () => {
    await pipeline.source.query('UPDATE public.others SET n = n + 1');
    await pipeline.expectApplied('public.others');
  };

  test('halt: the table stands before the change, the others go on, and what is printed is what helps', async () => {
    await pipeline.source.query(`
      UPDATE public.halts SET a = 'before' WHERE id = 1;
      ALTER TABLE public.halts ADD COLUMN c numeric(6,2) DEFAULT 1.50;
      INSERT INTO public.halts VALUES (21, 'new', 'b', 1, 2.25); UPDATE public.halts SET c = NULL WHERE id = 2`);
    await untilState('public.halts', 'halted');
    await othersGoOn();
    const { stopped } = await tableOf('public.halts');
    expect(stopped!.message).toMatch(/^public\.halts: column c numeric\(6,2\) was added; .* \(position .*\)$/);
    const ddl = /On the target: (ALTER TABLE .*;) Then ferry table resume public\.halts/.exec(stopped!.remedy)![1]!;
    const before = await pipeline.target.query('SELECT a FROM growth.halts WHERE id IN (1, 21)');
    expect(before.rows).toEqual([{ a: 'before' }]);

    await pipeline.target.query(ddl);
    await resume('public.halts');
    await pipeline.expectApplied('public.halts');
  });

  test('halt: again at the next change, whatever the policy of other tables', async () => {
    await pipeline.source.query(`
      ALTER TABLE public.halts ALTER n TYPE bigint; UPDATE public.halts SET n = 9007199254740993 WHERE id = 3;
      ALTER TABLE public.halts RENAME b TO bb; UPDATE public.halts SET bb = 'renamed' WHERE id = 4`);
    for (const expected of [/column n changed its type from integer to bigint/, /column b was renamed to bb/]) {
      await stepOver('public.halts', ({ message, remedy }) => {
        expect(message).toMatch(expected);
        return /On the target: (ALTER TABLE [^;]*;)/.exec(remedy)![1]!;
      });
    }
    await untilState('public.halts', 'streaming');
    await pipeline.expectApplied('public.halts');
  });

  test('propagate: what is safe is done on the target in its place', async () => {
    await pipeline.source.query(`
      INSERT INTO public.propagates VALUES (30, 'x', 'y', 1);
      ALTER TABLE public.propagates ADD COLUMN c text NOT NULL DEFAULT 'it''s'; UPDATE public.propagates SET c = 'set' WHERE id = 1;
      ALTER TABLE public.propagates ADD COLUMN d int; INSERT INTO public.propagates VALUES (31, 'x', 'y', 1, 'c', 5);
      ALTER TABLE public.propagates RENAME a TO aa; UPDATE public.propagates SET aa = 'renamed' WHERE id = 5`);
    await pipeline.expectApplied('public.propagates');
    // Rewrites the table: from then on the catalog does not know what the rows of before c got.
    await pipeline.source.query(`
      ALTER TABLE public.propagates ALTER n TYPE bigint; UPDATE public.propagates SET n = 9007199254740993 WHERE id = 6;
      ALTER TABLE public.propagates ALTER b TYPE varchar(40); UPDATE public.propagates SET b = repeat('b', 40) WHERE id = 7`);
    await pipeline.expectApplied('public.propagates');
    await pipeline.source.query(`
      BEGIN; ALTER TABLE public.propagates DROP COLUMN d; UPDATE public.propagates SET n = 2 WHERE id = 8;
      ALTER TABLE public.propagates ADD COLUMN d text; UPDATE public.propagates SET d = 'again' WHERE id = 9; COMMIT`);
    await pipeline.until('the change to be applied or refused', async () => {
      await pipeline.untilApplied();
      return ['streaming', 'halted'].includes((await tableOf('public.propagates')).state);
    });
    // Two changes in one transaction: the catalog has only the last, so that the first cannot be told for sure.
    if ((await tableOf('public.propagates')).state === 'halted') {
      await pipeline.target.query('ALTER TABLE growth.propagates DROP COLUMN d, ADD COLUMN d text');
      await resume('public.propagates');
    }
    await pipeline.expectApplied('public.propagates');
  });

  test('propagate: what is not safe halts', async () => {
    await pipeline.source.query(`
      ALTER TABLE public.propagates ADD COLUMN made uuid DEFAULT gen_random_uuid(); UPDATE public.propagates SET n = 3 WHERE id = 9`);
    await untilState('public.propagates', 'halted');
    const { stopped } = await tableOf('public.propagates');
    const steps = /On the target: (ALTER .*?;) Then ferry table resume .*: (UPDATE .*;)$/.exec(stopped!.remedy)!;
    await pipeline.target.query(steps[1]!);
    await resume('public.propagates');
    await pipeline.source.query(steps[2]!);
    await pipeline.expectApplied('public.propagates');
  });

  test('ignore: only what loses nothing', async () => {
    await pipeline.source.query(`
      ALTER TABLE public.ignores DROP COLUMN b; INSERT INTO public.ignores VALUES (40, 'no b', 2)`);
    await pipeline.expectApplied('public.ignores');
    await pipeline.source.query(`
      ALTER TABLE public.ignores ADD COLUMN c text; UPDATE public.ignores SET c = 'lost?' WHERE id = 1`);
    await untilState('public.ignores', 'halted');
    await pipeline.target.query('ALTER TABLE growth.ignores ADD COLUMN c text');
    await resume('public.ignores');
    await pipeline.expectApplied('public.ignores');
  });

  test('a key that changes halts, with the key that the target needs', async () => {
    await pipeline.source.query(`
      ALTER TABLE public.rekeyed ADD COLUMN code int; UPDATE public.rekeyed SET code = id + 1000;
      ALTER TABLE public.rekeyed DROP CONSTRAINT rekeyed_pkey, ADD PRIMARY KEY (code);
      DELETE FROM public.rekeyed WHERE code = 1003; UPDATE public.rekeyed SET code = 2000 WHERE code = 1004`);
    await untilState('public.rekeyed', 'halted');
    await pipeline.target.query('ALTER TABLE growth.rekeyed ADD COLUMN code int');
    await pipeline.ferry('table', 'resume', 'public.rekeyed');
    await pipeline.until('the key to halt it', async () =>
      /the key changed from \(id\) to \(code\)/.test((await tableOf('public.rekeyed')).stopped?.message ?? ''),
    );
    await othersGoOn();
    await pipeline.target.query('ALTER TABLE growth.rekeyed DROP CONSTRAINT rekeyed_pkey, ADD PRIMARY KEY (code)');
    await resume('public.rekeyed');
    await pipeline.expectApplied('public.rekeyed');
  });

  test('a renamed table halts, and follows the mapping under its new name', async () => {
    await pipeline.source.query(`
      ALTER TABLE public.renamed RENAME TO called_new; UPDATE public.called_new SET a = 'under the new name' WHERE id < 4`);
    await untilState('public.renamed', 'halted');
    expect((await tableOf('public.renamed')).stopped!.message).toMatch(
      /renamed from public\.renamed to public\.called_new/,
    );
    await othersGoOn();
    await resume('public.renamed');
    await pipeline.source.query(`UPDATE public.called_new SET a = 'resumed' WHERE id = 4`);
    await pipeline.untilApplied();
    await pipeline.stop();
    const file = join(pipeline.config.directory, 'mapping', '0.yaml');
    await writeFile(file, (await readFile(file, 'utf8')).replace('public.renamed', 'public.called_new'));
    pipeline.start();
    await pipeline.source.query(`UPDATE public.called_new SET a = 'and on' WHERE id = 5`);
    await untilState('public.called_new', 'streaming');
    await pipeline.untilApplied();
    const rows = async (side: 'source' | 'target', table: string) =>
      (await pipeline[side].query(`SELECT id, a, b, n FROM ${table} ORDER BY id`)).rows;
    expect(await rows('target', 'growth.renamed')).toEqual(await rows('source', 'public.called_new'));
  });

  test('changes made while capture was down are met one after the other', async () => {
    await pipeline.capture.stop();
    await pipeline.source.query(`
      ALTER TABLE public.offline ADD c int; UPDATE public.offline SET c = 1 WHERE id = 1;
      ALTER TABLE public.offline DROP COLUMN c; UPDATE public.offline SET a = 'no c' WHERE id = 2;
      ALTER TABLE public.offline ADD c text; UPDATE public.offline SET c = 'text' WHERE id = 3`);
    pipeline.capture.start();
    for (const fix of ['ADD c int', 'DROP COLUMN c', 'ADD c text']) {
      await stepOver('public.offline', () => `ALTER TABLE growth.offline ${fix}`);
    }
    await untilState('public.offline', 'streaming');
    await pipeline.expectApplied('public.offline');
  });

  test('a dropped table is said, and stops nobody', async () => {
    await pipeline.source.query(`UPDATE public.dropped SET a = 'last' WHERE id = 1; DROP TABLE public.dropped`);
    await untilState('public.dropped', 'halted');
    await othersGoOn();
    await pipeline.capture.stop();
    pipeline.capture.start();
    await othersGoOn();
    const { rows } = await pipeline.target.query('SELECT a FROM growth.dropped WHERE id = 1');
    expect(rows).toEqual([{ a: 'last' }]);
    expect((await tableOf('public.dropped')).stopped!.message).toMatch(/public\.dropped was dropped/);
  });

  test('a change outside of the pipeline does nothing', async () => {
    await pipeline.source.query(
      `CREATE TABLE public.stranger (id int); INSERT INTO public.stranger VALUES (1); ALTER TABLE public.stranger ADD x int`,
    );
    await othersGoOn();
    expect((await pipeline.status()).unmapped).toEqual(['public.stranger']);
  });

  test('and a replay reads the rows of before as the target has its columns now', async () => {
    await pipeline.stop();
    const replayed = await pipeline.ferry('replay', '--yes', '--json');
    pipeline.start();
    await pipeline.untilApplied();
    for (const table of ['public.halts', 'public.propagates', 'public.ignores', 'public.offline', 'public.others']) {
      expect((await tableOf(table)).stopped, replayed.stderr).toBeNull();
      await pipeline.expectEqual(table);
    }
  });
});

test('several partitions: the first that comes to an added or widened column makes the change; a rename stands in each', async () => {
  await using pipeline = await startPipeline({
    driver: 'embedded',
    partitions: 3,
    schemaSql: 'CREATE TABLE public.t (id int PRIMARY KEY, a int)',
    sourceSql: 'INSERT INTO public.t SELECT i, i FROM generate_series(1, 30) i',
    tables: { growth: { t: { from: 'public.t', schemaChanges: 'propagate' } } },
  });
  const everyRow = 'UPDATE public.t SET a = -a';
  for (const change of ['ADD b text', 'ADD c int NOT NULL DEFAULT 7', 'ALTER a TYPE bigint', 'ADD d text']) {
    await pipeline.source.query(`ALTER TABLE public.t ${change}; ${everyRow}`);
    // What another change has followed the catalog does not tell any more.
    await pipeline.expectApplied();
  }
  await pipeline.source.query(`ALTER TABLE public.t RENAME b TO bb; ${everyRow}`);
  await pipeline.until('all partitions to stand', async () => {
    const { rows } = await pipeline.target.query("SELECT FROM ferry.table_state WHERE state = 'halted'");
    return rows.length === 3;
  });
  await pipeline.target.query('ALTER TABLE growth.t RENAME b TO bb');
  expect((await pipeline.ferry('table', 'resume', 'public.t')).code).toBe(0);
  await pipeline.until('the table to run', async () => (await pipeline.status()).tables[0]!.state === 'streaming');
  await pipeline.expectApplied();
});
