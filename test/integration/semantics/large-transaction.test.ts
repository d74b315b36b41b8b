import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { expect, test } from 'vitest';
import { forEachDriver } from '../../support/drivers.js';
import { CAN_WATCH_MEMORY, MemoryWatch } from '../../support/memory-watch.js';
import { type Pipeline, startPipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';

const ROWS = 300_000;
const UPDATED = 200_000;
const LIMIT_MB = 512;
const TIMEOUT_MS = 240_000;

/** All rows as two numbers. */
async function digest(session: ClientBase, table: string): Promise<unknown> {
  const { rows } = await session.query(
    `SELECT count(*) AS rows, sum(('x' || left(md5(t::text), 8))::bit(32)::bigint) AS md5s FROM ${table} t`,
  );
  return rows[0];
}

/** Counts the target's rows each second until something is done. @returns the different counts. */
async function countWhile(pipeline: Pipeline, work: Promise<void>): Promise<string[]> {
  const reader = await pipeline.connect('target');
  const counts = new Set<string>();
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    const { rows } = await reader.query<{ n: string }>('SELECT count(*) AS n FROM growth.t');
    counts.add(rows[0]!.n);
    await Promise.race([sleep(1_000), done]);
  }
  await done;
  return [...counts];
}

forEachDriver('a transaction of 500,000 changes', (driver) => {
  const options = { timeout: TIMEOUT_MS, skip: !CAN_WATCH_MEMORY };
  test('arrives whole, with bounded memory', options, async ({ annotate }) => {
    await using pipeline = await startPipeline({
      driver,
      schemaSql: 'CREATE TABLE public.t (id int PRIMARY KEY, n int NOT NULL, v text NOT NULL)',
      tables: { growth: fromPublic('t') },
    });
    const memory = new MemoryWatch([pipeline.capture, pipeline.transform, pipeline.apply]);
    await pipeline.source.query(`BEGIN;
      INSERT INTO public.t SELECT i, 0, 'a row of some length, number ' || i FROM generate_series(1, ${ROWS}) i;
      UPDATE public.t SET n = n + 1 WHERE id <= ${UPDATED}; COMMIT`);
    const committedAt = performance.now();
    const counts = await countWhile(pipeline, pipeline.untilApplied(TIMEOUT_MS));
    const seconds = ((performance.now() - committedAt) / 1_000).toFixed(1);

    const peaks = await memory.stop();
    const figures = peaks.map(
      ({ service, residentMb, anonymousMb }) => `${service} ${residentMb} MB, own ${anonymousMb}`,
    );
    await annotate(`peak RSS: ${figures.join('; ')}. Applied ${seconds} s after the commit.`);
    expect(counts.filter((count) => count !== '0' && count !== String(ROWS))).toEqual([]);
    expect(await digest(pipeline.target, 'growth.t')).toEqual(await digest(pipeline.source, 'public.t'));
    for (const { service, residentMb } of peaks) expect(residentMb, service).toBeLessThan(LIMIT_MB);
    expect((await pipeline.status()).ledger!.tables).toMatchObject([{ applied: ROWS + UPDATED }]);
  });
});
