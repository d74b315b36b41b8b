import { afterAll, beforeAll, expect, test } from 'vitest';
import { makePipeline, type Pipeline } from '../../support/pipeline.js';
import { describeWithPostgres } from '../../support/servers.js';
import { untilLookedAt } from '../../support/until-looked-at.js';

const partitioned = (name: string) => `
  CREATE TABLE public.${name} (id int, n int, PRIMARY KEY (id)) PARTITION BY RANGE (id);
  CREATE TABLE public.${name}_low PARTITION OF public.${name} FOR VALUES FROM (0) TO (100);
  CREATE TABLE public.${name}_high PARTITION OF public.${name} FOR VALUES FROM (100) TO (200);
  CREATE TABLE public.${name}_empty PARTITION OF public.${name} FOR VALUES FROM (200) TO (300)`;

const PARTITIONED = ['halts', 'propagates'];

describeWithPostgres('partitioned tables whose columns change', () => {
  let pipeline: Pipeline;

  beforeAll(async () => {
    pipeline = await makePipeline({
      driver: 'embedded',
      schemaSql: [
        ...PARTITIONED.map(partitioned),
        "CREATE TABLE public.joins (id int PRIMARY KEY, n bigint, c text NOT NULL DEFAULT 'it''s')",
      ].join(';'),
      sourceSql: [
        ...PARTITIONED.map((name) => `INSERT INTO public.${name} SELECT i, i FROM generate_series(0, 199) i`),
        'INSERT INTO public.joins SELECT i, i FROM generate_series(300, 320) i',
      ].join(';'),
      targetSql: 'CREATE TABLE public.propagates_more PARTITION OF growth.propagates DEFAULT',
      tables: {
        growth: {
          halts: 'public.halts',
          propagates: { from: 'public.propagates', schemaChanges: 'propagate' },
          joins: 'public.joins',
        },
      },
    });
    pipeline.start();
    await pipeline.untilStreaming();
    await pipeline.expectApplied();
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  const tableOf = async (source: string) => (await pipeline.status()).tables.find((table) => table.source === source)!;

  test('a type that widens rewrites every partition: propagated as of any other table, empty partitions included', async () => {
    await pipeline.source.query(`
      ALTER TABLE public.propagates ALTER n TYPE bigint; UPDATE public.propagates SET n = 9007199254740993 WHERE id = 150`);
    await pipeline.expectApplied('public.propagates');
    await pipeline.source.query(`
      ALTER TABLE public.propagates ADD c text NOT NULL DEFAULT 'it''s'; UPDATE public.propagates SET c = 'set' WHERE id = 1`);
    await pipeline.expectApplied('public.propagates');
    expect((await tableOf('public.propagates')).stopped).toBeNull();
  });

  test('or the table halts with the statement that its target needs, and capture goes on', async () => {
    await pipeline.source.query(`
      ALTER TABLE public.halts ALTER n TYPE text USING 'n' || n; UPDATE public.halts SET n = 'written' WHERE id IN (1, 101)`);
    await pipeline.until('the table to halt', async () => (await tableOf('public.halts')).state === 'halted');
    const { message, remedy } = (await tableOf('public.halts')).stopped!;
    expect(message).toContain('public.halts: column n changed its type from integer to text');
    const steps = /On the target: (ALTER .*?;) Then ferry table resume public\.halts\. .*: (UPDATE .*;)$/.exec(remedy)!;
    await pipeline.target.query(steps[1]!);
    expect((await pipeline.ferry('table', 'resume', 'public.halts')).code).toBe(0);
    // All rows updated before that look as those of a table that was truncated.
    await untilLookedAt(pipeline, 'public.halts');
    await pipeline.source.query(steps[2]!);
    await pipeline.until('it to run', async () => (await tableOf('public.halts')).state === 'streaming');
    await pipeline.expectApplied();
  });

  test("a mapped table that becomes a partition of a mapped one is named, and the remedy makes its rows the root's", async () => {
    await pipeline.source.query(
      'ALTER TABLE public.propagates ATTACH PARTITION public.joins FOR VALUES FROM (300) TO (400)',
    );
    pipeline.capture.mayEnd();
    expect(await pipeline.capture.ended).toMatchObject({ code: 1 });
    expect(await pipeline.capture.stderrTail()).toContain(
      'public.joins was attached to public.propagates, and both are mapped',
    );
    const removed = await pipeline.ferry('table', 'remove', 'public.joins', '--yes', '--json');
    expect(removed.code, removed.stderr).toBe(0);
    pipeline.capture.start();
    await pipeline.until('its rows to be copied', async () => {
      const { rows } = await pipeline.target.query('SELECT count(*) AS n FROM growth.propagates WHERE id >= 300');
      return rows[0].n === '21';
    });
    await pipeline.expectApplied('public.propagates');
  });

  test('a partition that was truncated while capture was away halts it, though ALTER TABLE rewrote it since', async () => {
    await pipeline.capture.stop();
    await pipeline.source.query(`
      TRUNCATE public.propagates_low; INSERT INTO public.propagates VALUES (1, 1, 'again');
      ALTER TABLE public.propagates ALTER n TYPE numeric`);
    pipeline.capture.mayEnd();
    pipeline.capture.start();
    expect(await pipeline.capture.ended).toMatchObject({ code: 1 });
    expect(await pipeline.capture.stderrTail()).toMatch(
      /public\.propagates_low, .* was truncated or rewritten on its own/,
    );
  });
});
